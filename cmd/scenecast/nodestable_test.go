package main

import (
	"strings"
	"testing"
	"time"
)

// TestNodesTable: a node that drains is shown as such, with since when where it tells that.
func TestNodesTable(t *testing.T) {
	var out strings.Builder
	if err := printNodes(&out, []byte(`{"nodes":[
		{"id":1,"name":"a","self":true,"state":"up","since":"2026-01-02T15:04:05Z","connections":5,"position":"1-2"},
		{"id":2,"name":"b","state":"up","since":"2026-01-02T15:04:05Z","connections":3,"position":"1-2","draining":"closing","draining_since":"2026-01-02T16:00:00Z"},
		{"id":3,"name":"c","state":"up","since":"2026-01-02T15:04:05Z","position":"1-2","draining":"drained"}]}`)); err != nil {
		t.Fatal(err)
	}
	var states []string
	for line := range strings.Lines(out.String()) {
		if name, rest, found := strings.Cut(line, "  "); found && name != "NODE" {
			state, _, _ := strings.Cut(strings.TrimSpace(rest), "  ")
			states = append(states, name+": "+state)
		}
	}
	since := time.Date(2026, 1, 2, 16, 0, 0, 0, time.UTC).Local().Format(time.DateTime)
	want := "a (this one): up; b: up, draining (closing) since " + since + "; c: up, draining (drained)"
	if got := strings.Join(states, "; "); got != want {
		t.Errorf("%q, want %q, of\n%s", got, want, out.String())
	}
}
