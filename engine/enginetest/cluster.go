package enginetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"scenecast"
)

// Cluster is nodes of one cluster.
type Cluster struct {
	Engines []scenecast.Engine // that have not started
	// ID is that of a node's engine.
	ID func(node int) scenecast.NodeID
	// Kill ends a node as a crash does: the others hear nothing of it.
	Kill func(node int)
	// Restart makes an engine, which has not started, in the place of a node that was killed.
	Restart func(node int) scenecast.Engine
	// Delay keeps a node from reading the log, and from nothing else, until resume is called. Nil: that cannot be had.
	Delay func(node int) (resume func())
	// Network is what a node reaches the others and the log by. Nil: nothing can be done to it.
	Network func(node int) Network
}

// NewCluster makes a fresh cluster with an empty log, whose nodes have the clocks of Clock. A node that has fallen silent is one of it for
// this long.
type NewCluster func(t *testing.T, nodes int, forgetAfter time.Duration) Cluster

// nodes is a cluster under test.
type nodes struct {
	Cluster
	hubs []*fakeHub
}

func startCluster(t *testing.T, newCluster NewCluster, forgetAfter time.Duration) *nodes {
	t.Helper()
	n := &nodes{Cluster: newCluster(t, 3, forgetAfter)}
	var starting sync.WaitGroup
	for i, e := range n.Engines {
		hub := new(fakeHub)
		hub.set(scenecast.Tally{Matched: i + 1, Queued: i + 1, Nodes: 1})
		n.hubs = append(n.hubs, hub)
		starting.Go(func() {
			if err := e.Start(t.Context(), hub); err != nil {
				t.Errorf("start node %d: %v", i, err)
			}
		})
	}
	starting.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for i := range n.Engines { // nodes that start at once hear of each other soon
		n.await(t, i, 3)
	}
	return n
}

// await waits until a node has so many nodes answer, knows no others, and waits for each of them. Of a node that is late the answer may be
// there before those that are waited for, so what has answered may be late still.
func (n *nodes) await(t *testing.T, node, want int) {
	t.Helper()
	until(t, func() bool {
		r, err := n.Engines[node].Ask(t.Context(), scenecast.Query{App: "app"})
		return err == nil && r.Tally.Nodes == want && r.Known == want && !slices.ContainsFunc(n.Engines[node].(scenecast.NodeLister).Nodes().Nodes, isLate)
	})
}

func isLate(n scenecast.NodeInfo) bool { return n.Late }

// publish publishes at a node, and waits.
func (n *nodes) publish(t *testing.T, node int, p scenecast.Push) scenecast.Published {
	t.Helper()
	got, err := PublishAgain(t.Context(), n.Engines[node], p)
	if err != nil {
		t.Fatalf("publish %s at node %d: %v", p.ID, node, err)
	}
	return got
}

// RunCluster runs the suite that every engine of several nodes must pass besides.
func RunCluster(t *testing.T, newCluster NewCluster) {
	t.Run("Together", func(t *testing.T) {
		n := startCluster(t, newCluster, time.Hour)
		for _, c := range []struct {
			name string
			run  func(t *testing.T, n *nodes)
		}{
			{"OneOrder", oneOrder},
			{"TallyIsTheSum", tallyIsTheSum},
			{"KeyAtAllNodesAtOnce", keyAtAllNodesAtOnce},
			{"KeyReusedElsewhere", keyReusedElsewhere},
			{"AskComesAfterPublish", askComesAfterPublish},
			{"PagesMove", pagesMove},
			{"PageAheadOfItsNode", pageAheadOfItsNode},
			{"LookupElsewhere", lookupElsewhere},
			{"RecordsElsewhere", recordsElsewhere},
			{"CloseIsHeard", closeIsHeard},
		} {
			t.Run(c.name, func(t *testing.T) { c.run(t, n) })
		}
		n.close(t)
	})
	t.Run("OriginDies", func(t *testing.T) {
		n := startCluster(t, newCluster, 1500*time.Millisecond)
		originDies(t, n)
		n.close(t)
	})
	t.Run("Faults", func(t *testing.T) {
		n := startCluster(t, newCluster, 1500*time.Millisecond)
		underFaults(t, n)
		n.close(t)
	})
}

