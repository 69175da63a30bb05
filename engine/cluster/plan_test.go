package cluster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"scenecast"
)

// plan is a run of the model. What is left open by it, such as which message is lost, comes from the seed and the order of goroutines.
type plan struct {
	seed       uint64
	faults     faults
	nodes      int           // at the start
	pages      int           // that change nodes
	window     time.Duration // of idempotency keys
	apart      time.Duration // how far the clocks of two nodes may be
	calm       bool          // no message is lost, and no node hangs or dies
	operations []operation
}

// operation is something that is done. Each actor does its own one after the other, none before its time.
type operation struct {
	actor   int
	at      time.Duration
	do      string
	node    int           // of those that are alive, round and round
	lasts   time.Duration // of what ends again
	count   int           // of records that are lost, or of attempts
	id, key string        // of a push, or a question
	receipt scenecast.Receipt
}

// The actors besides publishers, which are 0 to 2.
const (
	publishers = 3
	asker      = 3
	disturber  = 4
	actors     = 5
)

// skew is how far the clocks of two nodes may be apart.
const skew = 20 * time.Second

// newPlan draws a plan. Where the log loses its end, a node may only be killed if what is acknowledged is never lost: otherwise a push
// that only its origin has read is lost with it, and nothing can be done about that.
func newPlan(seed uint64) plan {
	r := rand.New(rand.NewPCG(seed, 2))
	p := plan{seed: seed, nodes: 3 + r.IntN(2), pages: 4, window: 5 * time.Minute, calm: r.IntN(3) == 0}
	p.faults = faults{delay: time.Duration(1+r.IntN(20)) * time.Millisecond, safe: r.IntN(3) == 0}
	if r.IntN(2) == 0 {
		p.faults.ackDelay = time.Duration(r.IntN(200)) * time.Millisecond
	}
	if !p.calm {
		p.faults.ackLost, p.faults.appendLost, p.faults.appendTwice = r.IntN(20), r.IntN(20), r.IntN(10)
		p.faults.messageLost, p.faults.messageTwice = r.IntN(10), r.IntN(10)
	}
	if r.IntN(2) == 0 {
		p.window = 500 * time.Millisecond
	}
	if r.IntN(2) == 0 {
		p.apart = skew
	}
	for n := range publishers {
		p.drawPublishes(n, rand.New(rand.NewPCG(seed, uint64(10+n))))
	}
	p.drawQuestions(rand.New(rand.NewPCG(seed, 20)))
	p.drawDisturbances(rand.New(rand.NewPCG(seed, 4)))
	return p
}

// drawPublishes draws what one publisher does. Of pushes with a key some are tried again, at other nodes, until they succeed.
func (p *plan) drawPublishes(publisher int, r *rand.Rand) {
	at := time.Duration(0)
	keys := 2 + int(p.seed%5)*5
	for i := range 40 {
		o := operation{actor: publisher, do: "publish", at: at, node: r.IntN(100), count: 1, id: fmt.Sprintf("%d.%d", publisher, i)}
		if r.IntN(2) == 0 {
			o.key = fmt.Sprint("key", r.IntN(keys))
			if r.IntN(2) == 0 {
				o.count = 12
			}
		} else if r.IntN(2) == 0 {
			o.receipt = scenecast.ReceiptWritten
		}
		p.operations = append(p.operations, o)
		at += time.Duration(r.IntN(30)) * time.Millisecond
		if r.IntN(8) == 0 {
			at += time.Duration(r.IntN(800)) * time.Millisecond
		}
	}
}

func (p *plan) drawQuestions(r *rand.Rand) {
	at := time.Duration(0)
	for i := range 40 {
		p.operations = append(p.operations, operation{actor: asker, do: "ask", at: at, node: r.IntN(100), id: fmt.Sprint("ask", i)})
		at += time.Duration(r.IntN(200)) * time.Millisecond
	}
}

func (p *plan) drawDisturbances(r *rand.Rand) {
	kinds := []string{"add"}
	if !p.calm {
		kinds = append(kinds, "stall", "stall", "cut", "deaf")
	}
	loses := r.IntN(2) == 0
	if loses {
		kinds = append(kinds, "lose", "lose", "part", "part")
	}
	if !p.calm && (!loses || p.faults.safe) {
		kinds = append(kinds, "kill")
	}
	if !p.calm && loses && p.faults.safe {
		kinds = append(kinds, "failover", "orphan", "orphan")
	}
	at := time.Duration(0)
	for range 8 {
		at += time.Duration(r.IntN(600)) * time.Millisecond
		o := operation{actor: disturber, do: kinds[r.IntN(len(kinds))], at: at, node: r.IntN(100), count: r.IntN(5), lasts: time.Duration(r.IntN(3000)) * time.Millisecond}
		switch {
		case loses && !p.faults.safe:
			o.lasts /= 2 // all together less than an origin keeps its records, which is as if it had died
		case o.do == "cut" && r.IntN(4) == 0:
			o.lasts += 20 * time.Second // longer than an origin tries
		}
		p.operations = append(p.operations, o)
	}
}

// String is for whoever has to find out why a plan fails.
func (p plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %d nodes, %d pages, keys for %v, clocks %v apart, calm %v, %+v", p.seed, p.nodes, p.pages, p.window, p.apart, p.calm, p.faults)
	operations := slices.Clone(p.operations)
	slices.SortStableFunc(operations, func(a, b operation) int { return int(a.at - b.at) })
	for _, o := range operations {
		fmt.Fprintf(&b, "\n  at %v %s", o.at, o.do)
		switch {
		case o.actor < publishers:
			fmt.Fprintf(&b, " %s by %d at node %d, key %q, receipt %d, %d attempts", o.id, o.actor, o.node, o.key, o.receipt, o.count)
		case o.actor == asker:
			fmt.Fprintf(&b, " %s at node %d", o.id, o.node)
		default:
			fmt.Fprintf(&b, " node %d, %d records, for %v", o.node, o.count, o.lasts)
		}
	}
	return b.String()
}

// simpler are plans that are simpler than this one in a single respect.
func (p plan) simpler() (plans []plan) {
	for _, change := range []func(*plan){
		func(p *plan) { p.apart = 0 },
		func(p *plan) { p.nodes = 2 },
		func(p *plan) { p.pages = 1 },
		func(p *plan) { p.faults.ackDelay = 0 },
		func(p *plan) { p.faults.ackLost = 0 },
		func(p *plan) { p.faults.appendLost = 0 },
		func(p *plan) { p.faults.appendTwice = 0 },
		func(p *plan) { p.faults.messageLost = 0 },
		func(p *plan) { p.faults.messageTwice = 0 },
	} {
		q := p
		if change(&q); q.faults != p.faults || q.apart != p.apart || q.nodes != p.nodes || q.pages != p.pages {
			plans = append(plans, q)
		}
	}
	return plans
}
