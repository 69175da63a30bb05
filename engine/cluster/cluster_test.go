package cluster

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/hub"
)

// sink is a node that writes down what it gets. It has no connections, unless it has a hub.
type sink struct {
	name string
	hub  *hub.Hub // nil: none
	loop *pageLoop

	mu      sync.Mutex
	reply   func(scenecast.Query) scenecast.Reply // answers queries, unless it is nil
	got     []*scenecast.Push                     // in order
	queries []answered
	skipped int
	slow    func() time.Duration
}

// answered is a query as the node got it.
type answered struct {
	query scenecast.Query
	at    time.Time
}

func newSink() *sink { return new(sink) }

func (s *sink) Deliver(p *scenecast.Push, report func(scenecast.Tally, bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, p)
	if s.hub != nil {
		s.hub.Deliver(p, func(scenecast.Tally, bool) {})
	}
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

func (s *sink) Answer(q scenecast.Query, report func(scenecast.Reply)) {
	s.mu.Lock()
	s.queries = append(s.queries, answered{q, time.Now()})
	n, reply := len(s.got), s.reply
	s.mu.Unlock()
	if reply != nil {
		report(reply(q))
		return
	}
	report(scenecast.Reply{Tally: scenecast.Tally{Matched: n, Nodes: 1}})
}

// set changes the sink.
func (s *sink) set(change func(*sink)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *sink) Received([]byte) {}

func (s *sink) Skip(n scenecast.GapNotice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skipped++
	if s.hub != nil {
		s.hub.Skip(n)
	}
}

func (s *sink) pushes() []*scenecast.Push {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// delivered are the IDs of the pushes.
func (s *sink) delivered() (ids []string) {
	for _, p := range s.pushes() {
		ids = append(ids, p.ID)
	}
	return ids
}

func (s *sink) asked() []answered {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.queries)
}

// clusterOf is nodes over one fake log.
type clusterOf struct {
	t       *testing.T
	log     *fakeLog
	options func(n int) Options // of the node that is the n-th to be started
	hubs    bool                // nodes have hubs, with pages

	mu      sync.Mutex // the slices are replaced, not changed
	started int
	engines []*Engine
	backs   []*fakeBackend
	sinks   []*sink
	dead    []*sink // of nodes that were killed
}

func newCluster(t *testing.T, nodes int, seed uint64, f faults) *clusterOf {
	return newClusterWith(t, nodes, seed, f, func(int) Options { return Options{} })
}

func newClusterWith(t *testing.T, nodes int, seed uint64, f faults, options func(int) Options) *clusterOf {
	return (&clusterOf{t: t, log: newFakeLog(seed, f), options: options}).start(nodes)
}

// start starts nodes.
func (c *clusterOf) start(nodes int) *clusterOf {
	for range nodes {
		c.add()
	}
	return c
}

// add starts one more node.
func (c *clusterOf) add() { c.addWith(func(*fakeBackend) {}) }

// addWith starts one more node, with a change to its backend.
func (c *clusterOf) addWith(change func(*fakeBackend)) {
	c.t.Helper()
	b := c.log.backend()
	b.set(func() { change(b) })
	s := newSink()
	c.mu.Lock()
	n := c.started
	c.started++
	c.mu.Unlock()
	o := c.options(n)
	o.ID, o.Name, o.Logger = scenecast.NodeID(100+n), fmt.Sprint("node", n), slog.New(slog.DiscardHandler)
	e := New(b, o)
	if s.name = o.Name; c.hubs {
		s.hub, s.loop = newPages(o.ID, e)
	}
	if err := e.Start(c.t.Context(), s); err != nil {
		c.t.Fatalf("start: %v", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.engines, c.backs, c.sinks = append(slices.Clone(c.engines), e), append(slices.Clone(c.backs), b), append(slices.Clone(c.sinks), s)
}

// alive are the engines of the nodes that live.
func (c *clusterOf) alive() []*Engine {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.engines
}

func (c *clusterOf) close() {
	for _, e := range c.engines {
		_ = e.Close()
	}
	for _, s := range append(slices.Clone(c.sinks), c.dead...) {
		if s.hub != nil {
			s.loop.close()
			s.hub.Close()
		}
	}
}

// kill ends a node as a crash does: nobody hears of it.
func (c *clusterOf) kill(n int) {
	e, b, s := c.engines[n], c.backs[n], c.sinks[n]
	c.mu.Lock()
	c.dead = append(c.dead, c.sinks[n])
	c.engines, c.backs, c.sinks = slices.Delete(slices.Clone(c.engines), n, n+1), slices.Delete(slices.Clone(c.backs), n, n+1), slices.Delete(slices.Clone(c.sinks), n, n+1)
	c.mu.Unlock()
	b.set(func() { b.cut = true })
	if s.loop != nil {
		s.loop.close()
	}
	_ = e.Close()
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

// TestSilentNode: who has not beaten for as long as a beat and an answer may take is not waited for by the next push, nor by the next
// query; who waits for it once has waited already.
func TestSilentNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, 1, faults{})
		defer c.close()
		time.Sleep(2 * time.Second) // all have beaten
		c.kill(2)
		time.Sleep(2 * time.Second) // and two have since; the third is not forgotten yet
		begun := time.Now()
		p, err := c.engines[0].Submit(pushOf("x"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Wait(t.Context())
		if took := time.Since(begun); err != nil || got.Tally.Nodes != 2 || got.Known != 3 || took != 0 {
			t.Errorf("%+v, %v, after %v; want 2 nodes of 3 at once", got, err, took)
		}
		begun = time.Now()
		r, err := c.engines[1].Ask(t.Context(), scenecast.Query{App: "app", To: audience.Everybody()})
		if took := time.Since(begun); err != nil || r.Tally.Nodes != 2 || r.Known != 3 || took != 0 {
			t.Errorf("asked: %+v, %v, after %v; want 2 nodes of 3 at once", r, err, took)
		}
	})
}

// TestSilentNodeIsListedAsLate: also where nobody has published or asked since, no node is said to be up that does not beat.
func TestSilentNodeIsListedAsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, 1, faults{})
		defer c.close()
		time.Sleep(2 * time.Second) // all have beaten
		c.kill(2)
		time.Sleep(2 * time.Second) // and two have since; the third is not forgotten yet
		late := 0
		for _, n := range c.engines[0].Nodes().Nodes {
			if n.Late {
				late++
			}
		}
		if late != 1 {
			t.Errorf("%d nodes are late: %+v", late, c.engines[0].Nodes())
		}
	})
}
