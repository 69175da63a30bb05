package cluster

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/handover"
)

// successorOf is an engine in another process.
type successorOf struct{ *Engine }

// handOver has another engine take the place of a node's, as servers do; between is called when the first one takes nothing any more. It
// returns the engine that has gone.
func (c *clusterOf) handOver(n int, between func()) *Engine {
	c.t.Helper()
	old, b := c.engines[n], c.log.backend()
	o := c.options(n)
	o.ID = old.options.ID
	next := New(b, o)
	if err := next.Standby(c.t.Context(), old.Place()); err != nil {
		c.t.Fatal(err)
	}
	time.Sleep(3 * c.log.faults.delay) // what was sent before has come to the first one
	from, to := old.Copy(), next.Restore(func(seq uint64, t scenecast.Tally) { go old.Finish(seq, t) })
	send := func(all bool) {
		for part := from.Pushes(); part != nil; part = from.Pushes() {
			c.must(to.Pushes(part))
		}
		for part := from.Keys(all); part != nil; part = from.Keys(all) {
			c.must(to.Keys(part))
		}
	}
	send(false)
	if err := old.Quiesce(c.t.Context(), time.Minute); err != nil {
		c.t.Fatal(err)
	}
	for !old.IsIdle() {
		time.Sleep(time.Millisecond)
	}
	between()
	send(true)
	var e handover.Encoder
	from.Rest(&e, nil)
	c.must(to.Rest(e.Encoded()))
	c.must(next.Start(c.t.Context(), c.sinks[n]))
	old.Succeed(successorOf{next})
	next.Go()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.engines, c.backs = slices.Clone(c.engines), slices.Clone(c.backs)
	c.engines[n], c.backs[n] = next, b
	return old
}

func (c *clusterOf) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// engine is the one of a node now.
func (c *clusterOf) engine(n int) *Engine {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.engines[n]
}

// TestMoves has a node go on in other processes, again and again, while all nodes publish with receipts, records and messages are late and come
// twice, and the log loses its end: every node gets every push once, in one order, and who publishes hears of every node.
func TestMoves(t *testing.T) {
	for seed := range uint64(15) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testMoves(t, seed) })
		})
	}
}

func testMoves(t *testing.T, seed uint64) {
	c := newClusterWith(t, 3, seed, faults{delay: 20 * time.Millisecond, ackLost: 5, appendTwice: 10, messageTwice: 20, safe: true},
		func(int) Options { return Options{AnswerTimeout: 10 * time.Second, ForgetAfter: time.Minute} })
	defer c.close()
	time.Sleep(2 * time.Second) // they know each other
	c.sinks[1].slow = func() time.Duration { return 150 * time.Millisecond }
	stop := make(chan struct{})
	var publishing sync.WaitGroup
	var mu sync.Mutex
	var published []string
	for n := range 3 {
		for p := range 2 {
			publishing.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					push := pushOf(fmt.Sprint(n, "-", p, "-", i))
					push.IdempotencyKey = push.ID
					if i%2 == 0 {
						push.Receipt, push.Timeout = scenecast.ReceiptWritten, time.Minute
					}
					pending, err := c.engine(n).Submit(push)
					if err != nil {
						t.Errorf("%s: %v", push.ID, err)
						return
					}
					got, err := pending.Wait(context.Background())
					written := 0
					if i%2 == 0 {
						written = 3
					}
					if err != nil || got.Tally.Nodes != 3 || got.Tally.Matched != 3 || got.Tally.Written != written || got.Known != 3 {
						t.Errorf("%s: %+v, %v", push.ID, got, err)
					}
					mu.Lock()
					published = append(published, push.ID)
					mu.Unlock()
				}
			})
		}
	}
	var gone []*Engine
	for round := range 6 {
		time.Sleep(time.Duration(100+37*round) * time.Millisecond)
		switch round % 3 {
		case 0:
			gone = append(gone, c.handOver(0, func() {}))
		case 1: // much comes meanwhile
			gone = append(gone, c.handOver(0, func() { time.Sleep(200 * time.Millisecond) }))
		default: // one that fails: the node goes on
			c.must(c.engines[0].Quiesce(t.Context(), time.Minute))
			time.Sleep(100 * time.Millisecond)
			c.engines[0].Resume()
		}
		if round == 3 {
			time.Sleep(50 * time.Millisecond)
			c.log.loseTail(3)
		}
	}
	time.Sleep(time.Second)
	close(stop)
	publishing.Wait()
	time.Sleep(10 * time.Second)
	for _, e := range gone {
		c.must(e.Close())
	}
	want := c.sinks[2].delivered()
	for _, id := range published {
		if n := count(want, id); n != 1 {
			t.Errorf("%s was published, and the last node got it %d times", id, n)
		}
	}
	for n := range 3 {
		if got := c.sinks[n].delivered(); !slices.Equal(sorted(got), sorted(want)) {
			t.Errorf("node %d got %d pushes, and the last one %d", n, len(got), len(want))
		}
		if k := c.engine(n).Stats().Known; k != 3 {
			t.Errorf("node %d knows %d nodes", n, k)
		}
	}
}

func count(ids []string, id string) (n int) {
	for _, other := range ids {
		if other == id {
			n++
		}
	}
	return n
}

func sorted(ids []string) []string { return slices.Sorted(slices.Values(ids)) }
