package presence

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"scenecast"
)

// newQuietModel is three nodes between which nothing is lost.
func newQuietModel(t *testing.T) *model {
	m := &model{
		t: t, r: rand.New(rand.NewPCG(1, 1)), now: time.UnixMilli(1_800_000_000_000), calm: true,
		heard: make(map[[2]scenecast.NodeID]time.Time),
	}
	for range 3 {
		m.start()
	}
	m.wait(2 * time.Second)
	return m
}

func (m *model) wait(d time.Duration) {
	for range d / (50 * time.Millisecond) {
		m.advance(50 * time.Millisecond)
	}
}

// user has a page of a user join at a node.
func (m *model) user(node int, name string) *modelPage {
	n := m.nodes[node]
	p := m.newPage(n)
	p.labels = p.labels.With(scenecast.LabelUser, name).With("order", "7")
	n.pages[p.id] = p
	m.handOver(n, p)
	return p
}

// told are the events since it was called last, without those that were told before; the first IDs are those of the test.
func (m *model) told(ids map[string]bool) (told []string) {
	for _, e := range m.events {
		if !ids[e.ID] {
			ids[e.ID] = true
			told = append(told, fmt.Sprint(e.Kind, " ", e.User))
		}
	}
	m.events = nil
	return told
}

func expectTold(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: told %q, want %q", what, got, want)
	}
}

// TestEventsAreToldOnce: wherever the first and the last connection of a user are, and also when the node that has begun it dies.
func TestEventsAreToldOnce(t *testing.T) {
	m, ids := newQuietModel(t), make(map[string]bool)
	first := m.user(0, "ann")
	m.wait(time.Second)
	expectTold(t, "the first page", m.told(ids), "occupied ", "joined ann")
	second := m.user(1, "ann")
	m.wait(time.Second)
	m.leave(m.nodes[0], first)
	m.wait(10 * time.Second)
	expectTold(t, "a second page, and the first one's end", m.told(ids))
	m.leave(m.nodes[1], second)
	m.wait(2 * time.Second)
	expectTold(t, "within linger", m.told(ids))
	m.wait(3 * time.Second)
	expectTold(t, "after linger", m.told(ids), "vacated ", "left ann")

	m.user(0, "bob")
	m.wait(time.Second)
	third := m.user(1, "bob")
	m.wait(time.Second)
	expectTold(t, "another user", m.told(ids), "occupied ", "joined bob")
	m.nodes = m.nodes[1:] // where it has begun, is dead
	m.wait(10 * time.Second)
	expectTold(t, "a node has died, and another page is there", m.told(ids))
	m.leave(m.nodes[0], third)
	m.wait(10 * time.Second)
	expectTold(t, "the other page's end", m.told(ids), "vacated ", "left bob")

	m.user(0, "eve")
	m.wait(time.Second)
	expectTold(t, "a third user", m.told(ids), "occupied ", "joined eve")
	m.nodes = m.nodes[1:]
	m.wait(10 * time.Second)
	expectTold(t, "its node has died", m.told(ids), "vacated ", "left eve")
}

// TestEventsAfterACut: while a node is cut off its members have left for the others, which tell so; when it is back, they come, and leave, with
// other IDs than before.
func TestEventsAfterACut(t *testing.T) {
	m, ids := newQuietModel(t), make(map[string]bool)
	page := m.user(2, "ann")
	m.wait(time.Second)
	expectTold(t, "before", m.told(ids), "occupied ", "joined ann")
	m.nodes[2].side = 1
	m.wait(10 * time.Second)
	expectTold(t, "while it is cut off", m.told(ids), "vacated ", "left ann")
	m.nodes[2].side = 0
	m.wait(5 * time.Second)
	expectTold(t, "when it is back", m.told(ids), "occupied ", "joined ann")
	m.leave(m.nodes[2], page)
	m.wait(5 * time.Second)
	expectTold(t, "and when she leaves", m.told(ids), "vacated ", "left ann")
}

// TestEventsAfterACutAndADeath: a node that was cut off dies after it is back. The others tell once more that its members have left, and by
// another ID than the first time: a backend that drops what it has had by ID would keep them for ever.
func TestEventsAfterACutAndADeath(t *testing.T) {
	m, ids := newQuietModel(t), make(map[string]bool)
	m.user(2, "ann")
	m.wait(time.Second)
	expectTold(t, "before", m.told(ids), "occupied ", "joined ann")
	m.nodes[2].side = 1
	m.wait(10 * time.Second)
	expectTold(t, "while it is cut off", m.told(ids), "vacated ", "left ann")
	m.nodes[2].side = 0
	m.wait(5 * time.Second)
	expectTold(t, "when it is back", m.told(ids), "occupied ", "joined ann")
	m.nodes = m.nodes[:2]
	m.wait(10 * time.Second)
	expectTold(t, "when it has died", m.told(ids), "vacated ", "left ann")
}
