package cluster

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
)

// goneAt are the names of the nodes that each node tells of as gone, separated by commas.
func (c *clusterOf) goneAt() (told []string) {
	for _, e := range c.alive() {
		var names []string
		for _, g := range e.Nodes().Gone {
			names = append(names, g.Name)
		}
		told = append(told, strings.Join(names, ","))
	}
	return told
}

func (c *clusterOf) expectGone(what string, want ...string) {
	c.t.Helper()
	if got := c.goneAt(); !slices.Equal(got, want) {
		c.t.Errorf("%s: each node tells of %q as gone, want %q", what, got, want)
	}
}

// silence is how long it takes until nodes have forgotten one that fell silent, and told each other.
const silence = 6 * time.Second

// TestGone: a node that falls silent is told of by all nodes, also by one that comes later and by the process that takes a node's place, until it is
// back under its name; one that stops in order is not.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClusterWith(t, 4, 1, faults{delay: 3 * time.Millisecond}, func(int) Options { return Options{Version: "1.2"} })
		defer func() { c.close() }()
		time.Sleep(2 * time.Second)
		_ = c.engines[3].Close()
		c.engines, c.backs, c.sinks = c.engines[:3], c.backs[:3], c.sinks[:3]
		time.Sleep(silence)
		c.expectGone("one has stopped", "", "", "")
		killed := time.Now()
		c.kill(2)
		time.Sleep(silence)
		c.expectGone("one was killed", "node2", "node2")
		if g := c.engines[0].Nodes().Gone[0]; g.ID != 102 || g.Version != "1.2" || g.Heard.After(killed.Add(time.Second)) || g.Heard.Before(killed.Add(-2*time.Second)) {
			t.Errorf("%+v of a node that was killed at %v", g, killed)
		}
		c.add() // node4
		time.Sleep(2 * time.Second)
		c.expectGone("one has come since", "node2", "node2", "node2")
		defer func(old *Engine) { _ = old.Close() }(c.handOver(1, func() {}))
		time.Sleep(2 * time.Second)
		c.expectGone("another process has a node's place", "node2", "node2", "node2")

		c.started = 2 // its name comes back
		b := c.log.backend()
		e := New(b, Options{ID: 202, Name: "node2"})
		if err := e.Start(t.Context(), newSink()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		c.expectGone("it is back", "", "", "")
		if gone := e.Nodes().Gone; len(gone) > 0 {
			t.Errorf("it tells of %+v as gone", gone)
		}
		_ = e.Close()
		time.Sleep(silence)
		c.expectGone("and has stopped", "", "", "")
	})
}

// TestGoneIsForgottenAfterADay: by each node's clock.
func TestGoneIsForgottenAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Int64
		c := newClusterWith(t, 3, 1, faults{}, func(int) Options {
			return Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }}
		})
		defer c.close()
		time.Sleep(2 * time.Second)
		c.kill(2)
		time.Sleep(silence)
		c.expectGone("killed", "node2", "node2")
		ahead.Store(int64(keptGone - 10*time.Second))
		c.expectGone("before a day has passed", "node2", "node2")
		ahead.Store(int64(keptGone))
		c.expectGone("behind it", "", "")
		ahead.Store(0) // the clocks of nodes differ: one that has forgotten it is told again
		time.Sleep(silence)
		c.expectGone("forgotten", "", "")
	})
}

// TestStopThatOneNodeMissed: a node that could not hear that another one stopped takes it for silent, until one that has heard it corrects that. A
// node that was cut off takes all others for silent, until it hears them again.
func TestStopThatOneNodeMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, 1, faults{})
		defer func() { c.close() }()
		time.Sleep(2 * time.Second)
		deaf := c.backs[1]
		deaf.set(func() { deaf.cut = true })
		_ = c.engines[2].Close()
		c.engines, c.backs, c.sinks = c.engines[:2], c.backs[:2], c.sinks[:2]
		time.Sleep(silence)
		if got := c.goneAt(); got[0] != "node1" || got[1] != "node0,node2" && got[1] != "node2,node0" {
			t.Errorf("cut off: each node tells of %q as gone", got)
		}
		deaf.set(func() { deaf.cut = false })
		time.Sleep(silence)
		c.expectGone("not cut off any more", "", "")
		c.add()
		time.Sleep(2 * time.Second)
		c.expectGone("one has come since", "", "", "")
	})
}

