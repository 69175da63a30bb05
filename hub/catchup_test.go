package hub_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/hub"
	"scenecast/label"
)

// trackedPage is a page of the model: what it must get follows from the positions, and the labels that it had at each.
type trackedPage struct {
	id     string
	app    string
	q      *queue
	socket *socket    // nil: it is away
	labels []labelled // on this connection, in order
	at     uint64     // everything that was for it up to here, it has
	read   int        // of the messages that it got
}

// labelled is from where in the log a page has a label.
type labelled struct {
	from uint64
	page string
}

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

func ignore(scenecast.Tally, bool) {}

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

// TestCatchUpIsBounded: of a page that does not read, one step's bytes are outstanding, however much it has missed.
func TestCatchUpIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(1)
		defer s.end()
		big := scenecast.Message{Data: make([]byte, 1000)}
		for range 1000 {
			s.publish(scenecast.Push{To: to("*"), Message: big}, ignore)
		}
		s.runAll()
		q := s.queues[0]
		k := q.open(back(admit(wide{}, "home"), "p", s.position(0)))
		reads := 0
		for ; hub.CatchingUp(q.shard) > 0; reads++ {
			synctest.Wait()
			q.run(10)
			synctest.Wait()
			n := 0
			for _, f := range k.pending {
				n += len(f.Data)
			}
			if n > hub.StepBytes {
				t.Fatalf("%d bytes are outstanding, want at most %d", n, hub.StepBytes)
			}
			q.write(k)
		}
		if len(k.got) != 1000 || reads < 1000*1000/hub.StepBytes {
			t.Errorf("got %d pushes in %d steps", len(k.got), reads)
		}
	})
}

// wide are lines that hold the data.
type wide struct{ lines }

func (wide) EncodePush(p *scenecast.Push, _ scenecast.Delivery) []byte {
	return append(make([]byte, len(p.Message.Data)), '\n')
}

// TestCatchUpIsNotOutrun: pushes that arrive during every step of a catch-up do not keep it from its end.
func TestCatchUpIsNotOutrun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(1)
		defer s.end()
		s.publish(scenecast.Push{To: to("*")}, ignore)
		s.runAll()
		s.holds = true
		q := s.queues[0]
		k := q.open(back(admit(lines{}, "home"), "p", s.position(0)))
		for range 10 {
			synctest.Wait() // the step has read
			for range 3 {
				s.publish(scenecast.Push{To: to("*")}, ignore)
			}
			s.release()
			synctest.Wait()
			for q.run(1) {
				q.write(k)
			}
		}
		if s.reads > 3 || hub.CatchingUp(q.shard) > 0 {
			t.Errorf("after 10 rounds with pushes in each: %d steps, %d catching up", s.reads, hub.CatchingUp(q.shard))
		}
		s.runAll()
		if len(k.got) != 31 {
			t.Errorf("got %q", k.got)
		}
	})
}

// TestCatchUpLeavesMuchToTheLog: what arrives during a step is kept only if it is not much.
func TestCatchUpLeavesMuchToTheLog(t *testing.T) {
	for name, data := range map[string][]byte{"many": []byte("1"), "large": make([]byte, hub.StepBytes)} {
		synctest.Test(t, func(t *testing.T) {
			s := newFixture(1)
			defer s.end()
			s.publish(scenecast.Push{To: to("*")}, ignore)
			s.runAll()
			s.holds = true
			k := s.queues[0].open(back(admit(lines{}, "home"), "p", s.position(0)))
			synctest.Wait()
			for range 100 {
				s.publish(scenecast.Push{To: to("*"), Message: scenecast.Message{Data: data}}, ignore)
			}
			s.runAll()
			for i, got := range k.got {
				if got != fmt.Sprint("push ", i+1) {
					t.Fatalf("%s: got %q as number %d", name, got, i+1)
				}
			}
			if len(k.got) != 101 || s.reads != 2 {
				t.Errorf("%s: got %d pushes in %d reads of the log, want 101 in 2", name, len(k.got), s.reads)
			}
		})
	}
}

