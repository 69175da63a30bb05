package cluster

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/audience"
)

var seeds = flag.Int("seeds", 60, "how many runs of the model test")

// sink is a node without connections, which writes down what it gets.
type sink struct {
	mu      sync.Mutex
	got     []string // IDs of pushes, in order
	at      map[string]scenecast.Position
	queries int
	skipped int
	slow    func() time.Duration
}

func newSink() *sink { return &sink{at: make(map[string]scenecast.Position)} }

func (s *sink) Deliver(p *scenecast.Push, report func(scenecast.Tally, bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, p.ID)
	s.at[p.ID] = p.Position
	pause := time.Duration(0)
	if s.slow != nil {
		pause = s.slow()
	}
	go func() {
		time.Sleep(pause)
		report(scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1}, p.Receipt == scenecast.ReceiptQueued)
		if p.Receipt != scenecast.ReceiptQueued {
			time.Sleep(pause)
			report(scenecast.Tally{Written: 1}, true)
		}
	}()
}

func (s *sink) Answer(_ scenecast.Query, report func(scenecast.Reply)) {
	s.mu.Lock()
	s.queries++
	n := len(s.got)
	s.mu.Unlock()
	report(scenecast.Reply{Tally: scenecast.Tally{Matched: n, Nodes: 1}})
}

func (s *sink) Received([]byte) {}

func (s *sink) Skip(scenecast.GapNotice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skipped++
}

func (s *sink) delivered() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// clusterOf is nodes over one fake log.
type clusterOf struct {
	t       *testing.T
	log     *fakeLog
	engines []*Engine
	backs   []*fakeBackend
	sinks   []*sink
}

func newCluster(t *testing.T, nodes int, seed uint64, f faults) *clusterOf {
	c := &clusterOf{t: t, log: newFakeLog(seed, f)}
	for range nodes {
		c.add()
	}
	return c
}

// add starts one more node.
func (c *clusterOf) add() {
	c.t.Helper()
	b := c.log.backend()
	s := newSink()
	e := New(b, Options{
		ID:     scenecast.NodeID(100 + len(c.engines)),
		Name:   fmt.Sprint("node", len(c.engines)),
		Logger: slog.New(slog.DiscardHandler),
	})
	if err := e.Start(c.t.Context(), s); err != nil {
		c.t.Fatalf("start: %v", err)
	}
	c.engines, c.backs, c.sinks = append(c.engines, e), append(c.backs, b), append(c.sinks, s)
}

func (c *clusterOf) close() {
	for _, e := range c.engines {
		_ = e.Close()
	}
}

// kill ends a node as a crash does: nobody hears of it.
func (c *clusterOf) kill(n int) {
	c.backs[n].set(func() { c.backs[n].cut = true })
	_ = c.engines[n].Close()
	c.engines, c.backs, c.sinks = slices.Delete(slices.Clone(c.engines), n, n+1), slices.Delete(c.backs, n, n+1), slices.Delete(c.sinks, n, n+1)
}

func pushOf(id string) scenecast.Push {
	return scenecast.Push{ID: id, App: "app", To: audience.Everybody(), Message: scenecast.Message{Data: []byte(`1`)}}
}

// TestCluster: what one node publishes all nodes get, in one order, and the answer adds up what they have told.
func TestCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, 1, faults{delay: 3 * time.Millisecond})
		defer c.close()
		var group sync.WaitGroup
		for i := range 30 {
			group.Go(func() {
				p, err := c.engines[i%3].Submit(pushOf(fmt.Sprint(i)))
				if err != nil {
					t.Error(err)
					return
				}
				got, err := p.Wait(t.Context())
				if err != nil || got.Tally.Nodes != 3 || got.Known != 3 || got.Tally.Matched != 3 {
					t.Errorf("push %d: %+v, %v", i, got, err)
				}
			})
		}
		group.Wait()
		want := c.sinks[0].delivered()
		for i, s := range c.sinks {
			if got := s.delivered(); len(got) != 30 || !slices.Equal(got, want) {
				t.Errorf("node %d got %q, and node 0 %q", i, got, want)
			}
		}
		r, err := c.engines[1].Ask(t.Context(), scenecast.Query{App: "app", To: audience.Everybody()})
		if err != nil || r.Tally.Nodes != 3 || r.Known != 3 || r.Tally.Matched != 90 {
			t.Errorf("asked: %+v, %v", r, err)
		}
	})
}

// outcome is what a publisher was told.
type outcome struct {
	id, key string
	got     scenecast.Published
	err     error
	took    time.Duration
}

// TestModel runs publishers over nodes whose network and log are hostile, and holds what they were told against what the log and the
// nodes have.
func TestModel(t *testing.T) {
	for seed := range uint64(*seeds) {
		if !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runModel(t, seed) })
		}) {
			return // the first seed that fails tells enough
		}
	}
}

