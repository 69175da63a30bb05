package hub_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/hub"
)

func TestReceiptWritten(t *testing.T) {
	withFixture(t, "by all", func(t *testing.T, s *fixture, a, b *queue) {
		a.open(admit(lines{}, "home"))
		b.open(admit(acking{}, "home"))
		r := s.asks(t, scenecast.ReceiptWritten)
		for _, q := range s.queues {
			q.run(1)
		}
		r.waits(2)
		s.runAll()
		r.want(2, 2, 0, 0)
	})
	withFixture(t, "by nobody, for there is none", func(t *testing.T, s *fixture, _, _ *queue) {
		r := s.asks(t, scenecast.ReceiptWritten)
		s.runAll()
		r.want(0, 0, 0, 0)
	})
	withFixture(t, "in time by one, later by another", func(t *testing.T, s *fixture, a, b *queue) {
		fast, slow := a.open(admit(lines{}, "home")), b.open(admit(lines{}, "home"))
		r := s.asks(t, scenecast.ReceiptWritten)
		a.run(1)
		b.run(1)
		a.write(fast)
		time.Sleep(10*time.Second - time.Nanosecond)
		synctest.Wait()
		r.waits(2)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		r.want(2, 1, 0, 1)
		b.write(slow)
		r.want(2, 2, 0, 0)
	})
	withFixture(t, "not by one that has left", func(t *testing.T, s *fixture, a, b *queue) {
		k := a.open(admit(lines{}, "home"))
		b.open(admit(lines{}, "home"))
		r := s.asks(t, scenecast.ReceiptWritten)
		a.run(1)
		a.leave(k)
		s.runAll()
		r.want(2, 1, 0, 0)
	})
	withFixture(t, "not by one whose outbox dropped it", func(t *testing.T, s *fixture, a, _ *queue) {
		a.frames, a.drops = 1, true
		a.open(admit(lines{}, "home"))
		r := s.asks(t, scenecast.ReceiptWritten)
		s.publish(scenecast.Push{To: to("*")}, ignore)
		a.run(2)
		s.runAll()
		r.want(1, 0, 0, 0)
	})
	withFixture(t, "not by one whose outbox was full", func(t *testing.T, s *fixture, a, _ *queue) {
		a.frames = 1
		a.open(admit(lines{}, "home"))
		s.publish(scenecast.Push{To: to("*")}, ignore)
		r := s.asks(t, scenecast.ReceiptWritten)
		a.run(2)
		s.runAll()
		r.compare(true, scenecast.Tally{Dropped: 1})
	})
}

// TestReceiptCatchingUp: a page that is catching up has a push when that is written to it, by the log or behind it.
func TestReceiptCatchingUp(t *testing.T) {
	behind := func(s *fixture, q *queue) *socket {
		s.publish(scenecast.Push{To: to("*")}, ignore)
		s.runAll()
		s.holds = true
		k := q.open(back(admit(acking{}, "home"), "p", s.position(0)))
		synctest.Wait()
		return k
	}
	withFixture(t, "behind the last step", func(t *testing.T, s *fixture, a, _ *queue) {
		behind(s, a)
		r := s.asks(t, scenecast.ReceiptWritten)
		a.run(1)
		s.queues[1].run(1)
		r.waits(1)
		s.runAll()
		r.want(1, 1, 0, 0)
	})
	withFixture(t, "by the log", func(t *testing.T, s *fixture, a, _ *queue) {
		k := behind(s, a)
		var all []*account
		for range 100 {
			all = append(all, s.asks(t, scenecast.ReceiptWritten))
		}
		s.runAll()
		for _, r := range all {
			r.want(1, 1, 0, 0)
		}
		if len(k.got) != 101 {
			t.Errorf("got %q", k.got)
		}
	})
	withFixture(t, "not if it leaves before", func(t *testing.T, s *fixture, a, _ *queue) {
		k := behind(s, a)
		r := s.asks(t, scenecast.ReceiptWritten)
		a.run(1)
		a.leave(k)
		s.runAll()
		r.want(1, 0, 0, 0)
	})
	withFixture(t, "not if it leaves with the piece in its outbox", func(t *testing.T, s *fixture, a, b *queue) {
		k := behind(s, a)
		var all []*account
		for range 100 {
			all = append(all, s.asks(t, scenecast.ReceiptWritten))
		}
		a.run(100)
		for len(s.held) > 0 || a.run(1) {
			s.release()
			synctest.Wait()
			if len(k.pending) > 0 && len(k.got) == 0 {
				a.write(k) // the first piece, and no further one
			}
		}
		a.leave(k)
		s.runAll()
		for _, r := range all {
			r.want(1, 0, 0, 0)
		}
	})
	withFixture(t, "not if the log has forgotten it", func(t *testing.T, s *fixture, a, _ *queue) {
		behind(s, a)
		var all []*account
		for range 300 {
			all = append(all, s.asks(t, scenecast.ReceiptWritten))
		}
		a.run(300)
		s.keep(0)
		s.runAll()
		for i, r := range all {
			r.want(1, 0, 0, 0)
			if t.Failed() {
				t.Fatalf("number %d", i)
			}
		}
	})
	withFixture(t, "acknowledged", func(t *testing.T, s *fixture, a, _ *queue) {
		k := behind(s, a)
		r := s.asks(t, scenecast.ReceiptAcked)
		s.runAll()
		r.waits(1)
		a.say(k, "ack 2")
		r.want(1, 1, 1, 0)
	})
}