// TestCatchUpGaps: what cannot be replayed is told, also when the log cannot be read at all.
func TestCatchUpGaps(t *testing.T) {
	for _, c := range []struct {
		name  string
		since scenecast.Position
		fail  error
		want  []string
	}{
		{"kept", scenecast.Position{Epoch: epoch, Seq: 15}, nil, []string{"push 16", "push 17", "push 18", "push 19", "push 20"}},
		{"not kept", scenecast.Position{Epoch: epoch, Seq: 14}, nil, []string{"gap retention 20"}},
		{"another epoch", scenecast.Position{Epoch: epoch + 1, Seq: 17}, nil, []string{"gap epoch 20"}},
		{"not there yet", scenecast.Position{Epoch: epoch, Seq: 21}, nil, []string{"gap epoch 20"}},
		{"unreadable", scenecast.Position{Epoch: epoch, Seq: 15}, scenecast.ErrClosed, []string{"gap failure 20"}},
		{"whatever there is", scenecast.Position{}, nil, []string{"push 16", "push 17", "push 18", "push 19", "push 20"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newFixture(1)
			defer s.end()
			for range 20 {
				s.publish(scenecast.Push{To: to("*")}, ignore)
			}
			s.runAll()
			s.keep(5)
			s.fail = c.fail
			k := s.queues[0].open(back(admit(lines{}, "home"), "p", c.since))
			s.runAll()
			s.publish(scenecast.Push{To: to("*")}, ignore)
			s.runAll()
			if want := append(c.want, "push 21"); !slices.Equal(k.got, want) {
				t.Errorf("%s: got %q, want %q", c.name, k.got, want)
			}
		})
	}
}

// TestCatchUpAheadOfALostTail: a page has had a push that its new node has not read yet, and the log loses. It is appended again in the next
// epoch, which the node reads while the page waits for it: the page does not get it twice, and is told of a gap.
func TestCatchUpAheadOfALostTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(1)
		defer s.end()
		s.publish(scenecast.Push{To: to("*")}, ignore)
		s.ahead = 2
		s.runAll()
		k := s.queues[0].open(back(admit(lines{}, "home"), "p", s.position(2)))
		s.runAll()
		s.beginAnew()
		again := s.publish(scenecast.Push{To: to("*")}, ignore)
		s.runAll()
		time.Sleep(time.Second)
		s.runAll()
		s.publish(scenecast.Push{To: to("*")}, ignore)
		s.runAll()
		want := []string{fmt.Sprint("gap epoch ", again.Position.Seq), fmt.Sprint("push ", again.Position.Seq+1)}
		if !slices.Equal(k.got, want) {
			t.Errorf("got %q, want %q", k.got, want)
		}
	})
}

// TestCatchUpOnNothing: a page that wants whatever there is does not read for ever where there is nothing.
func TestCatchUpOnNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(1)
		defer s.end()
		for range 20 {
			s.publish(scenecast.Push{To: to("*")}, ignore)
		}
		s.runAll()
		s.keep(0)
		k := s.queues[0].open(back(admit(lines{}, "home"), "p", scenecast.Position{}))
		s.runAll()
		s.publish(scenecast.Push{To: to("*")}, ignore)
		s.runAll()
		if s.reads != 1 || !slices.Equal(k.got, []string{"push 21"}) {
			t.Errorf("%d reads, got %q", s.reads, k.got)
		}
	})
}

// TestCatchUpOfARestlessPage: what is known of a page's labels while it does not read is bounded.
func TestCatchUpOfARestlessPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(1)
		defer s.end()
		q := s.queues[0]
		s.publish(scenecast.Push{To: to("*")}, ignore)
		s.runAll()
		k := q.open(back(admit(lines{}, "home"), "p", s.position(0)))
		for i := range 2 * hub.MaxSpans { // all at one place in the log: nothing was delivered between
			q.say(k, fmt.Sprint("page=", i))
		}
		if synctest.Wait(); !q.run(100) || k.code != 0 {
			t.Fatalf("closed with %d", k.code)
		}
		for i := range hub.MaxSpans {
			s.publish(scenecast.Push{To: to("*")}, ignore)
			q.run(1)
			q.say(k, fmt.Sprint("page=", i))
		}
		if s.runAll(); k.code != scenecast.CloseSlowConsumer || s.Connections() != 0 {
			t.Errorf("closed with %d, want %d; %d connections", k.code, scenecast.CloseSlowConsumer, s.Connections())
		}
	})
}

// TestCatchUpOutlivedByNothing: closing a hub ends what is being read for its pages.
func TestCatchUpOutlivedByNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(1)
		s.publish(scenecast.Push{To: to("*")}, ignore)
		s.runAll()
		s.holds = true
		for i := range hub.StepsAtATime() + 10 {
			s.queues[0].open(back(admit(lines{}, "home"), fmt.Sprint("p", i), s.position(0)))
		}
		synctest.Wait()
		closed := make(chan struct{})
		go func() {
			s.Close()
			close(closed)
		}()
		synctest.Wait()
		for len(s.held) > 0 {
			s.release()
			synctest.Wait()
		}
		<-closed
		if s.reads != hub.StepsAtATime() {
			t.Errorf("%d pages have read, want the %d that had begun", s.reads, hub.StepsAtATime())
		}
	})
}
