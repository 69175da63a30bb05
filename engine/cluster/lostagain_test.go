package cluster

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
)

// lostTail is two nodes, with pages, of which the first has read a push and the second has not. Then the log loses it.
type lostTail struct {
	*clusterOf
	end uint64 // the number of the last record that is not lost
}

// newLostTail has the first node take and read the push x. Its append fails, as far as that node is told, if it is to try again.
func newLostTail(t *testing.T, tryAgain bool) *lostTail {
	c := &lostTail{clusterOf: (&clusterOf{t: t, log: newFakeLog(1, faults{}), options: func(int) Options { return Options{} }, hubs: true}).start(2)}
	time.Sleep(2 * time.Second) // they know each other
	c.end = c.log.number
	c.backs[1].set(func() { c.backs[1].behind = true })
	if tryAgain {
		c.backs[0].set(func() { c.log.faults.ackLost = 100 })
	}
	pending, err := c.engines[0].Submit(pushOf("x"))
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = pending.Wait(t.Context()) }()
	synctest.Wait()
	if len(c.sinks[0].delivered()) != 1 || len(c.sinks[1].delivered()) != 0 {
		t.Fatal("both nodes have read the push, or none")
	}
	return c
}

// lose has the log lose all records behind the end, and begin an epoch.
func (c *lostTail) lose() {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	n := len(c.log.entries)
	for c.log.entries[n-1].number > c.end {
		n--
	}
	c.log.entries = c.log.entries[:n]
	for _, b := range c.log.nodes {
		b.next = min(b.next, n)
	}
	c.log.begin(c.end)
	c.end = c.log.number
}

func (c *lostTail) goOn(n int) { c.backs[n].set(func() { c.backs[n].behind = false }) }

// wantGap wants a page that comes to the second node from a position to be told a gap.
func (c *lostTail) wantGap(what string, from scenecast.Position) {
	c.t.Helper()
	var gap *scenecast.GapError
	if got, err := c.engines[1].After(c.t.Context(), from, 10); !errors.As(err, &gap) || gap.Reason != scenecast.GapEpoch {
		c.t.Errorf("%s there is %v, %v; want a gap", what, got, err)
	}
}

// TestPageIsAheadOfALostTail: a page has got a push from a node, and waits for another one to read it when the log loses it. The push is
// appended again at once. The page is told a gap, and does not get it twice.
func TestPageIsAheadOfALostTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newLostTail(t, false)
		defer c.close()
		page := &roamer{name: "page", begun: time.Now(), since: c.engines[0].Newest()}
		left := make(chan struct{})
		go func() {
			c.sinks[1].loop.visit(page, 20*time.Second)
			close(left)
		}()
		time.Sleep(time.Second + 5*time.Millisecond) // between two looks at the log
		c.lose()
		c.goOn(1)
		time.Sleep(10 * time.Second)
		p, err := c.engines[1].Submit(pushOf("y"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-left
		if got := c.sinks[1].delivered(); len(got) != 2 || got[0] != "x" {
			t.Errorf("the second node got %q", got)
		}
		if len(page.shown) != 2 || page.shown[0].Gap != scenecast.GapEpoch || page.shown[1].ID != "y" {
			t.Errorf("the page has shown %v, want a gap and y", page.shown)
		}
	})
}

// TestTailIsLostTwice: what was appended again is lost as well. A page that has it from the first time, and stands in the epoch between, does
// not get it a second time.
func TestTailIsLostTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newLostTail(t, false)
		defer c.close()
		c.backs[0].set(func() { c.backs[0].behind = true })
		c.lose()
		between := scenecast.Position{Epoch: c.log.epochs, Seq: endOf(c.end)}
		c.goOn(0)
		synctest.Wait() // x is there again
		c.lose()
		c.goOn(1)
		time.Sleep(settleFor)
		if got := c.sinks[1].delivered(); strings.Join(got, " ") != "x" {
			t.Errorf("the second node got %q", got)
		}
		c.wantGap("behind the beginning of the epoch between", between)
	})
}

