package registry

import (
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/label"
)

// TestTable: whatever comes and goes, and whenever Redis is away, what is written makes the hash what it is to be, and the table has
// nothing but the connections and what is on its way.
func TestTable(t *testing.T) {
	for seed := range uint64(500) {
		m := &tableModel{
			t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 0)),
			table: table{entries: make(map[scenecast.ConnID]*entry), away: true},
			hash:  make(map[string]string), want: make(map[string]string), set: make(map[string]bool),
		}
		for range 60 {
			m.round()
		}
		m.restart()
		m.flush()
		m.check("at the end")
	}
}

type tableModel struct {
	t          *testing.T
	seed       uint64
	random     *rand.Rand
	table      table
	lastSeq    uint64
	hash, want map[string]string
	set        map[string]bool // every field that the hash has ever had
}

func (m *tableModel) round() {
	m.table.apply(1, m.events())
	switch m.random.IntN(6) {
	case 0:
		m.table.lose()
		if m.random.IntN(2) == 0 {
			clear(m.hash)
		}
	case 1:
		m.restart()
	case 2:
		if !m.table.away {
			m.step()
		}
	case 3:
		if !m.table.away {
			m.flush()
			m.check("flushed")
		}
	}
	if n := len(m.table.entries); m.table.away && (n != len(m.want) || len(m.table.dirty) > 0) || m.table.live != len(m.want) {
		m.t.Fatalf("seed %d: of %d connections the table has %d entries, %d live, %d changes; away: %v",
			m.seed, len(m.want), n, m.table.live, len(m.table.dirty), m.table.away)
	}
}

// events are some changes, and make m.want what the hash is to be.
func (m *tableModel) events() (events []event) {
	for range m.random.IntN(8) {
		id := scenecast.ConnID{Node: 1, Seq: 1 + m.random.Uint64N(m.lastSeq+1)}
		_, known := m.want[id.String()]
		switch {
		case m.random.IntN(2) == 0 || !known:
			m.lastSeq++
			id.Seq = m.lastSeq
			fallthrough
		case m.random.IntN(2) == 0:
			c := connection{id, "default", label.New(label.Label{Key: "a", Value: strings.Repeat("x", m.random.IntN(9))}), time.Unix(int64(id.Seq), 0)}
			m.want[id.String()] = string(appendValue(nil, 1, c))
			if known && id.Seq < m.lastSeq {
				c.since = c.since.Add(time.Hour) // when it has changed; it is there for longer
			}
			events = append(events, event{connection: c})
		default:
			delete(m.want, id.String())
			events = append(events, event{connection: connection{id: id}, ended: true})
		}
	}
	return events
}

// restart has Redis come back: all is written, and what is too much deleted.
func (m *tableModel) restart() {
	m.table.lose()
	m.table.restart()
	m.flush()
	for field := range maps.Clone(m.hash) {
		if !m.table.has(field) {
			delete(m.hash, field)
		}
	}
}

func (m *tableModel) flush() {
	for !m.table.isClean() {
		m.step()
	}
}

func (m *tableModel) step() {
	b := m.table.take(1+m.random.IntN(5), 1000)
	for i := 0; i < len(b.sets); i += 2 {
		m.hash[b.sets[i]] = b.sets[i+1]
		m.set[b.sets[i]] = true
	}
	for _, field := range b.ended {
		if !m.set[field] {
			m.t.Fatalf("seed %d: %s is deleted, and was never set", m.seed, field)
		}
		delete(m.hash, field)
	}
	m.table.confirm(b)
}

func (m *tableModel) check(when string) {
	m.t.Helper()
	if !maps.Equal(m.hash, m.want) {
		m.t.Fatalf("seed %d, %s: the hash is\n\t%v, want\n\t%v", m.seed, when, m.hash, m.want)
	}
}
