package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// benchReport is what a script reads of `bench --json`.
type benchReport struct {
	PID      int `json:"server_pid"`
	Complete bool
	Connect  struct {
		CPU    *struct{ User, System float64 } `json:"cpu_us_per_page"`
		Memory *float64                        `json:"memory_bytes_per_page"`
	}
	Scenarios []struct {
		Name   string
		Median struct {
			Deliveries int
			CPU        *struct{ User, System float64 } `json:"cpu_us_per_push"`
			Latency    map[string]float64              `json:"latency_us"`
		}
	}
	Faults struct{ Missing, Doubled, Misdelivered int }
}

func parseBench(t *testing.T, out string) benchReport {
	t.Helper()
	var r benchReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r
}

// TestBench starts a server of its own, measures it over either wire, and ends it.
func TestBench(t *testing.T) {
	for _, protocol := range []string{"tutorial", "native"} {
		out, errs, code := run(t, "", []string{"SCENECAST_API_KEY=not-for-it"},
			"bench", "--protocol", protocol, "--pages", "40", "--few", "5", "--rounds", "2", "--pushes", "8", "--json")
		if code != 0 || errs != "" {
			t.Fatalf("%s: exit %d, %s%s", protocol, code, out, errs)
		}
		r := parseBench(t, out)
		want := map[string]int{"everybody": 320, "everybody, 8 at a time": 320, "5 of 40": 40, "5 of 40, 8 at a time": 40, "one page": 8, "one page, 8 at a time": 8}
		for _, s := range r.Scenarios {
			if s.Median.Deliveries != want[s.Name] || s.Median.Latency["p99.9"] <= 0 || (s.Median.CPU != nil) != (runtime.GOOS == "linux") {
				t.Errorf("%s: %s: got %+v, want %d deliveries", protocol, s.Name, s.Median, want[s.Name])
			}
		}
		if len(r.Scenarios) != len(want) || !r.Complete || (r.Connect.Memory != nil) != (runtime.GOOS == "linux") {
			t.Errorf("%s: got %+v", protocol, r)
		}
		if _, err := os.Stat("/proc/" + strconv.Itoa(r.PID)); r.PID != 0 && err == nil {
			t.Errorf("%s: the server of its own, process %d, is still there", protocol, r.PID)
		}
	}
}

// TestBenchTable prints for people, by the clock, and to an audience of theirs.
func TestBenchTable(t *testing.T) {
	out, errs, code := run(t, "", nil, "bench", "--pages", "8", "--rounds", "1", "--rate", "500", "--pushes", "20", "--to", "one", "--to", `page == "home"`)
	for _, want := range []string{"8 pages at http://127.0.0.1:", "one page, 500/s", `page == "home", 500/s`, "p99.9", "every message came once"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, %s%s, want %s", code, out, errs, want)
		}
	}
}

// TestBenchAtURL measures a server that runs already, without and with its process, and leaves it running.
func TestBenchAtURL(t *testing.T) {
	server := launch(t, nil, "serve", "--listen", "127.0.0.1:0", "--client-token", "page-token", "--api-key", "backend-key")
	env := []string{
		"SCENECAST_URL=http://" + line(t, server.stderr, `msg=listening addr=(\S+)`),
		"SCENECAST_CLIENT_TOKEN=page-token", "SCENECAST_API_KEY=backend-key",
	}
	few := []string{"bench", "--pages", "8", "--rounds", "1", "--pushes", "3", "--to", "*", "--pipeline", "1"}
	out, errs, code := run(t, "", env, append(few, "--json")...)
	if r := parseBench(t, out); code != 0 || len(r.Scenarios) != 1 || r.Scenarios[0].Median.Deliveries != 24 || r.Connect.CPU != nil {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	out, errs, code = run(t, "", env, append(few, "--server-pid", strconv.Itoa(server.cmd.Process.Pid))...)
	if code != 0 || strings.Contains(out, "CPU/delivery") != (runtime.GOOS == "linux") {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--client-token", "wrong"}, "0 of 8 pages are connected, then: page "},
		{[]string{"--client-token", "wrong", "--protocol", "native"}, `the server closes the page with code 4401: "token: `},
		{[]string{"--api-key", "wrong"}, "names no API key"},
		{[]string{"--url", "localhost"}, `"localhost" is no address of a server`},
		{[]string{"--protocol", "pusher"}, "there are tutorial and native"},
		{[]string{"--to", `plan == "pro"`}, `the pages of bench have no label "plan"`},
	} {
		if out, errs, code := run(t, "", env, append(few, c.args...)...); code != 1 || !strings.Contains(errs, c.want) || strings.Contains(errs, "page-token") {
			t.Errorf("%q: exit %d, %s%s, want %s", c.args, code, out, errs, c.want)
		}
	}
	if _, errs, code := run(t, "", nil, "bench", "--server-pid", "1"); code != 1 || !strings.Contains(errs, "--server-pid belongs to the server at --url") {
		t.Errorf("a process without a server: exit %d, %s", code, errs)
	}
	server.terminate()
}

// TestBenchFileLimit: a limit that is too low is told before anything connects.
func TestBenchFileLimit(t *testing.T) {
	cmd := command(t, nil, "bench", "--pages", "500")
	cmd.Args = append([]string{"sh", "-c", `ulimit -n 300 && exec "$0" "$@"`}, cmd.Args...)
	cmd.Path, _ = exec.LookPath("sh")
	out, err := cmd.CombinedOutput()
	if want := "500 pages need 756 open files, and this process may open 300: raise the limit (ulimit -Hn), or take --pages 44\n"; err == nil || !strings.Contains(string(out), want) {
		t.Errorf("got %v, %s, want %s", err, out, want)
	}
}

// TestBenchHelp teaches.
func TestBenchHelp(t *testing.T) {
	out, _, code := run(t, "", nil, "bench", "--help")
	for _, want := range []string{"Examples:", "--pipeline calls", "--server-pid process", "misdelivered"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in %s", code, want, out)
		}
	}
}