func (n *nodes) close(t *testing.T) {
	for i, e := range n.Engines {
		if err := e.Close(); err != nil {
			t.Errorf("close node %d: %v", i, err)
		}
	}
}

// oneOrder: what is published at any node all nodes get, once, in one order, at the same positions.
func oneOrder(t *testing.T, n *nodes) {
	const each = 40
	before := n.hubs[0].count()
	var wg sync.WaitGroup
	for node, e := range n.Engines {
		for i := range each {
			wg.Go(func() {
				if got, err := PublishAgain(t.Context(), e, push(fmt.Sprintf("order %d.%d", node, i))); err != nil || got.Tally.Nodes != 3 || got.Known != 3 {
					t.Errorf("publish: %+v, %v", got, err)
				}
			})
		}
	}
	wg.Wait()
	want := n.hubs[0].delivered()
	if len(want) != before+3*each {
		t.Fatalf("node 0 got %d pushes, want %d", len(want)-before, 3*each)
	}
	for node, hub := range n.hubs {
		got := hub.delivered()
		if len(got) != len(want) {
			t.Fatalf("node %d got %d pushes, and node 0 %d", node, len(got), len(want))
		}
		for i, p := range got {
			if p.ID != want[i].ID || p.Position != want[i].Position {
				t.Fatalf("node %d got %s at %v in the place of %s at %v", node, p.ID, p.Position, want[i].ID, want[i].Position)
			}
			if i > 0 && p.Position.Seq <= got[i-1].Position.Seq {
				t.Fatalf("node %d got %v behind %v", node, p.Position, got[i-1].Position)
			}
		}
	}
}

// tallyIsTheSum of what all nodes tell: that of a push, and of an answer.
func tallyIsTheSum(t *testing.T, n *nodes) {
	want := scenecast.Tally{Matched: 6, Queued: 6, Nodes: 3}
	for node, e := range n.Engines {
		if got := n.publish(t, node, push("tally")); got.Tally != want || got.Known != 3 || got.Replayed {
			t.Errorf("publish at node %d: %+v, want %+v", node, got, want)
		}
		if got, err := askAgain(t.Context(), e, scenecast.Query{App: "app"}); err != nil || got.Tally != want || got.Known != 3 {
			t.Errorf("ask at node %d: %+v, %v, want %+v", node, got, err, want)
		}
	}
}

// keyAtAllNodesAtOnce: of pushes with one key at all nodes one happens, and everybody has the answer of that one.
func keyAtAllNodesAtOnce(t *testing.T, n *nodes) {
	const rounds, calls = 10, 2
	for round := range rounds {
		before := n.hubs[0].count()
		ends := make(chan published, calls*len(n.Engines))
		var wg sync.WaitGroup
		for node, e := range n.Engines {
			for call := range calls {
				wg.Go(func() {
					got, err := PublishAgain(t.Context(), e, keyed(fmt.Sprintf("%d.%d.%d", round, node, call), fmt.Sprint("at once ", round)))
					ends <- published{got, err}
				})
			}
		}
		wg.Wait()
		close(ends)
		var firsts []published
		var all []published
		for end := range ends {
			if !end.Replayed {
				firsts = append(firsts, end)
			}
			all = append(all, end)
		}
		if len(firsts) != 1 || n.hubs[0].count() != before+1 {
			t.Fatalf("%d have published, and %d pushes happened: %+v", len(firsts), n.hubs[0].count()-before, all)
		}
		for _, end := range all {
			end.Replayed = false
			if end != firsts[0] || end.err != nil || end.Tally != (scenecast.Tally{Matched: 6, Queued: 6, Nodes: 3}) {
				t.Errorf("an answer is %+v, and the first's %+v", end, firsts[0])
			}
		}
	}
}

