package main_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/client"
	"scenecast/freeport"
)

// TestAllNodesRestart: all nodes of three are killed and started again. What was acknowledged is there, and pages are told of no gap.
func TestAllNodesRestart(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	l := startLoad(t, f)
	time.Sleep(time.Second)
	for _, m := range f.nodes {
		m.kill()
	}
	for _, m := range f.nodes {
		m.start()
	}
	for _, m := range f.nodes {
		m.awaitReady()
	}
	l.awaitPush()
	l.end()
}

// TestMachinesAreReplaced: one machine after the other is replaced by an empty one with the same name, the next one when all replicas are
// in sync. Nobody notices, and in the end no file of the first ones is left.
func TestMachinesAreReplaced(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	l := startLoad(t, f)
	for _, m := range f.nodes {
		time.Sleep(300 * time.Millisecond)
		m.terminate()
		if err := os.RemoveAll(filepath.Join(m.dir, "data")); err != nil {
			t.Fatal(err)
		}
		m.start()
		m.awaitReady()
		m.awaitInSync(3)
	}
	l.end()
}

// awaitInSync waits until so many replicas of the log have everything.
func (m *member) awaitInSync(want int) {
	m.t.Helper()
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		_, inSync := m.nodeProblem(m.name)
		if inSync == want {
			return
		}
		if time.Since(begun) > 2*patience {
			m.t.Fatalf("%d replicas are in sync, want %d", inSync, want)
		}
	}
}

// TestNodeAwayLongerThanTheLog: a node is down for longer than the log is kept. Its page, which comes back to it, is told of a gap, and
// goes on.
func TestNodeAwayLongerThanTheLog(t *testing.T) {
	t.Parallel()
	short := []string{"env", "SCENECAST_HISTORY_MAX_AGE=2s", "SCENECAST_PUSH_IDEMPOTENCY_WINDOW=1s"}
	f := newFleetAt(t, freeport.Addrs(t, 3), freeport.Addrs(t, 3), [][]string{short, short, short})
	away, other := f.nodes[0], f.nodes[1]
	other.awaitPushed()
	position, _, _ := away.visit(scenecast.Position{}, "before")
	away.kill()
	other.awaitPushed() // what the page misses
	time.Sleep(4 * time.Second)
	away.start()
	away.awaitReady()
	position, shown, gaps := away.visitWithGap(position, "after")
	if !slices.Equal(shown, []string{`"after"`}) || !slices.Equal(gaps, []string{"retention"}) {
		t.Errorf("the page got %.200q, and gaps %q", shown, gaps)
	}
	if _, shown, gaps = away.visit(position, "later"); !slices.Equal(shown, []string{`"later"`}) || len(gaps) != 0 {
		t.Errorf("later it got %.200q, and gaps %q", shown, gaps)
	}
}

// visit connects a page that was at a position, until it has got the last push, which is pushed when it is connected.
func (m *member) visit(since scenecast.Position, last string) (at scenecast.Position, shown, gaps []string) {
	m.t.Helper()
	return m.visitAndPush(since, last, false)
}

// visitWithGap is visit of a page that is to be told of a gap. The push comes behind that: one that comes between the welcome and the gap
// may be what the gap stands for.
func (m *member) visitWithGap(since scenecast.Position, last string) (at scenecast.Position, shown, gaps []string) {
	m.t.Helper()
	return m.visitAndPush(since, last, true)
}

func (m *member) visitAndPush(since scenecast.Position, last string, onGap bool) (at scenecast.Position, shown, gaps []string) {
	m.t.Helper()
	ctx, leave := context.WithTimeout(m.t.Context(), patience)
	defer leave()
	push := func() {
		b := client.Backend{URL: m.url, Key: fleetKey, HTTP: m.http}
		if _, err := b.Push(ctx, client.PushRequest{To: client.Audience("*"), Message: json.RawMessage(`"` + last + `"`)}); err != nil && ctx.Err() == nil {
			m.t.Error(err)
		}
	}
	page, err := client.NewPage(client.PageOptions{
		URL: m.url, Token: fleetToken, Since: since,
		OnGap: func(g client.Gap) {
			if gaps = append(gaps, g.Reason); onGap && len(gaps) == 1 {
				go push()
			}
		},
		OnWelcome: func(client.Welcome) {
			if !onGap {
				go push()
			}
		},
	})
	if err != nil {
		m.t.Fatal(err)
	}
	_ = page.Run(ctx, func(p client.Push) error {
		at = p.Position
		if shown = append(shown, string(p.Data)); string(p.Data) == `"`+last+`"` {
			leave()
		}
		return nil
	})
	return at, shown, gaps
}

// TestFromMemoryToACluster, as docs/cluster.md says: from memory to one durable node, and from that to three with empty directories. Pages
// are told of a gap each time, once; what the single node had is read by `scenecast log export`; and back again.
func TestFromMemoryToACluster(t *testing.T) {
	ports, routes := freeport.Addrs(t, 3), freeport.Addrs(t, 3)
	memory := prepareFleet(t, ports[:1], routes[:1], nil)
	m := memory.nodes[0]
	durable := slices.Clone(m.args)
	at := slices.Index(m.args, "--data-dir")
	m.args = slices.Delete(slices.Clone(m.args), at, at+2)
	memory.start()
	position, shown, gaps := m.visit(scenecast.Position{}, "in memory")
	if len(shown) != 1 || len(gaps) != 0 {
		t.Fatalf("in memory: %q, gaps %q", shown, gaps)
	}
	step := func(what string, m *member) {
		t.Helper()
		next, shown, gaps := m.visitWithGap(position, what)
		if !slices.Equal(shown, []string{`"` + what + `"`}) || !slices.Equal(gaps, []string{"epoch"}) {
			t.Errorf("%s: %q, gaps %q", what, shown, gaps)
		}
		position = next
		if next, shown, gaps = m.visit(position, what+" again"); len(shown) != 1 || len(gaps) != 0 {
			t.Errorf("%s, a second time: %q, gaps %q", what, shown, gaps)
		}
		position = next
	}
	m.terminate()
	m.args = durable
	memory.start()
	step("durable", m)
	m.terminate()
	old := filepath.Join(m.dir, "data")

	three := prepareFleet(t, ports, routes, nil)
	three.start()
	step("three", three.nodes[0])
	for _, m := range three.nodes {
		m.terminate()
	}
	if out, errs, code := run(t, "", nil, "log", "export", "--data-dir", old); code != 0 || !strings.Contains(out, `"durable again"`) {
		t.Errorf("export: exit %d, %.300s %s", code, out, errs)
	}

	m.args = slices.Delete(slices.Clone(durable), at, at+2)
	memory.start()
	step("back in memory", m)
}
