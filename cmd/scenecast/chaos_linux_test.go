package main_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	chaos     = flag.Int("chaos", 0, "how many faults TestChaos has; 0: each kind once")
	chaosTime = flag.Duration("chaos-time", 0, "how long TestChaos takes with each engine, unless -chaos says how many faults; 0: until each kind has been")
	chaosRate = flag.Int("chaos-rate", defaultRate, "how many pushes a second there are meanwhile")
	chaosWith = flag.String("chaos-engines", "nats", "with which engines, with commas: nats, redis, redis-wait")
	chaosOnly = flag.String("chaos-faults", "", "which faults there are, with commas, as in kill,stop; empty: all")
)

// chaosEngine is an engine under chaos: what its nodes need beside them, and which faults there can be.
type chaosEngine struct {
	name  string
	start func(t *testing.T) *underChaos

	// mayLose: the log may lose its end. Pages are told of that, and what was acknowledged is appended again, maybe behind what its publisher
	// has pushed then: also where a replica is waited for, which may not be the one that is promoted.
	mayLose bool
}

// underChaos is nodes that run, and what can be done to them.
type underChaos struct {
	*fleet
	faults []chaosFault
	mended func() // waits until what is beside the nodes is whole again; nil: there is nothing
	check  func() // looks at the end whether anything is left behind; nil: there is nothing to look at
}

// chaosFault is something that is done to a node. It returns when it is over; that the nodes are ready is for others to see.
type chaosFault struct {
	name string // for -chaos-faults
	what string // for the table
	do   func(m *member, random *rand.Rand)
}

// chaosEngines are an embedded NATS, and a Redis with Sentinels, whose replicas are waited for or not.
var chaosEngines = []chaosEngine{
	{name: "nats", start: startNATSChaos},
	{name: "redis", start: func(t *testing.T) *underChaos { return startRedisChaos(t, 0) }, mayLose: true},
	{name: "redis-wait", start: func(t *testing.T) *underChaos { return startRedisChaos(t, 1) }, mayLose: true},
}

// TestChaos does one thing after the other to nodes at random, under numbered pushes to pages that change nodes: nothing that was
// acknowledged is lost, doubled or out of order on any page, and no page misses anything without being told. At the end the table is
// printed of what was done how often, and what was seen, as docs/cluster.md has it.
func TestChaos(t *testing.T) {
	for _, e := range chaosEngines {
		if !slices.Contains(strings.Split(*chaosWith, ","), e.name) {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			c := e.start(t)
			if *chaosOnly != "" {
				c.faults = slices.DeleteFunc(c.faults, func(f chaosFault) bool { return !slices.Contains(strings.Split(*chaosOnly, ","), f.name) })
			}
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			l := startLoadOf(t, c.fleet, *chaosRate, e.mayLose)
			r := newChaosReport(c.faults)
			c.run(l, r, rand.New(rand.NewPCG(seed, 0)))
			time.Sleep(500 * time.Millisecond)
			l.end()
			if c.check != nil {
				c.check()
			}
			t.Logf("%s: %s\n%s", e.name, l.summary, r)
		})
	}
}

// run has faults happen. Each comes in its turn, in an order that changes from round to round.
func (c *underChaos) run(l *load, r *chaosReport, random *rand.Rand) {
	begun, faults := time.Now(), *chaos
	if faults == 0 && *chaosTime == 0 {
		faults = len(c.faults)
	}
	var round []chaosFault
	for n := 0; n < faults || *chaos == 0 && time.Since(begun) < *chaosTime; n++ {
		if len(round) == 0 {
			round = slices.Clone(c.faults)
			random.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
		}
		f := round[0]
		round = round[1:]
		time.Sleep(time.Duration(300+random.IntN(700)) * time.Millisecond)
		l.quiet()
		f.do(c.nodes[random.IntN(len(c.nodes))], random)
		over := time.Now()
		for _, m := range c.nodes {
			m.awaitReady()
		}
		r.add(f, l.quiet(), time.Since(over))
		if c.mended != nil {
			c.mended()
		}
	}
}

// chaosReport is what was done how often, and what was seen.
type chaosReport struct {
	faults []chaosFault
	quiet  map[string][]time.Duration // by fault: the longest time without an acknowledged push
	ready  map[string][]time.Duration // and how long after its end all nodes were ready
}

func newChaosReport(faults []chaosFault) *chaosReport {
	return &chaosReport{faults, make(map[string][]time.Duration), make(map[string][]time.Duration)}
}

func (r *chaosReport) add(f chaosFault, quiet, ready time.Duration) {
	r.quiet[f.name] = append(r.quiet[f.name], quiet)
	r.ready[f.name] = append(r.ready[f.name], ready)
}

// String is the table.
func (r *chaosReport) String() string {
	var b strings.Builder
	b.WriteString("| what was done | times | longest time without a push: median / worst | all nodes ready again: median / worst |\n|---|---|---|---|\n")
	for _, f := range r.faults {
		fmt.Fprintf(&b, "| %s | %d | %s | %s |\n", f.what, len(r.quiet[f.name]), medianAndWorst(r.quiet[f.name]), medianAndWorst(r.ready[f.name]))
	}
	return b.String()
}

func medianAndWorst(d []time.Duration) string {
	if len(d) == 0 {
		return "–"
	}
	slices.Sort(d)
	return fmt.Sprintf("%.2f / %.2f s", d[len(d)/2].Seconds(), d[len(d)-1].Seconds())
}

// TestFastElections: a leader that is killed is replaced sooner than NATS's own times allow, which are 4 s at least. Each node is killed
// once, so the leader is. A machine that is busy may be slow by itself: one round of some is enough.
func TestFastElections(t *testing.T) {
	f := newFleet(t, 3)
	for round := range 4 {
		l := startLoad(t, f)
		for _, m := range f.nodes {
			time.Sleep(300 * time.Millisecond)
			m.kill()
			l.awaitPush()
			m.start()
			m.awaitReady()
		}
		l.end()
		if l.silent < 4*time.Second {
			return
		}
		t.Logf("round %d: %v without a push", round, l.silent)
	}
	t.Error("in no round a leader was replaced within 4 s: does NATS obey the variables of engine/nats/elections.go?")
}

// TestSingleNodeIsKilled: one node with a directory loses nothing that it has acknowledged.
func TestSingleNodeIsKilled(t *testing.T) {
	f := newFleet(t, 1)
	l := startLoad(t, f)
	for range max(2, *chaos/2) {
		time.Sleep(500 * time.Millisecond)
		f.nodes[0].kill()
		f.nodes[0].start()
		f.nodes[0].awaitReady()
	}
	l.end()
}
