package main_test

import (
	"flag"
	"regexp"
	"strings"
	"testing"

	"scenecast/client"
	"scenecast/freeport"
	"scenecast/redisclient/redistest"
)

var rolling = flag.Int("rolling", 0, "how often TestRollingBehindProxy restarts each node, with the times that docs/operations.md has; 0: twice, with short times")

// haproxy starts HAProxy by the block of docs/operations.md, in front of three nodes, and returns where it listens. It looks whether they
// are ready every interval.
func haproxy(t *testing.T, nodes []string, interval string) (addr string) {
	t.Helper()
	block := documentedBlocks(t, "haproxy", 2)[0]
	addr = freeport.Addr(t)
	written := strings.NewReplacer("bind :80", "bind "+addr, "10.0.0.1:9502", nodes[0], "10.0.0.2:9502", nodes[1], "10.0.0.3:9502", nodes[2],
		"inter 1s", "inter "+interval).Replace(block)
	if strings.Count(written, "127.0.0.1") != 4 || !strings.Contains(written, "check inter "+interval+" fall 2") {
		t.Fatalf("the block of docs/operations.md is another one:\n%s", written)
	}
	startProxy(t, addr, written, "haproxy", "-db", "-f", "FILE")
	return addr
}

// TestRollingBehindProxy: an operator restarts one node after the other behind HAProxy, as docs/operations.md says, by SIGTERM alone and by
// `scenecast drain` before it. Backends see no call that fails because a node goes, and pages get every push once and in order.
func TestRollingBehindProxy(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T, setting string) *fleet{
		"nats": func(t *testing.T, setting string) *fleet {
			before := []string{"env", setting}
			return newFleetAt(t, freeport.Addrs(t, 3), freeport.Addrs(t, 3), [][]string{before, before, before})
		},
		"redis": func(t *testing.T, setting string) *fleet { return nodesOn(t, redistest.Start(t).URL(), setting) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			interval, delay, rounds := "100ms", "1s", 2
			if *rolling > 0 {
				interval, delay, rounds = "1s", "5s", *rolling
			}
			f := begin(t, "SCENECAST_DRAIN_DELAY="+delay)
			var nodes []string
			for _, m := range f.nodes {
				nodes = append(nodes, strings.TrimPrefix(m.url, "http://"))
			}
			front := &member{t: t, name: "haproxy", url: "http://" + haproxy(t, nodes, interval), http: f.nodes[0].http}
			front.awaitReady()
			l := startLoad(t, &fleet{t: t, nodes: []*member{front}})
			for round := range rounds {
				for _, m := range f.nodes {
					if round%2 == 1 {
						m.drain()
					}
					m.terminate()
					m.start()
					m.awaitReady()
				}
			}
			l.end()
			for why := range strings.Lines(l.why.String()) {
				if *rolling == 0 && strings.Contains(why, ": the engine ") { // on a machine that is busy the nodes are slow to agree on a leader
					t.Log(why)
					continue
				}
				t.Errorf("a call of a backend failed %s", why)
			}
		})
	}
}

// drain is `scenecast drain`, which returns when no page is left.
func (m *member) drain() {
	m.t.Helper()
	out, errs, code := run(m.t, m.dir, nil, "drain", "--url", m.url, "--api-key", fleetOperator, "--within", "1s")
	if code != 0 || !regexp.MustCompile(`No page is left\.\n$`).MatchString(out) {
		m.t.Errorf("drain of %s: exit %d, %s%s", m.name, code, out, errs)
	}
	d, err := (&client.Backend{URL: m.url, Key: fleetOperator, HTTP: m.http}).Draining(m.t.Context())
	if err != nil || d.State != "drained" || d.Connections != 0 {
		m.t.Errorf("%s is drained: %+v, %v", m.name, d, err)
	}
}
