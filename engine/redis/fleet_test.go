package redis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/redis"
	"scenecast/engine/tail"
	"scenecast/problem"
)

// patience ends a test that would hang; nothing is asserted about it.
const patience = time.Minute

// fleet is nodes of one cluster, with the timeouts of the product, and what was acknowledged to whoever published at them.
type fleet struct {
	options redis.Options
	engines []*cluster.Engine
	sinks   []*sink

	mu    sync.Mutex
	acked []scenecast.Published
}

func startFleet(t *testing.T, nodes int, client rueidis.ClientOption, change ...func(*redis.Options)) *fleet {
	t.Helper()
	f := &fleet{options: redis.Options{Client: client, Logger: logger()}}
	for _, c := range change {
		c(&f.options)
	}
	for range nodes {
		f.start(t)
	}
	f.awaitNodes(t, nodes)
	return f
}

// start adds a node.
func (f *fleet) start(t *testing.T) (*cluster.Engine, *sink) {
	t.Helper()
	e, s := cluster.New(redis.New(f.options), cluster.Options{ID: scenecast.NewNodeID(), Name: fmt.Sprint("n", len(f.engines)), Logger: f.options.Logger}), new(sink)
	if err := e.Start(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	f.engines, f.sinks = append(f.engines, e), append(f.sinks, s)
	return e, s
}

// awaitNodes waits until every node knows so many.
func (f *fleet) awaitNodes(t *testing.T, nodes int) {
	t.Helper()
	until(t, func() bool {
		return !slices.ContainsFunc(f.engines, func(e *cluster.Engine) bool { return len(e.Nodes().Nodes) != nodes })
	})
}

func until(t *testing.T, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it has not come to be")
		}
	}
}

// attempt publishes once.
func (f *fleet) attempt(node int, id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p := push(id)
	p.IdempotencyKey = id
	pending, err := f.engines[node].Submit(p)
	if err != nil {
		return err
	}
	got, err := pending.Wait(ctx)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.acked = append(f.acked, got)
	return nil
}

// publish publishes at a node until the push is taken.
func (f *fleet) publish(t *testing.T, node int, id string) {
	t.Helper()
	until(t, func() bool { return f.attempt(node, id) == nil })
}

// awaitFailure publishes at a node until it says that it is out of order, in a way that a backend can understand.
func (f *fleet) awaitFailure(t *testing.T, node int, name string) (err error) {
	t.Helper()
	n := 0
	until(t, func() bool {
		n++
		err = f.attempt(node, fmt.Sprint(name, " ", n))
		return err != nil
	})
	if !errors.Is(err, scenecast.ErrUnavailable) && !errors.Is(err, scenecast.ErrUncertain) && problem.Of(err).Kind != problem.InsufficientStorage {
		t.Errorf("%s: %v", name, err)
	}
	return err
}

// check waits until every node has got everything that was acknowledged, and finds what it has got twice, and pushes that share a
// position.
func (f *fleet) check(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	acked := slices.Clone(f.acked)
	f.mu.Unlock()
	at := make(map[scenecast.Position]string)
	for node, s := range f.sinks {
		until(t, func() bool {
			got := make(map[string]bool)
			for _, p := range s.pushes() {
				got[p.ID] = true
			}
			return !slices.ContainsFunc(acked, func(a scenecast.Published) bool { return !got[a.ID] })
		})
		times := make(map[string]int)
		for _, p := range s.pushes() {
			if times[p.ID]++; times[p.ID] > 1 {
				t.Errorf("node %d got %s %d times", node, p.ID, times[p.ID])
			}
			if other, taken := at[p.Position]; taken && other != p.ID {
				t.Errorf("%s and %s share the position %v", other, p.ID, p.Position)
			}
			at[p.Position] = p.ID
		}
	}
}

// checkLog finds what was acknowledged and is not in the log, as a node sees that starts now.
func (f *fleet) checkLog(t *testing.T) cluster.Scan {
	t.Helper()
	in := make(map[string]int)
	scan, err := redis.Scan(t.Context(), f.options, cluster.NewReader(tail.KeyOptions{}), func(p *scenecast.Push) { in[p.ID]++ })
	if err != nil || len(scan.Damage) > 0 {
		t.Errorf("%v, %v", err, scan.Damage)
	}
	for _, a := range f.acked {
		if in[a.ID] != 1 {
			t.Errorf("%s was acknowledged, and is %d times in the log", a.ID, in[a.ID])
		}
	}
	return scan
}

// publishers publish at all nodes, one push each 2 ms, until they are stopped.
func (f *fleet) publishers(t *testing.T) (stop func()) {
	var ending, done = make(chan struct{}), sync.WaitGroup{}
	for publisher := range 2 * len(f.engines) {
		done.Go(func() {
			for n := 0; ; n++ {
				id := fmt.Sprint(publisher, ".", n)
				for begun := time.Now(); f.attempt((publisher+n)%len(f.engines), id) != nil; time.Sleep(10 * time.Millisecond) {
					if time.Since(begun) > patience {
						t.Errorf("%s is not taken within %v", id, patience)
						return
					}
				}
				select {
				case <-ending:
					return
				case <-time.After(2 * time.Millisecond):
				}
			}
		})
	}
	return func() {
		close(ending)
		done.Wait()
	}
}

// count is how many pushes were acknowledged.
func (f *fleet) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.acked)
}

// awaitMore waits until so many more pushes are acknowledged.
func (f *fleet) awaitMore(t *testing.T, n int) {
	t.Helper()
	n += f.count()
	until(t, func() bool { return f.count() >= n })
}