func TestReceiptAcked(t *testing.T) {
	withFixture(t, "by those that can", func(t *testing.T, s *fixture, a, b *queue) {
		one, two := a.open(admit(acking{}, "home")), b.open(admit(acking{}, "home"))
		a.open(admit(lines{}, "home"))
		r := s.asks(t, scenecast.ReceiptAcked)
		s.runAll()
		r.waits(3)
		a.say(one, "ack 1")
		a.say(one, "ack 1") // again
		a.say(one, "ack 2") // of none
		r.waits(3)
		b.say(two, "ack 1")
		r.want(3, 3, 2, 0)
	})
	withFixture(t, "by nobody, for none can", func(t *testing.T, s *fixture, a, b *queue) {
		a.open(admit(lines{}, "home"))
		r := s.asks(t, scenecast.ReceiptAcked)
		a.run(1)
		b.run(1)
		r.waits(1) // what it can say is that it was written
		s.runAll()
		r.want(1, 1, 0, 0)
	})
	withFixture(t, "before it is known to be written", func(t *testing.T, s *fixture, a, b *queue) {
		k := a.open(admit(acking{}, "home"))
		r := s.asks(t, scenecast.ReceiptAcked)
		a.run(1)
		b.run(1)
		a.say(k, "ack 1")
		r.waits(1)
		s.runAll()
		r.want(1, 1, 1, 0)
	})
	withFixture(t, "too late", func(t *testing.T, s *fixture, a, _ *queue) {
		k := a.open(admit(acking{}, "home"))
		a.open(admit(acking{}, "home"))
		r := s.asks(t, scenecast.ReceiptAcked)
		s.runAll()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		r.want(2, 2, 0, 2)
		a.say(k, "ack 1")
		a.say(k, "ack 1")
		r.want(2, 2, 1, 1)
	})
	withFixture(t, "by the wrong page", func(t *testing.T, s *fixture, a, _ *queue) {
		a.open(admit(acking{}, "home"))
		r := s.asks(t, scenecast.ReceiptAcked)
		s.runAll()
		late := a.open(admit(acking{}, "home")) // one that has not got it
		a.say(late, "ack 1")
		r.waits(1)
	})
	withFixture(t, "back on another shard", func(t *testing.T, s *fixture, a, b *queue) {
		k := a.open(known(acking{}, "p"))
		r := s.asks(t, scenecast.ReceiptAcked)
		s.runAll()
		a.leave(k)
		r.waits(1)
		foreign := known(acking{}, "p")
		foreign.App = "b"
		b.say(b.open(foreign), "ack 1")
		b.say(b.open(known(acking{}, "q")), "ack 1")
		r.waits(1)
		k = b.open(known(acking{}, "p"))
		b.say(k, "ack 1")
		b.say(k, "ack 1")
		r.want(1, 1, 1, 0)
	})
	withFixture(t, "back when the time has passed", func(t *testing.T, s *fixture, a, b *queue) {
		k := a.open(known(acking{}, "p"))
		r := s.asks(t, scenecast.ReceiptAcked)
		s.runAll()
		a.leave(k)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		r.want(1, 1, 0, 1)
		b.say(b.open(known(acking{}, "p")), "ack 1")
		r.want(1, 1, 1, 0)
	})
	withFixture(t, "not by one that has left for good", func(t *testing.T, s *fixture, a, b *queue) {
		gone, stays := a.open(admit(acking{}, "home")), a.open(admit(acking{}, "home"))
		r := s.asks(t, scenecast.ReceiptAcked)
		s.runAll()
		a.leave(gone)
		r.waits(2)
		a.say(stays, "ack 1")
		r.want(2, 2, 1, 0)
	})
	withFixture(t, "not by one that has left without it", func(t *testing.T, s *fixture, a, b *queue) {
		gone, stays := a.open(admit(acking{}, "home")), a.open(known(acking{}, "p"))
		r := s.asks(t, scenecast.ReceiptAcked)
		a.run(1)
		a.leave(gone) // counts once, as one that has left and as one that has not got it
		s.runAll()
		r.waits(2)
		a.say(stays, "ack 1")
		r.want(2, 1, 1, 0)
	})
	withFixture(t, "not by one whose outbox dropped it", func(t *testing.T, s *fixture, a, _ *queue) {
		a.frames, a.drops = 1, true
		k := a.open(known(acking{}, "p"))
		r := s.asks(t, scenecast.ReceiptAcked)
		s.publish(scenecast.Push{To: to("*")}, ignore)
		s.queues[1].run(2)
		a.run(2)
		r.want(1, 0, 0, 0)
		// It comes back, gets it after all, and says so.
		a.leave(k)
		k = a.open(back(admit(acking{}, "home"), "p", s.position(0)))
		s.runAll()
		a.say(k, "ack 1")
		r.want(1, 0, 1, 0)
	})
}

