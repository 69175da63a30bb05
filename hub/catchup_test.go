package hub_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/hub"
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

func ignore(scenecast.Tally, bool) {}

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