func runModel(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	f := faults{delay: time.Duration(1+r.IntN(20)) * time.Millisecond}
	if r.IntN(3) > 0 {
		f.ackLost, f.appendLost, f.appendTwice = r.IntN(20), r.IntN(20), r.IntN(10)
		f.messageLost, f.messageTwice = r.IntN(10), r.IntN(10)
	}
	c := newCluster(t, 2+r.IntN(3), seed, f)
	defer c.close()
	for _, s := range c.sinks {
		slow := rand.New(rand.NewPCG(seed, 3))
		s.slow = func() time.Duration { return time.Duration(slow.IntN(5)) * time.Millisecond }
	}
	var mu sync.Mutex
	var outcomes []outcome
	var publishers sync.WaitGroup
	engines := c.engines
	for n := range 3 {
		steps := rand.New(rand.NewPCG(seed, uint64(10+n)))
		publishers.Go(func() {
			for i := range 40 {
				p := pushOf(fmt.Sprintf("%d.%d", n, i))
				if steps.IntN(2) == 0 {
					p.IdempotencyKey = fmt.Sprint("key", steps.IntN(30))
					p.ID = p.IdempotencyKey // so that retries are the same push
				}
				if p.IdempotencyKey == "" && steps.IntN(2) == 0 {
					p.Receipt, p.Timeout = scenecast.ReceiptWritten, time.Second
				}
				begun := time.Now()
				o := outcome{id: p.ID, key: p.IdempotencyKey}
				pending, err := engines[steps.IntN(len(engines))].Submit(p)
				if o.err = err; err == nil {
					ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
					o.got, o.err = pending.Wait(ctx)
					cancel()
				}
				o.took = time.Since(begun)
				mu.Lock()
				outcomes = append(outcomes, o)
				mu.Unlock()
				time.Sleep(time.Duration(steps.IntN(30)) * time.Millisecond)
			}
		})
	}
	lost := 0
	disturb := rand.New(rand.NewPCG(seed, 4))
	first := len(c.engines)
	for range 6 {
		time.Sleep(time.Duration(disturb.IntN(600)) * time.Millisecond)
		b := c.backs[disturb.IntN(len(c.backs))]
		switch disturb.IntN(6) {
		case 0:
			c.log.loseTail(disturb.IntN(5))
			lost++
		case 1, 2:
			b.set(func() { b.stalled = true })
			time.Sleep(time.Duration(disturb.IntN(3000)) * time.Millisecond)
			b.set(func() { b.stalled = false })
		case 3:
			b.set(func() { b.cut = true })
			time.Sleep(time.Duration(disturb.IntN(3000)) * time.Millisecond)
			b.set(func() { b.cut = false })
		case 4:
			if len(c.engines) < 6 {
				c.add()
			}
		case 5:
			if n := len(c.engines) - 1; n >= first {
				c.kill(n)
			}
		}
	}
	publishers.Wait()
	time.Sleep(40 * time.Second) // whatever is to be appended again, is
	synctest.Wait()
	c.check(outcomes, lost)
}

// check holds what publishers were told against what nodes got.
func (c *clusterOf) check(outcomes []outcome, lost int) {
	t := c.t
	t.Helper()
	counts := make([]map[string]int, len(c.sinks))
	for i, s := range c.sinks {
		counts[i] = make(map[string]int)
		for _, id := range s.delivered() {
			if counts[i][id]++; counts[i][id] > 1 {
				t.Errorf("node %d got %s twice", i, id)
			}
		}
	}
	for _, o := range outcomes {
		switch {
		case o.err == nil:
			for i := range c.sinks {
				if counts[i][o.id] != 1 {
					t.Errorf("%s was acknowledged at %v, and node %d got it %d times", o.id, o.got.Position, i, counts[i][o.id])
				}
			}
			// Of a push that another node took, nobody may be able to tell just now.
			if o.got.Tally.Nodes < 1 && !o.got.Replayed || o.got.Known < o.got.Tally.Nodes {
				t.Errorf("%s: %d of %d nodes", o.id, o.got.Tally.Nodes, o.got.Known)
			}
		case errors.Is(o.err, scenecast.ErrUnavailable) && o.key == "":
			for i := range c.sinks {
				if counts[i][o.id] != 0 {
					t.Errorf("%s was refused, and node %d got it", o.id, i)
				}
			}
		case errors.Is(o.err, scenecast.ErrUnavailable), errors.Is(o.err, scenecast.ErrUncertain):
		default:
			t.Errorf("%s: %v", o.id, o.err)
		}
		if bound := 1500*time.Millisecond + 3500*time.Millisecond + time.Second + 500*time.Millisecond; o.took > bound {
			t.Errorf("%s was answered after %v: %+v, %v", o.id, o.took, o.got, o.err)
		}
	}
	if lost > 0 {
		return // what one node has got of a lost tail stands elsewhere in the others' order
	}
	want := c.sinks[0].delivered()
	for i, s := range c.sinks {
		if got := s.delivered(); !slices.Equal(got, want) {
			t.Errorf("node %d got %q, and node 0 %q", i, got, want)
		}
	}
}
