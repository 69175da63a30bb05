package main_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"scenecast/bench/churn"
	"scenecast/client"
)

// TestBenchOfACluster: three nodes under pages that leave and come back, while one of them is restarted: nothing is lost or doubled, and
// each node is told of.
func TestBenchOfACluster(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	bench := follow(t, command(t, nil, "bench", "--url", f.nodes[0].url+","+f.nodes[1].url, "--url", f.nodes[2].url, "--client-token", fleetToken, "--api-key", fleetKey,
		"--pages", "60", "--rate", "50", "--churn", "40/s", "--resume", "--duration", "4s", "--timeout", "1m", "--server-pid", strconv.Itoa(f.nodes[0].cmd.Process.Pid)+
			","+strconv.Itoa(f.nodes[1].cmd.Process.Pid)+",0", "--json"))
	operator := client.Backend{URL: f.nodes[2].url, Key: fleetOperator, HTTP: f.nodes[2].http}
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(20 * time.Millisecond) {
		if d, err := operator.Draining(t.Context()); err == nil && d.Connections >= 10 {
			break
		}
	}
	f.nodes[2].terminate()
	f.nodes[2].start()
	f.nodes[2].awaitReady()
	var r churn.Report
	err := json.NewDecoder(bench.stdout).Decode(&r)
	bench.awaitEnd()
	if err != nil || !r.Complete || r.Faults.Any() || r.Left == 0 || r.Resumed < r.Left || len(r.Nodes) != 3 {
		t.Fatalf("%v: %+v", err, r)
	}
	sum := 0
	for i, n := range r.Nodes {
		if n.URL != f.nodes[i].url || n.Connections == 0 || n.Deliveries == 0 || n.Latency.P50 <= 0 || (n.CPUPerDelivery != nil) != (i < 2) {
			t.Errorf("the node %d: %+v", i, n)
		}
		sum += n.Deliveries
	}
	if sum != r.All.Deliveries || sum != r.Pages*r.Pushes || r.Nodes[2].Lost == 0 {
		t.Errorf("%d deliveries of %d pushes to %d pages: %+v", sum, r.Pushes, r.Pages, r)
	}
}

// TestBenchOfPagesThatComeAndGo starts a server of its own, and prints for people; what does not go together is refused.
func TestBenchOfPagesThatComeAndGo(t *testing.T) {
	t.Parallel()
	out, errs, code := run(t, "", nil, "bench", "--pages", "20", "--churn", "20", "--duration", "500ms", "--rate", "20")
	for _, want := range []string{"20 pages at 1 addresses, native wire, ", " left (20/s), and others came", "CPU/delivery", "nothing was lost, doubled or out of order"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, %s%s, want %s", code, out, errs, want)
		}
	}
	for want, args := range map[string][]string{
		"--to belongs to the measurement of one server":   {"--churn", "5/s", "--to", "one"},
		"takes a number of pages per second, as in 500/s": {"--churn", "many"},
		`--url: "localhost" is no address of a server`:    {"--url", "http://127.0.0.1:1,localhost"},
		"--server-pid: several processes, and one server": {"--url", "http://127.0.0.1:1", "--server-pid", "1,2"},
		"2 processes at 1 addresses":                      {"--url", "http://127.0.0.1:1", "--server-pid", "1,2", "--resume", "--client-token", "a", "--api-key", "b"},
	} {
		if _, errs, code := run(t, "", nil, append([]string{"bench"}, args...)...); code != 1 || !strings.Contains(errs, want) {
			t.Errorf("%q: exit %d, %s, want %s", args, code, errs, want)
		}
	}
}
