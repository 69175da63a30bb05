// Package presencetest runs presence on the nodes of an engine, as the server does, against a naive map: pages come, go, move and watch, while
// nodes die and are cut off from each other.
package presencetest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"scenecast/engine/enginetest"
	"scenecast/presence/presencemodel"
)

var (
	seed   = flag.Uint64("presence-seed", 0, "what pages, nodes and networks do in Run; 0: something else each time")
	rounds = flag.Int("presence-rounds", 3, "how many faults there are in Run")
)

// forgetAfter is after how long nodes forget one that is silent.
const forgetAfter = 1500 * time.Millisecond

// run is a cluster under test.
type run struct {
	enginetest.Cluster
	t     *testing.T
	r     *rand.Rand
	nodes []*node
	pages int // that there were
	gone  []*page
	did   []string // the faults so far
}

// Run has pages do things at random on so many nodes of an engine, while each round brings a fault of a node. When the nodes are together
// again, every node's view, every page's (as a client builds it of what it is told) and a map of the pages that there are must come to
// agree; and in some rounds before that already those of the nodes that still hear each other. Whenever a page is told something, it must fit
// what the page knows. A node dies by Kill; where there is a Network, nodes are cut off as well.
func Run(t *testing.T, newCluster enginetest.NewCluster, nodes int) {
	seed := *seed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	r := &run{t: t, r: rand.New(rand.NewPCG(seed, 1)), Cluster: newCluster(t, nodes, forgetAfter), nodes: make([]*node, nodes)}
	defer func() {
		if t.Failed() {
			t.Logf("-presence-seed %d: %v", seed, r.did)
		}
	}()
	for i := range r.nodes {
		r.nodes[i] = newNode(r.ID(i), r.Engines[i])
	}
	defer r.close()
	r.startAll()
	r.act(30)
	r.agree("at the beginning")
	for done := 0; done < *rounds && !t.Failed(); {
		kinds := r.kinds()
		side := r.r.IntN(len(kinds)) // in short runs there is one round in which the sides come to agree before the nodes are together
		for i, kind := range kinds {
			if done == *rounds {
				break
			}
			done++
			r.round(kind, i == side)
		}
		r.agree("when all are together")
	}
}

func (r *run) startAll() {
	ends := make(chan error, len(r.nodes))
	for _, n := range r.nodes {
		go func() { ends <- n.start(r.t.Context()) }()
	}
	for range r.nodes {
		if err := <-ends; err != nil {
			r.t.Errorf("start: %v", err)
		}
	}
	if r.t.Failed() {
		r.t.FailNow()
	}
}

func (r *run) close() {
	for i, n := range r.nodes {
		if err := n.engine.Close(); err != nil {
			r.t.Errorf("close node %d: %v", i, err)
		}
		n.stop()
	}
}

// kinds are the faults that there can be, in some order.
func (r *run) kinds() []string {
	kinds := []string{"death"}
	if r.Network != nil {
		kinds = append(kinds, "cut", "stall")
	}
	r.r.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	return kinds
}

// round has a fault happen to a node, in the middle of what pages do.
func (r *run) round(kind string, sidesAgree bool) {
	i := r.r.IntN(len(r.nodes))
	r.did = append(r.did, fmt.Sprintf("%s of node %d", kind, i))
	r.act(20)
	switch kind {
	case "death":
		r.die(i, sidesAgree)
	case "cut":
		r.partition(i, r.Network(i).Cut, sidesAgree)
	case "stall":
		r.partition(i, r.Network(i).Stall, sidesAgree)
	}
	if r.r.IntN(2) == 0 { // otherwise what was lost is missed without that anything changes
		r.act(20)
	}
}

// die has a node die, and another one start in its place.
func (r *run) die(i int, sidesAgree bool) {
	dead := r.nodes[i]
	r.Kill(i)
	dead.stop()
	r.gone = append(r.gone, dead.pages...)
	dead.pages, dead.dead = nil, true
	if len(r.nodes) > 1 {
		r.act(20)
		if sidesAgree {
			r.agree("while a node is dead")
		}
	}
	e := r.Restart(i)
	n := newNode(r.ID(i), e)
	if err := n.start(r.t.Context()); err != nil {
		r.t.Fatalf("start node %d again: %v", i, err)
	}
	r.nodes[i] = n
}

// partition has a node be cut off from the others for a while.
func (r *run) partition(i int, cut func(bool), sidesAgree bool) {
	cut(true)
	r.nodes[i].cut = true
	r.act(30)
	if sidesAgree {
		r.agree("while a node is cut off")
	}
	cut(false)
	r.nodes[i].cut = false
}

// act has pages do so many things. Between them passes time, so that some are told together and some are not.
func (r *run) act(times int) {
	for range times {
		n := r.nodes[r.r.IntN(len(r.nodes))]
		if n.dead {
			continue
		}
		r.actAt(n)
		time.Sleep(time.Duration(r.r.IntN(15)) * time.Millisecond)
	}
}

func (r *run) actAt(n *node) {
	action := presencemodel.NextAction(r.r)
	switch {
	case action == presencemodel.Join:
		labels := presencemodel.NewUser(r.r)
		for range 2 {
			labels = labels.Apply(presencemodel.NewChange(r.r))
		}
		r.pages++
		n.join(fmt.Sprint("p", r.pages), labels)
	case len(n.pages) == 0:
	case action == presencemodel.Leave:
		i := r.r.IntN(len(n.pages))
		n.leave(n.pages[i])
		r.gone = append(r.gone, n.pages[i])
		n.pages = append(n.pages[:i], n.pages[i+1:]...)
	case action == presencemodel.Change:
		p := n.pages[r.r.IntN(len(n.pages))]
		for range 1 + r.r.IntN(3) {
			if err := n.change(p, presencemodel.NewChange(r.r)); err != nil {
				r.t.Error(err)
			}
		}
	}
}
