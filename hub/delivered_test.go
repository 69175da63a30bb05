package hub_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
)

// TestLastingOnItsWay: a page that moves from one shard to another while a push is on its way through them gets it once.
func TestLastingOnItsWay(t *testing.T) {
	for name, delivered := range map[string][2]bool{
		"nowhere": {}, "on its old shard": {true, false}, "on its new shard": {false, true}, "on both": {true, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newFixture(2)
			defer s.end()
			from, to := s.queues[0], s.queues[1]
			page := back(admit(lines{}, "home"), "p", s.position(0))
			k := from.open(page)
			s.runAll()
			s.lasts(1)
			for i, q := range s.queues {
				if delivered[i] {
					q.run(1)
					for _, k := range q.sockets {
						q.write(k)
					}
				}
			}
			page.Resume.After.Seq = uint64(len(k.got))
			from.leave(k)
			again := to.open(page)
			s.runAll()
			if len(k.got)+len(again.got) != 1 {
				t.Errorf("delivered %s: got %q, then %q", name, k.got, again.got)
			}
		})
	}
}

// TestLastingOnAShardThatIsBehind: a page that has got a push, and is for a while on a shard that has not come to it, has got it.
func TestLastingOnAShardThatIsBehind(t *testing.T) {
	withFixture(t, "", func(t *testing.T, s *fixture, a, b *queue) {
		page := known(lines{}, "p")
		k := a.open(page)
		s.lasts(1)
		a.run(1)
		a.write(k)
		a.leave(k)
		b.leave(b.open(page))
		again := a.open(page)
		if s.runAll(); len(k.got) != 1 || len(again.got) != 0 {
			t.Errorf("got %q, and then %q", k.got, again.got)
		}
	})
}

// TestLastingIsNotClaimed: what a page was to get, and has not, it has not got.
func TestLastingIsNotClaimed(t *testing.T) {
	t.Run("it left in the middle of its catch-up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newFixture(1)
			defer s.end()
			q := s.queues[0]
			s.publish(scenecast.Push{To: to("*")}, ignore)
			s.runAll()
			s.holds = true
			k := q.open(back(admit(lines{}, "home"), "p", s.position(0)))
			s.lasts(1)
			q.run(1)
			q.leave(k)
			again := admit(lines{}, "home")
			again.PageID = "p" // and nothing more: it begins anew
			k = q.open(again)
			if s.runAll(); !slices.Equal(k.got, []string{"late 2"}) {
				t.Errorf("got %q", k.got)
			}
		})
	})
	t.Run("it was cut off, and the log has forgotten", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newFixture(2)
			defer s.end()
			k := s.queues[0].open(back(admit(lines{}, "home"), "p", s.position(0)))
			s.lasts(1)
			s.queues[0].run(1)
			s.queues[1].run(1)
			s.queues[0].leave(k) // with the push in its outbox
			s.keep(0)
			k = s.queues[1].open(back(admit(lines{}, "home"), "p", s.position(0)))
			if s.runAll(); !slices.Equal(k.got, []string{"gap retention 1", "late 1"}) {
				t.Errorf("got %q", k.got)
			}
		})
	})
	t.Run("its outbox had no room for what it had missed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newFixture(1)
			defer s.end()
			s.publish(scenecast.Push{To: to("*")}, ignore)
			s.runAll()
			s.holds = true
			q := s.queues[0]
			q.frames = 1
			k := q.open(back(admit(greeting{}, "home"), "p", s.position(0)))
			synctest.Wait()
			q.write(k) // the greeting
			s.lasts(1)
			for range 100 { // so many that all are left to the log
				s.publish(scenecast.Push{To: to("*")}, ignore)
			}
			q.run(101)
			s.release()
			synctest.Wait()
			q.run(1)
			q.write(k) // the first chunk
			q.run(1)
			q.say(k, "hello")
			synctest.Wait()
			s.release()
			synctest.Wait()
			q.run(1) // the second one finds the answer in the outbox
			if k.code != scenecast.CloseSlowConsumer {
				t.Fatalf("closed with %d", k.code)
			}
			q.frames = 0
			k = q.open(known(lines{}, "p"))
			if s.runAll(); !slices.Equal(k.got, []string{"late 2"}) {
				t.Errorf("got %q", k.got)
			}
		})
	})
	t.Run("another one had its slot", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newFixture(1)
			defer s.end()
			q := s.queues[0]
			q.frames = 1
			k := q.open(admit(lines{}, "home"))
			s.publish(scenecast.Push{To: to("*")}, ignore)
			q.run(1)
			s.lasts(1)
			q.run(1) // its outbox is full, and it is closed for that
			next := q.open(admit(lines{}, "home"))
			if s.runAll(); k.code != scenecast.CloseSlowConsumer || next.slot.Index != k.slot.Index || !slices.Equal(next.got, []string{"late 2"}) {
				t.Errorf("closed with %d; the next in slot %d got %q", k.code, next.slot.Index, next.got)
			}
		})
	})
}

// greeting are lines that answer everything.
type greeting struct{ lines }

func (greeting) Opened(c scenecast.Conn)                        { c.Send([]byte("hello\n")) }
func (greeting) Received(c scenecast.Conn, _ scenecast.Inbound) { c.Send([]byte("hello\n")) }

// TestLastingWhenTheLogBeginsAnew: a page that has got a push in one epoch of the log does not get it again in the next one, whether it
// comes back to its node or to another one, and whether or not it says where it was.
func TestLastingWhenTheLogBeginsAnew(t *testing.T) {
	for name, c := range map[string]struct {
		elsewhere, since bool
		want             []string
	}{
		"back":                 {false, false, []string{"late 1002"}},
		"elsewhere":            {true, false, []string{"late 1002"}},
		"back with a position": {false, true, []string{"gap epoch 1002", "late 1002"}},
		"elsewhere with one":   {true, true, []string{"gap epoch 1002", "late 1002"}},
	} {
		t.Run(name, func(t *testing.T) {
			twoNodes(t, func(t *testing.T, a, b *fixture) {
				nodes := []*fixture{a, b}
				lasting := func() {
					for _, s := range nodes {
						s.publish(scenecast.Push{To: to("*"), TTL: time.Hour}, ignore)
					}
					for _, s := range nodes {
						s.runAll()
					}
				}
				page := known(lines{}, "p")
				k := a.queues[0].open(page)
				lasting()
				was := a.position(1)
				a.queues[0].leave(k)
				for _, s := range nodes {
					s.runAll()
					s.beginAnew()
				}
				lasting()
				if c.since {
					page = back(page, "p", was)
				}
				node := a
				if c.elsewhere {
					node = b
				}
				again := node.queues[0].open(page)
				stranger := node.queues[0].open(known(lines{}, "q"))
				node.runAll()
				if !slices.Equal(k.got, []string{"push 1"}) || !slices.Equal(again.got, c.want) {
					t.Errorf("it got %q, and then %q, want %q", k.got, again.got, c.want)
				}
				if !slices.Equal(stranger.got, []string{"late 1", "late 1002"}) {
					t.Errorf("a page that had got neither got %q", stranger.got)
				}
			})
		})
	}
}
