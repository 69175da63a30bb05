package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"scenecast/bench/load"
)

// testPlace builds servers in a directory of the test's own, and runs them on any core.
func testPlace(t *testing.T) *place {
	t.Helper()
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	return &place{root: root, built: t.TempDir()}
}

// littleEffort shows that everything is measured, and no figure that is worth anything.
var littleEffort = effort{fanouts: 2, bursts: 1, choices: 20, singles: 20, stalled: 10, healthy: 20, stalledRate: 75}

// TestCompare measures both floors and Scenecast, with few pages.
func TestCompare(t *testing.T) {
	c := comparison{place: testPlace(t), sizes: sizes{pages: 200, many: 1000}, effort: littleEffort, rounds: 1, log: io.Discard}
	var err error
	if c.peers, err = choose("servers", "scenecast,floor,floor-coalescing", peers(), func(p *peer) string { return p.name }); err != nil {
		t.Fatal(err)
	}
	if c.rows, err = choose("rows", "fanout,pipelined,chosen,growth,memory,connect", rows, func(r row) string { return r.id }); err != nil {
		t.Fatal(err)
	}
	c.peers = append(c.peers, &peer{name: "none", prepare: func(context.Context, *place) (string, error) {
		return "", errors.New("nobody has it")
	}})
	report, err := c.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range report.Servers {
		if want := map[bool]string{true: "nobody has it"}[s.Name == "none"]; s.Missing != want || s.Fault != "" {
			t.Errorf("%+v", s)
		}
	}
	for _, r := range report.Rows {
		if len(r.Cells) != 3 {
			t.Errorf("%s: figures of %d servers", r.ID, len(r.Cells))
		}
		for name, cell := range r.Cells {
			if len(cell.Rounds) != 1 || (cell.Ratio == 0) != (r.ID == "growth") || r.ID != "memory" && cell.Median <= 0 {
				t.Errorf("%s, %s: got %+v", r.ID, name, cell)
			}
		}
	}
}

// astray is a dialect whose publishes for a group go to everybody.
type astray struct{ plain }

func (a astray) Push(to load.Audience, message []byte) load.Call {
	if to.Key == "group" {
		to.Key, to.Value, _ = strings.Cut("run-"+to.Value, "-")
		to.Value, _, _ = strings.Cut(to.Value, "-")
	}
	return a.plain.Push(to, message)
}

// TestMistakes: a server that makes one has no figures for that visit.
func TestMistakes(t *testing.T) {
	p := floor(peerFloor, "floor")
	start := p.start
	p.start = func(ctx context.Context, at *place) (*server, error) {
		s, err := start(ctx, at)
		s.options.Dialect = astray{plain{"/"}}
		return s, err
	}
	c := comparison{place: testPlace(t), peers: []*peer{p}, rows: rows[:3], sizes: sizes{200, 1000}, effort: littleEffort, rounds: 2, log: io.Discard}
	report, err := c.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if fault := report.Servers[0].Fault; !strings.Contains(fault, "pages: chosen: ") || !strings.Contains(fault, "misdelivered") {
		t.Errorf("got the fault %q", fault)
	}
	for _, r := range report.Rows {
		if len(r.Cells) > 0 {
			t.Errorf("%s: got figures %v", r.ID, r.Cells)
		}
	}
}

// TestStalled: the floor serves the healthy while others never read, and closes those whose bytes it cannot keep.
func TestStalled(t *testing.T) {
	c := comparison{place: testPlace(t), peers: []*peer{floor(peerFloor, "floor")}, rows: rows[7:], effort: littleEffort, rounds: 1, log: io.Discard}
	report, err := c.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := report.Rows[0]; got.ID != "stalled" || got.Cells[peerFloor].Median <= 0 {
		t.Errorf("got %+v, %+v", got, report.Servers)
	}
}

// TestStart: a server that cannot start says why.
func TestStart(t *testing.T) {
	at := testPlace(t)
	for _, c := range []struct {
		command []string
		want    string
	}{
		{[]string{"sh", "-c", "echo no port >&2"}, "it ended at once: no port"},
		{[]string{at.program("nothing")}, "no such file or directory"},
	} {
		_, err := at.serve(t.Context(), load.Options{}, "", func(string) ([]string, error) { return c.command, nil })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.command, err, c.want)
		}
	}
}