// TestTriedAgainBeforeTheEpochIsRead: a record is appended again by a node that has not read yet that an epoch has begun. Whoever reads it knows
// that it may have been in the part that is lost.
func TestTriedAgainBeforeTheEpochIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newLostTail(t, true)
		defer c.close()
		c.backs[0].set(func() { c.backs[0].behind = true })
		c.lose()
		begin := scenecast.Position{Epoch: c.log.epochs, Seq: endOf(c.end)}
		time.Sleep(mostPause) // it is there again
		c.backs[0].set(func() { c.log.faults.ackLost = 0 })
		time.Sleep(mostPause)
		c.goOn(1)
		c.goOn(0)
		time.Sleep(settleFor)
		if got := c.sinks[1].delivered(); strings.Join(got, " ") != "x" {
			t.Errorf("the second node got %q", got)
		}
		c.wantGap("behind the beginning of the epoch", begin)
	})
}

// TestAheadWhileOthersHaveReadAnEpoch: a page comes from a node that has read farther, and has told of the next epoch since. It waits for what
// it has had, and is told of no gap.
func TestAheadWhileOthersHaveReadAnEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newLostTail(t, false)
		defer c.close()
		page := c.engines[0].Newest()
		c.end = c.log.number // nothing is lost
		c.lose()
		time.Sleep(2 * time.Second) // the first node has told where it is
		if got, err := c.engines[1].After(t.Context(), page, 10); len(got) != 0 || err != nil {
			t.Errorf("behind what it has not read there is %v, %v", got, err)
		}
		c.goOn(1)
		time.Sleep(settleFor)
		if got, err := c.engines[1].After(t.Context(), page, 10); len(got) != 0 || err != nil {
			t.Errorf("behind what it has read there is %v, %v", got, err)
		}
	})
}

// TestNodeStartsBeforeTheLogIsSettled: a node that starts just after an epoch has begun has pages wait as long as the others do.
func TestNodeStartsBeforeTheLogIsSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newLostTail(t, false)
		defer c.close()
		c.goOn(1)
		synctest.Wait()
		c.lose()
		synctest.Wait()
		begun := time.Now()
		time.Sleep(time.Second)
		c.add()
		if _, err := c.engines[2].After(t.Context(), c.engines[2].Newest(), 10); err != nil {
			t.Errorf("where the node is: %v", err)
		}
		if took := time.Since(begun); took < settleFor-20*time.Millisecond || took > settleFor+20*time.Millisecond {
			t.Errorf("a page waits until %v after the epoch has begun, want %v", took, settleFor)
		}
	})
}

// TestAppendedAgainSlowly: a node appends again more than can be on its way at a time, and is not told for long that it is there, as no replica has
// it. Pages that have had it wait for the last of it, and do not get it twice; they do not wait longer than it can come.
func TestAppendedAgainSlowly(t *testing.T) {
	for _, lasts := range []time.Duration{settleFor + 2*time.Second, time.Minute} {
		t.Run(lasts.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newLostTail(t, false)
				defer c.close()
				for _, id := range []string{"x2", "x3", "x4", "x5"} {
					if _, err := c.engines[0].Submit(pushOf(id)); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
				}
				c.backs[0].set(func() { c.log.faults.ackLost = 100 })
				c.lose()
				c.goOn(1)
				synctest.Wait()
				if got := c.sinks[1].delivered(); len(got) != maxInFlight {
					t.Fatalf("the second node got %q at once", got)
				}
				begun := time.Now()
				page := &roamer{name: "page", begun: begun, since: scenecast.Position{Epoch: c.log.epochs, Seq: endOf(c.end)}}
				left := make(chan struct{})
				go func() {
					c.sinks[1].loop.visit(page, 2*time.Minute)
					close(left)
				}()
				time.Sleep(lasts)
				c.backs[0].set(func() { c.log.faults.ackLost = 0 })
				<-left
				if len(page.shown) == 0 || page.shown[0].Gap != scenecast.GapEpoch {
					t.Fatalf("the page has shown %v, want a gap", page.shown)
				}
				if waited, most := page.shown[0].after, 15*time.Second+settleFor; waited > most {
					t.Errorf("the page has waited %v, want %v at most", waited, most)
				}
				if lasts < 15*time.Second && len(page.shown) != 1 {
					t.Errorf("the page has shown %v, want a gap alone", page.shown)
				}
				if got := c.sinks[1].delivered(); lasts < 15*time.Second && strings.Join(got, " ") != "x x2 x3 x4 x5" {
					t.Errorf("the second node got %q", got)
				}
			})
		})
	}
}
