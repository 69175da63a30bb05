package cluster

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
)

// newOrphan makes three nodes with pages. The first has taken the push x, which the second has read and the third has not. The log loses it, and the
// first is dead.
func newOrphan(t *testing.T, key string) *clusterOf {
	c := (&clusterOf{t: t, log: newFakeLog(1, faults{delay: time.Millisecond}), options: func(int) Options { return Options{} }, hubs: true}).start(3)
	time.Sleep(2 * time.Second) // they know each other
	c.backs[2].set(func() { c.backs[2].behind = true })
	x := pushOf("x")
	x.IdempotencyKey = key
	if _, err := c.engines[0].Submit(x); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	if got := c.sinks[1].delivered(); len(got) != 1 {
		t.Fatalf("the second node has read %q", got)
	}
	c.backs[0].set(func() { c.backs[0].cut = true })
	c.log.loseTail(1)
	c.kill(0)
	return c
}

// TestOriginOfWhatIsLostIsDead: who has read it appends it again. It has no key, and happens once on each node.
func TestOriginOfWhatIsLostIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newOrphan(t, "")
		defer c.close()
		c.backs[1].set(func() { c.backs[1].behind = false })
		time.Sleep(settleFor / 2)
		for i, s := range c.sinks {
			if got := s.delivered(); strings.Join(got, " ") != "x" {
				t.Errorf("node %d got %q", i, got)
			}
		}
		if n := c.engines[0].Stats().AppendedAgain; n != 1 {
			t.Errorf("it was appended again %d times", n)
		}
	})
}

// TestRetryWhereTheOriginIsDead: a retry comes to a node that has not read the lost push. A page that has it from the other one, which has read
// the retry as well, and shown nothing, does not get it here.
func TestRetryWhereTheOriginIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newOrphan(t, "key")
		defer c.close()
		begin := scenecast.Position{Epoch: c.log.epochs, Seq: endOf(c.log.number)}
		c.backs[1].set(func() { c.backs[1].behind = false })
		time.Sleep(10 * time.Millisecond)
		retry := pushOf("retry")
		retry.IdempotencyKey = "key"
		if _, err := c.engines[1].Submit(retry); err != nil {
			t.Fatal(err)
		}
		page := &roamer{name: "page", begun: time.Now(), since: begin}
		left := make(chan struct{})
		go func() {
			c.sinks[1].loop.visit(page, 10*time.Second)
			close(left)
		}()
		time.Sleep(5 * time.Second)
		y, err := c.engines[1].Submit(pushOf("y"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := y.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-left
		if got := c.sinks[0].delivered(); strings.Join(got, " ") != "x y" {
			t.Errorf("the node that had read it got %q", got)
		}
		if got := c.sinks[1].delivered(); strings.Join(got, " ") != "retry y" {
			t.Errorf("the node that had not got %q", got)
		}
		if len(page.shown) != 2 || page.shown[0].Gap != scenecast.GapEpoch || page.shown[1].ID != "y" {
			t.Errorf("the page has shown %v, want a gap and y", page.shown)
		}
	})
}

// TestLostTwiceAndTheOriginIsDead: what a node has appended again for another is lost as well, before or after it is told that it
// is there, and before or after it has read that. It appends it once more.
func TestLostTwiceAndTheOriginIsDead(t *testing.T) {
	for _, c := range []struct {
		name  string
		told  time.Duration // how much later, at most, than it is there
		reads bool
	}{{"told, and not read", 0, false}, {"neither", time.Minute, false}, {"read, and not told", time.Minute, true}, {"both", 0, true}} {
		told, reads := c.told, c.reads
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newOrphan(t, "")
				defer c.close()
				time.Sleep(othersWait / 2)
				c.backs[0].set(func() { c.backs[0].behind = !reads; c.log.faults.ackDelay = told })
				time.Sleep(othersWait)
				c.log.mu.Lock()
				again := c.log.entries[len(c.log.entries)-1].epoch == 0
				c.log.mu.Unlock()
				if !again {
					t.Error("it is not there again")
				}
				c.log.loseTail(1)
				c.backs[0].set(func() { c.backs[0].behind = false; c.log.faults.ackDelay = 0 })
				c.backs[1].set(func() { c.backs[1].behind = false })
				time.Sleep(2 * time.Minute)
				for i, s := range c.sinks {
					if got := s.delivered(); strings.Join(got, " ") != "x" {
						t.Errorf("node %d got %q", i, got)
					}
				}
			})
		})
	}
}

// TestOriginAppendsAgainFirst: where an origin appends again what is lost, nobody else does.
func TestOriginAppendsAgainFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, 1, faults{delay: time.Millisecond})
		defer c.close()
		time.Sleep(2 * time.Second)
		for range 20 {
			if _, err := c.engines[0].Submit(pushOf(time.Now().String())); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond)
		}
		c.log.loseTail(20)
		time.Sleep(10 * time.Second)
		for i, want := range []int64{20, 0, 0} {
			if n := c.engines[i].Stats().AppendedAgain; n != want {
				t.Errorf("node %d has appended %d records again, want %d", i, n, want)
			}
			if got := c.sinks[i].delivered(); len(got) != 20 {
				t.Errorf("node %d got %d pushes", i, len(got))
			}
		}
		c.engines[1].mu.Lock()
		defer c.engines[1].mu.Unlock()
		if n := len(c.engines[1].others.inOrder); n != 20 {
			t.Errorf("%d records are kept", n)
		}
	})
}

// TestOthersAreKeptForAWhile: records of others are kept as long as they may be appended again, and no more than so many bytes of them.
func TestOthersAreKeptForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 2, 1, faults{})
		defer c.close()
		time.Sleep(2 * time.Second)
		submit := func(size int) {
			p := pushOf(time.Now().String())
			p.Message.Data = make([]byte, size)
			if _, err := c.engines[0].Submit(p); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		check := func(want int) {
			c.engines[1].mu.Lock()
			defer c.engines[1].mu.Unlock()
			l := &c.engines[1].others
			bytes := 0
			for _, h := range l.inOrder {
				bytes += len(h.bytes)
			}
			if len(l.inOrder) != want || len(l.byName) != want || l.bytes != bytes {
				t.Errorf("%d records are kept, by name %d, of %d bytes, counted as %d; want %d", len(l.inOrder), len(l.byName), bytes, l.bytes, want)
			}
		}
		for range 20 {
			submit(10)
		}
		check(15)
		for range 4 {
			submit(maxOthers / 3)
		}
		check(2)
		time.Sleep(20 * time.Second)
		check(0)
	})
}