// keyReusedElsewhere: a key that stands for a push of one node stands for no other push of another.
func keyReusedElsewhere(t *testing.T, n *nodes) {
	n.publish(t, 0, keyed("first", "reused"))
	p := keyed("second", "reused")
	p.Message.Data = []byte(`2`)
	for node, e := range n.Engines {
		if got, err := PublishAgain(t.Context(), e, p); !errors.Is(err, scenecast.ErrKeyReused) {
			t.Errorf("at node %d: %+v, %v; want ErrKeyReused", node, got, err)
		}
	}
}

// askComesAfterPublish: what is asked when a push is complete, at whichever node, every node gets behind the push, and before what is
// published when the answer is there.
func askComesAfterPublish(t *testing.T, n *nodes) {
	for round := range 9 {
		before, after := fmt.Sprint("before ask ", round), fmt.Sprint("after ask ", round)
		n.publish(t, round%3, push(before))
		if r, err := askAgain(t.Context(), n.Engines[(round+round/3)%3], scenecast.Query{App: "app"}); err != nil || r.Tally.Nodes != 3 {
			t.Fatalf("ask: %+v, %v", r.Tally, err)
		}
		n.publish(t, (round+1)%3, push(after))
		for node, hub := range n.hubs {
			hub.mu.Lock()
			order := slices.Clone(hub.order)
			hub.mu.Unlock()
			i := slices.Index(order, before)
			if i < 0 || !slices.Equal(order[i:], []string{before, "query", after}) {
				t.Errorf("node %d got %q, want %q, the query, and %q", node, order[max(0, i):], before, after)
			}
		}
	}
}

// pagesMove: behind any position each node has the same pushes.
func pagesMove(t *testing.T, n *nodes) {
	pushes := n.hubs[0].delivered()
	for node, e := range n.Engines {
		for i := 0; i < len(pushes); i += 7 {
			got := read(t, e, pushes[i].Position)
			if len(got) != len(pushes)-1-i {
				t.Fatalf("behind %v node %d has %d pushes, want %d", pushes[i].Position, node, len(got), len(pushes)-1-i)
			}
			for j, p := range got {
				if want := pushes[i+1+j]; p.ID != want.ID || p.Position != want.Position {
					t.Fatalf("behind %v node %d has %s at %v, want %s at %v", pushes[i].Position, node, p.ID, p.Position, want.ID, want.Position)
				}
			}
		}
	}
}

// pageAheadOfItsNode: behind a position that another node has reached a node has nothing yet, which is no gap; and then what follows.
func pageAheadOfItsNode(t *testing.T, n *nodes) {
	ahead := n.publish(t, 0, push("everywhere")).Position
	for node, e := range n.Engines {
		if got, err := e.After(t.Context(), ahead, 10); err != nil || len(got) != 0 {
			t.Errorf("behind what was just published node %d has %d pushes, %v", node, len(got), err)
		}
	}
	if n.Delay == nil {
		return
	}
	resume := n.Delay(2)
	ahead = n.publish(t, 0, push("ahead")).Position // node 2 is not waited for any more
	if got, err := n.Engines[2].After(t.Context(), ahead, 10); err != nil || len(got) != 0 {
		t.Errorf("behind a position of which node 2 has not heard: %d pushes, %v", len(got), err)
	}
	if newest := n.Engines[2].Newest(); newest.Seq >= ahead.Seq {
		t.Errorf("node 2 stands at %v, and was to be behind %v", newest, ahead)
	}
	last := n.publish(t, 1, push("behind ahead"))
	if got, err := n.Engines[2].After(t.Context(), ahead, 10); err != nil || len(got) != 0 {
		t.Errorf("still behind: %d pushes, %v", len(got), err)
	}
	resume()
	until(t, func() bool {
		got, err := n.Engines[2].After(t.Context(), ahead, 10)
		return err == nil && len(got) == 1 && got[0].Position == last.Position
	})
	for i := range n.Engines {
		n.await(t, i, 3)
	}
}

