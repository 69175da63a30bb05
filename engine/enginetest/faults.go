package enginetest

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var faultsSeed = flag.Uint64("faults-seed", 0, "what RunCluster does to nodes and networks; 0: something else each time")

// Clock is the clock of a node, which is apart from those of others: nothing may depend on that they agree to the second. Nodes under
// RunCluster are to have it.
func Clock(node int) func() time.Time {
	apart := time.Duration(node) * 9 * time.Second
	return func() time.Time { return time.Now().Add(apart) }
}

// fault is something that happens to a node, and for how long.
type fault struct {
	what  string
	node  int
	lasts time.Duration
}

func (f fault) String() string { return fmt.Sprintf("%s node %d for %v", f.what, f.node, f.lasts) }

// faultsOf draws what happens in a run. Each kind comes once at least.
func faultsOf(seed uint64, kinds []string, nodes int) (faults []fault) {
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range max(6, len(kinds)) {
		what := kinds[i%len(kinds)]
		faults = append(faults, fault{what, r.IntN(nodes), time.Duration(200+r.IntN(1300)) * time.Millisecond})
	}
	r.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	return faults
}

// faulty are publishers, which try each push, with its key and at any node, until it is taken, while faults happen.
type faulty struct {
	*nodes
	t *testing.T

	mu   sync.Mutex // guards the nodes' engines and hubs
	dead []*fakeHub // of nodes that were killed

	ending     atomic.Bool
	publishing sync.WaitGroup
	taken      [4][]string // IDs, by publisher
	failed     atomic.Int64
}

// underFaults: whatever happens to nodes and networks, what was acknowledged all nodes get once, in one order, also those that come
// later, and pages may go on at any of them from anywhere.
func underFaults(t *testing.T, n *nodes) {
	seed := *faultsSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	kinds := []string{"kill"}
	if n.Network != nil {
		kinds = append(kinds, "cut", "stall", "delay")
	}
	faults := faultsOf(seed, kinds, len(n.Engines))
	f := &faulty{nodes: n, t: t}
	for publisher := range f.taken {
		f.publishing.Go(func() { f.publish(publisher, rand.New(rand.NewPCG(seed, uint64(10+publisher)))) })
	}
	for _, fault := range faults {
		time.Sleep(200 * time.Millisecond)
		f.happen(fault)
	}
	time.Sleep(200 * time.Millisecond)
	f.ending.Store(true)
	f.publishing.Wait()
	f.check()
	if t.Failed() {
		t.Logf("-faults-seed %d: %v", seed, faults)
	}
}

func (f *faulty) publish(publisher int, r *rand.Rand) {
	for number := 0; !f.ending.Load(); number++ {
		id := fmt.Sprintf("faults %d.%d", publisher, number)
		for begun := time.Now(); !f.attempt(id, r.IntN(len(f.Engines))); time.Sleep(5 * time.Millisecond) {
			f.failed.Add(1)
			if time.Since(begun) > 3*patience {
				f.t.Errorf("%s is not taken within %v", id, 3*patience)
				return
			}
		}
		f.taken[publisher] = append(f.taken[publisher], id)
		time.Sleep(2 * time.Millisecond)
	}
}

func (f *faulty) attempt(id string, node int) bool {
	f.mu.Lock()
	e := f.Engines[node]
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	got, err := publishAndWait(ctx, e, keyed(id, id))
	if err == nil && (got.ID != id || got.Tally.Nodes > got.Known) {
		f.t.Errorf("%s is answered as %+v", id, got)
	}
	return err == nil
}

// happen has a fault happen, and end.
func (f *faulty) happen(w fault) {
	if w.what == "kill" {
		f.Kill(w.node)
		time.Sleep(w.lasts)
		hub := new(fakeHub)
		e := f.Restart(w.node)
		if err := e.Start(f.t.Context(), hub); err != nil {
			f.t.Errorf("start node %d again: %v", w.node, err)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.dead = append(f.dead, f.hubs[w.node])
		f.Engines[w.node], f.hubs[w.node] = e, hub
		return
	}
	n := f.Network(w.node)
	switch w.what {
	case "cut":
		n.Cut(true)
		defer n.Cut(false)
	case "stall":
		n.Stall(true)
		defer n.Stall(false)
	case "delay":
		n.Delay(20 * time.Millisecond)
		defer n.Delay(0)
	}
	time.Sleep(w.lasts)
}

func (f *faulty) check() {
	want := 0
	for _, ids := range f.taken {
		want += len(ids)
	}
	until(f.t, func() bool {
		return !slices.ContainsFunc(f.hubs, func(h *fakeHub) bool { return h.count() < want })
	})
	first := idsOf(f.hubs[0])
	for i, hub := range f.hubs {
		got := idsOf(hub)
		if !slices.Equal(got, first) {
			f.t.Errorf("node %d got %d pushes, and node 0 %d, in another order", i, len(got), len(first))
		}
		times := make(map[string]int)
		for _, id := range got {
			times[id]++
		}
		if len(got) != want || len(times) != want {
			f.t.Errorf("node %d got %d pushes, %d of them different; %d were acknowledged", i, len(got), len(times), want)
		}
		for publisher, ids := range f.taken {
			for _, id := range ids {
				if times[id] != 1 {
					f.t.Fatalf("node %d got %s of publisher %d %d times", i, id, publisher, times[id])
				}
			}
		}
	}
	for _, hub := range f.dead {
		if got := idsOf(hub); len(got) > len(first) || !slices.Equal(got, first[:len(got)]) {
			f.t.Errorf("a node that died had got %d pushes in another order than node 0", len(got))
		}
	}
	f.t.Logf("%d pushes were acknowledged, %d attempts failed", want, f.failed.Load())
	pagesMove(f.t, f.nodes)
}

func idsOf(h *fakeHub) (ids []string) {
	for _, p := range h.delivered() {
		ids = append(ids, p.ID)
	}
	return ids
}