// TestBeatBehindStop: a beat that was on its way when a node stopped does not bring it back, to be missed a while later.
func TestBeatBehindStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, 1, faults{})
		defer c.close()
		e := c.engines[0]
		for _, kind := range []string{beatHello, beatBye, beatHere} {
			body, err := json.Marshal(beat{Kind: kind, Name: "other"})
			if err == nil {
				err = e.receiveBeat(7, body)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if known := e.Nodes(); len(known.Nodes) != 1 {
			t.Errorf("the nodes are %+v", known.Nodes)
		}
		time.Sleep(silence)
		c.expectGone("it has stopped", "")
	})
}

// TestFormerNodes: what is kept is bounded, and a node that is there, that has stopped, or whose name came back later is none that is gone.
func TestFormerNodes(t *testing.T) {
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	at := func(seconds int) time.Time { return now.Add(time.Duration(seconds) * time.Second) }
	var d formerNodes
	for i := range 2 * maxGone {
		d.addGone(goneNode{ID: scenecast.NodeID(i), Name: fmt.Sprint("n", i), Heard: at(-i)}, now)
		d.addGone(goneNode{ID: scenecast.NodeID(i), Name: fmt.Sprint("n", i), Heard: at(-2 * i)}, now)
	}
	if len(d.Gone) != maxGone || d.Gone[0].ID != 0 || d.Gone[maxGone-1] != (goneNode{ID: maxGone - 1, Name: fmt.Sprint("n", maxGone-1), Heard: at(1 - maxGone)}) {
		t.Errorf("of %d nodes these are kept: %+v", 2*maxGone, d.Gone)
	}
	d = formerNodes{}
	for i := range 2 * maxStopped {
		d.addStopped(scenecast.NodeID(100+i), fmt.Sprint("s", i), at(i))
	}
	if len(d.Stopped) != maxStopped || d.Stopped[0].ID != 100+2*maxStopped-1 || len(d.disputed()) != 0 {
		t.Errorf("of %d nodes that have stopped these are kept: %+v", 2*maxStopped, d.Stopped)
	}
	newest := d.Stopped[0]
	now = at(1000)
	for _, c := range []struct {
		what string
		gone goneNode
		want bool
	}{
		{"one that has stopped", goneNode{ID: newest.ID, Heard: at(-1)}, false},
		{"an earlier run of it", goneNode{ID: 1, Name: newest.Name, Heard: newest.At}, false},
		{"a later run of it", goneNode{ID: 2, Name: newest.Name, Heard: newest.At.Add(1)}, true},
		{"an earlier run of that", goneNode{ID: 3, Name: newest.Name, Heard: newest.At.Add(1)}, false},
		{"of no name", goneNode{ID: 4, Heard: at(-5)}, true},
		{"another of no name", goneNode{ID: 5, Heard: at(-5)}, true},
		{"of a day ago", goneNode{ID: 6, Heard: now.Add(-keptGone)}, false},
		{"of less", goneNode{ID: 7, Heard: now.Add(1 - keptGone)}, true},
		{"of a clock that is ahead", goneNode{ID: 8, Heard: now.Add(time.Hour)}, true},
		{"of a name as long as it may be", goneNode{ID: 9, Name: strings.Repeat("n", maxTexts-1), Version: "1", Heard: at(-5)}, true},
		{"of a longer one", goneNode{ID: 10, Name: strings.Repeat("m", maxTexts), Version: "1", Heard: at(-5)}, false},
	} {
		d.addGone(c.gone, now)
		i := slices.IndexFunc(d.Gone, func(g goneNode) bool { return g.ID == c.gone.ID })
		if got := i >= 0; got != c.want || got && d.Gone[i].Heard.After(now) {
			t.Errorf("%s: kept %v, want %v, of %+v", c.what, got, c.want, d.Gone)
		}
	}
	if got := d.disputed(); !slices.Equal(got, []scenecast.NodeID{newest.ID}) {
		t.Errorf("disputed: %v", got)
	}
	d.removeGone(4, "")
	if slices.ContainsFunc(d.Gone, func(g goneNode) bool { return g.ID == 4 }) || !slices.ContainsFunc(d.Gone, func(g goneNode) bool { return g.ID == 5 }) {
		t.Errorf("one of no name is back: %+v", d.Gone)
	}
	d.expire(now.Add(keptGone))
	if len(d.Gone)+len(d.Stopped) != 0 {
		t.Errorf("behind a day: %+v", d)
	}
}