// TestReceiptModel: whatever pages do, the counts are those of what happened, and there is one answer, in time.
func TestReceiptModel(t *testing.T) {
	for seed := range uint64(15) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			s := newFixture(2)
			defer s.end()
			type push struct {
				*account
				receipt   scenecast.Receipt
				published time.Time
				taken     map[*socket]bool
				acked     map[*socket]bool
			}
			var pushes []*push
			var open []*socket
			of := make(map[*socket]*queue)
			acks := make(map[*socket]bool)
			for step := range 300 {
				q := s.queues[r.IntN(2)]
				switch n := r.IntN(12); {
				case n < 3:
					p := scenecast.Protocol(lines{})
					if r.IntN(2) == 0 {
						p = acking{}
					}
					k := q.open(admit(p, "home"))
					open, of[k], acks[k] = append(open, k), q, p == acking{}
				case n < 5:
					receipt := scenecast.Receipt(1 + r.IntN(2))
					pushes = append(pushes, &push{s.asks(t, receipt), receipt, time.Now(), make(map[*socket]bool), make(map[*socket]bool)})
					for _, q := range s.queues {
						q.run(1000)
					}
					for _, k := range open {
						pushes[len(pushes)-1].taken[k] = true
					}
				case n < 7 && len(open) > 0:
					k := open[r.IntN(len(open))]
					of[k].write(k)
				case n < 8 && len(open) > 0:
					i := r.IntN(len(open))
					of[open[i]].leave(open[i])
					open = append(open[:i], open[i+1:]...)
				case n < 11 && len(open) > 0 && len(pushes) > 0:
					k, i := open[r.IntN(len(open))], r.IntN(len(pushes))
					of[k].say(k, fmt.Sprint("ack ", i+1))
					if p := pushes[i]; p.receipt == scenecast.ReceiptAcked && p.taken[k] && acks[k] {
						p.acked[k] = true
					}
				case n == 11:
					time.Sleep(time.Duration(r.IntN(6)) * time.Second)
				}
				synctest.Wait()
				if step%10 != 9 {
					continue
				}
				for i, p := range pushes {
					written := 0
					for k := range p.taken {
						for _, got := range k.got {
							if got == fmt.Sprint("push ", i+1) {
								written++
							}
						}
					}
					tally, done := p.known()
					if done && (tally.Written != written || tally.Acked != len(p.acked)) {
						t.Fatalf("seed %d, push %d: %+v; written %d, acknowledged %d", seed, i+1, tally, written, len(p.acked))
					}
					late := !time.Now().Before(p.published.Add(10 * time.Second))
					if tally.Queued != len(p.taken) || tally.TimedOut < 0 || tally.TimedOut > 0 && !late || late && !done {
						t.Fatalf("seed %d, push %d: %+v, done %v, late %v", seed, i+1, tally, done, late)
					}
				}
			}
		})
	}
}

// TestAwaitingIsBounded: by number, and by age.
func TestAwaitingIsBounded(t *testing.T) {
	withFixture(t, "", func(t *testing.T, s *fixture, a, _ *queue) {
		k := a.open(admit(acking{}, "home"))
		first := s.asks(t, scenecast.ReceiptAcked)
		for range hub.AwaitMost {
			s.asks(t, scenecast.ReceiptAcked)
		}
		s.runAll()
		a.say(k, "ack 1")
		if n := hub.Awaiting(a.shard); n != hub.AwaitMost {
			t.Errorf("%d pushes are awaited, want %d", n, hub.AwaitMost)
		}
		time.Sleep(hub.AwaitFor + time.Nanosecond)
		synctest.Wait()
		first.want(1, 1, 0, 1)
		s.asks(t, scenecast.ReceiptAcked)
		s.runAll()
		if n := hub.Awaiting(a.shard); n != 1 {
			t.Errorf("%d pushes are awaited, want the last", n)
		}
	})
}