// lookupElsewhere: every node knows what has become of a push that another took.
func lookupElsewhere(t *testing.T, n *nodes) {
	n.publish(t, 1, push("looked up"))
	for node, e := range n.Engines {
		r, ok, err := e.Lookup(t.Context(), "app", "", "looked up")
		if err != nil || !ok || !r.Done || r.Tally != (scenecast.Tally{Matched: 6, Queued: 6, Nodes: 3}) {
			t.Errorf("at node %d: %+v, done %v, %v, %v", node, r.Tally, r.Done, ok, err)
		}
	}
}

// recordsElsewhere: every node knows what has become of pushes that several nodes took.
func recordsElsewhere(t *testing.T, n *nodes) {
	for node := range n.Engines {
		n.publish(t, node, push(fmt.Sprint("recorded ", node)))
	}
	for node, e := range n.Engines {
		pushes, err := e.Before(t.Context(), scenecast.Position{}, 3)
		if err != nil || len(pushes) != 3 || pushes[0].ID != "recorded 2" {
			t.Fatalf("at node %d: %d pushes, %v", node, len(pushes), err)
		}
		records, err := e.Records(t.Context(), pushes)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range records {
			if r.Push != pushes[i] || !r.Done || r.Known != 3 || r.Tally != (scenecast.Tally{Matched: 6, Queued: 6, Nodes: 3}) {
				t.Errorf("%s at node %d: %+v of %d, done %v", pushes[i].ID, node, r.Tally, r.Known, r.Done)
			}
		}
	}
}

// closeIsHeard: a node that is closed says so, and nobody waits for it.
func closeIsHeard(t *testing.T, n *nodes) {
	if err := n.Engines[2].Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	for node := range 2 {
		n.await(t, node, 2) // it would be known for an hour
		if got := n.publish(t, node, push("without node 2")); got.Tally.Nodes != 2 || got.Known != 2 {
			t.Errorf("publish at node %d: %+v", node, got)
		}
	}
}

// originDies: when the node that took a push is gone, the others know the push, its key and what has become of it with them; and a
// node in its place gets what is in the log, so that it knows so as well.
func originDies(t *testing.T, n *nodes) {
	lasting := push("lasting")
	lasting.TTL = time.Hour
	begin := n.Engines[1].Newest()
	n.publish(t, 0, lasting)
	p := keyed("first", "key")
	first := n.publish(t, 0, p)
	n.Kill(0)
	p.ID = "retry"
	for node := 1; node < 3; node++ {
		got := n.publish(t, node, p)
		if got.ID != "first" || got.Position != first.Position || !got.Replayed || got.Tally.Nodes > got.Known {
			t.Errorf("a retry at node %d: %+v, want %+v", node, got, first)
		}
	}
	for node := 1; node < 3; node++ {
		n.await(t, node, 2)
		if got := n.publish(t, node, p); got.ID != "first" || got.Tally != (scenecast.Tally{Matched: 5, Queued: 5, Nodes: 2}) || got.Known != 2 {
			t.Errorf("later a retry at node %d: %+v", node, got)
		}
	}
	after := n.publish(t, 1, push("after"))

	hub := new(fakeHub)
	hub.set(scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1})
	n.Engines[0], n.hubs[0] = n.Restart(0), hub
	if err := n.Engines[0].Start(t.Context(), hub); err != nil {
		t.Fatalf("start again: %v", err)
	}
	if got := hub.delivered(); len(got) != 3 || got[0].ID != "lasting" || got[0].TTL != time.Hour || got[2].Position != after.Position {
		t.Errorf("the new node was given %d pushes: %+v", len(got), got)
	}
	if got := read(t, n.Engines[0], begin); len(got) != 3 {
		t.Errorf("behind the beginning the new node has %d pushes, want 3", len(got))
	}
	if got := n.publish(t, 0, p); got.ID != "first" || got.Position != first.Position || !got.Replayed {
		t.Errorf("a retry at the new node: %+v, want %+v", got, first)
	}
	for node := range n.Engines {
		n.await(t, node, 3)
	}
	if got := n.publish(t, 0, push("three again")); got.Tally != (scenecast.Tally{Matched: 6, Queued: 6, Nodes: 3}) || got.Known != 3 {
		t.Errorf("publish at the new node: %+v", got)
	}
}
