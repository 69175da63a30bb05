package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	becomeAttacker()
	os.Exit(m.Run())
}

func buildServer(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "scenecast")
	if out, err := exec.Command("go", "build", "-o", binary, "scenecast/cmd/scenecast").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return binary
}

// TestScenarios makes small attacks of several kinds on the real program: on one loop, by many pages, by HTTP, on memory, over TLS.
func TestScenarios(t *testing.T) {
	binary := buildServer(t)
	for _, c := range []struct{ name, said string }{
		{"lasting-user", " sets"},
		{"pings", "000 pings"},
		{"sets-at-once", " sets, 0 times closed"},
		{"heads", " requests"},
		{"listings", " listings"},
		{"slow-tls", "still there after "},
		{"unfinished", "80 messages begun, 0 writes refused"},
		{"trigger-size", "413"},
		{"log-gone", " requests"},
		{"log-full", " requests"},
		{"files-upgrades", " pages in, "},
		{"files-idle", " idle connections; /healthz: 200"}, // the server gives some up for the others
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			chosen, err := choose(c.name)
			if err != nil {
				t.Fatal(err)
			}
			r := measure(t.Context(), chosen[0], options{binary: binary, scale: 0.01, time: 500 * time.Millisecond, quiet: 100 * time.Millisecond})
			if r.err != nil {
				t.Fatal(r.err)
			}
			if said := strings.Join(r.said, "; "); !strings.Contains(said, c.said) || r.fault != "" {
				t.Errorf("said %q, want %q; fault %q", said, c.said, r.fault)
			}
			if r.quiet.p50 <= 0 || r.during.p50 <= 0 || r.during.max < r.during.p99 || r.before == 0 || r.peak < r.before || r.after == 0 {
				t.Errorf("measured %+v", r)
			}
		})
	}
}

// TestHealthyPageLost: a server that does not survive is told as that, and the other scenarios are measured.
func TestHealthyPageLost(t *testing.T) {
	chosen, err := choose("heads")
	if err != nil {
		t.Fatal(err)
	}
	kill := func(server *target) {
		if err := syscall.Kill(server.PID, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	r := measure(t.Context(), chosen[0], options{binary: buildServer(t), scale: 0.01, time: time.Minute, quiet: 100 * time.Millisecond, began: kill})
	if !strings.Contains(r.fault, "healthy page lost: ") || !strings.Contains(r.fault, "server gone") {
		t.Errorf("fault %q, error %v", r.fault, r.err)
	}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	err := printRows(&out, []row{
		{name: "heads", quiet: roundTrips{p50: 150 * time.Microsecond}, before: 17e6, cpu: 1.5, said: []string{"3 requests", "a|b\nc"}},
		{name: "pings", err: os.ErrNotExist},
		{name: "listings", fault: "healthy page lost"},
	})
	if err == nil || err.Error() != "pings: file does not exist\nlistings: healthy page lost" {
		t.Errorf("got the error %v", err)
	}
	lines := strings.Split(out.String(), "\n")
	for i, cells := range [][]string{
		{"attack", "quiet p50", "p99", "RSS before", "what happened"}, {"---"},
		{"heads", "0.15 ms", "17 MB", "150 %", "3 requests; a/b c"}, {"pings", "not measured: file does not exist"}, {"listings", "no: healthy page lost"},
	} {
		for _, cell := range cells {
			if !strings.Contains(lines[i], "| "+cell) {
				t.Errorf("line %d lacks %q: %s", i+1, cell, lines[i])
			}
		}
		if got, want := strings.Count(lines[i], "|"), strings.Count(lines[0], "|"); got != want {
			t.Errorf("line %d has %d bars, want %d", i+1, got, want)
		}
	}
}

func TestArguments(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--scenario nothing", `there is no scenario "nothing"; --list prints them`},
		{"--scale 0", "--scale and --time are positive"},
		{"more", `there are no arguments: "more"`},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), strings.Fields(c.args), &out, &out); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", c.args, err, c.want)
		}
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"--list", "--scenario", "lasting*,heads"}, &out, &out); err != nil || strings.Count(out.String(), "\n") != 5 {
		t.Errorf("printed %s, %v", &out, err)
	}
}
