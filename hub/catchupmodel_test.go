package hub_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/hub"
	"scenecast/label"
)

// model is what the random walk knows.
type model struct {
	*fixture
	t        *testing.T
	r        *rand.Rand
	log      []*scenecast.Push // all of it, whatever is kept
	to       []string          // the page that each is for
	pages    []*trackedPage
	gaps     int
	replayed int
}

// TestCatchUpModel has pages come, go, come back elsewhere, change scenes and read slowly, while pushes arrive and the log
// forgets. Each must get exactly what its labels matched, once and in order, or be told of a gap that there is.
func TestCatchUpModel(t *testing.T) {
	gaps, replayed := 0, 0
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			m := &model{fixture: newFixture(2), t: t, r: rand.New(rand.NewPCG(seed, 5))}
			m.holds = true
			defer m.end()
			for range 8 {
				m.pages = append(m.pages, &trackedPage{id: fmt.Sprint("v", len(m.pages)), app: m.any("a", "a", "b")})
			}
			for range 1500 {
				m.happen()
			}
			m.fixture.runAll()
			time.Sleep(time.Second) // those that were ahead of their shard ask again
			m.fixture.runAll()
			for _, v := range m.pages {
				m.check(v)
				if v.socket != nil {
					m.wantNothingMissed(v)
				}
			}
			for _, q := range m.queues {
				if n := hub.CatchingUp(q.shard); n > 0 {
					t.Errorf("seed %d: %d pages are still catching up", seed, n)
				}
			}
			gaps, replayed = gaps+m.gaps, replayed+m.replayed
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if gaps < 100 || replayed < 1000 {
		t.Errorf("%d gaps and %d pushes: the walk does not come by what it is to test", gaps, replayed)
	}
}

func (m *model) any(of ...string) string { return of[m.r.IntN(len(of))] }

func (m *model) page() string { return m.any("home", "list", "order") }

// happen does something.
func (m *model) happen() {
	v := m.pages[m.r.IntN(len(m.pages))]
	q := m.queues[m.r.IntN(len(m.queues))]
	switch n := m.r.IntN(100); {
	case n < 25:
		name := m.page()
		m.log = append(m.log, m.publish(scenecast.Push{App: m.any("a", "b"), To: to("page == " + fmt.Sprintf("%q", name))}, ignore))
		m.to = append(m.to, name)
	case n < 55:
		q.run(1 + m.r.IntN(3))
	case n < 65:
		m.release()
		synctest.Wait()
	case n < 75 && v.socket != nil:
		v.q.write(v.socket)
	case n < 85 && v.socket != nil:
		v.labels = append(v.labels, labelled{hub.Position(v.q.shard).Seq, m.page()})
		v.q.say(v.socket, "page="+v.labels[len(v.labels)-1].page)
	case n < 88 && v.socket != nil:
		m.check(v)
		v.q.leave(v.socket)
		v.socket = nil
	case n < 95 && v.socket == nil:
		m.come(v, q)
	case n == 99:
		m.keep(m.r.IntN(30))
	}
	synctest.Wait()
}

// come has a page come, or come back.
func (m *model) come(v *trackedPage, q *queue) {
	page := m.page()
	a := scenecast.Admission{App: v.app, PageID: v.id, Labels: label.New(label.Label{Key: "page", Value: page}), Protocol: lines{}}
	if v.at == 0 || m.r.IntN(10) == 0 {
		v.at = hub.Position(q.shard).Seq // as one that has never been here
	} else {
		a.Resume = scenecast.Resume{Wanted: true, After: m.position(v.at)}
	}
	v.q, v.labels, v.read = q, []labelled{{0, page}}, 0
	v.socket = q.open(a)
}

// isFor reports whether a push is for a page, by the label that it had there.
func (m *model) isFor(seq uint64, v *trackedPage) bool {
	label := ""
	for _, l := range v.labels {
		if l.from < seq {
			label = l.page
		}
	}
	return m.log[seq-1].App == v.app && m.to[seq-1] == label
}

// check compares what a page has got since the last check.
func (m *model) check(v *trackedPage) {
	m.t.Helper()
	if v.socket == nil {
		return
	}
	for _, message := range v.socket.got[v.read:] {
		var seq uint64
		if n, _ := fmt.Sscanf(message, "gap retention %d", &seq); n == 1 {
			if seq <= v.at {
				m.t.Fatalf("%s is at %d and is told %q", v.id, v.at, message)
			}
			m.gaps++
			v.at = seq
			continue
		}
		if n, _ := fmt.Sscanf(message, "push %d", &seq); n != 1 {
			m.t.Fatalf("%s is told %q", v.id, message)
		}
		next := v.at + 1
		for next < seq && !m.isFor(next, v) {
			next++
		}
		if next != seq || !m.isFor(seq, v) {
			m.t.Fatalf("%s with the labels %v, at %d, got %d; %d is for it: %v", v.id, v.labels, v.at, seq, next, m.isFor(next, v))
		}
		v.at = seq
		m.replayed++
	}
	v.read = len(v.socket.got)
}

func (m *model) wantNothingMissed(v *trackedPage) {
	m.t.Helper()
	for seq := v.at + 1; seq <= m.newest; seq++ {
		if m.isFor(seq, v) {
			m.t.Fatalf("%s with the labels %v, at %d, has not got %d", v.id, v.labels, v.at, seq)
		}
	}
}
