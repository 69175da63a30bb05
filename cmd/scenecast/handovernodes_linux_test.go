package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"scenecast/redisclient/redistest"
)

var nodeRounds = flag.Int("node-rounds", 3, "how many handovers in a row TestHandoverOfNodes does on each engine")

// TestHandoverOfNodes has one of three nodes hand over again and again, under load from that node and from another one, with attempts that fail
// between: pages of all nodes notice nothing, no call of a backend fails or counts a page twice or none, and the other nodes do not notice.
func TestHandoverOfNodes(t *testing.T) {
	for _, c := range []struct {
		name   string
		engine func(t *testing.T) (flags, env []string, registered func() []string) // connection IDs in the registry; nil: there is none
	}{
		{"nats", func(t *testing.T) (flags, env []string, registered func() []string) {
			n, err := natsserver.NewServer(&natsserver.Options{
				Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			go n.Start()
			t.Cleanup(func() { n.Shutdown(); n.WaitForShutdown() })
			if !n.ReadyForConnections(2 * patience) {
				t.Fatal("NATS does not start")
			}
			return []string{"--nats-url", "nats://" + n.Addr().String()}, nil, nil
		}},
		{"redis", func(t *testing.T) (flags, env []string, registered func() []string) {
			redis := redistest.Start(t)
			looks := redis.Client()
			return []string{"--engine", "redis", "--redis-url", redis.URL()}, []string{"SCENECAST_REDIS_REGISTRY=true"},
				func() []string {
					answer := redistest.Do(t, looks, "HKEYS", "{scenecast}:connections")
					fields, err := answer.AsStrSlice()
					if err != nil {
						t.Error(err)
					}
					slices.Sort(fields)
					return fields
				}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			flags, env, registered := c.engine(t)
			handOverNodes(t, flags, env, registered)
		})
	}
}

// pagesOfNode is how many each node has in each of the two scenes.
const pagesOfNode = 6

func handOverNodes(t *testing.T, flags, env []string, registered func() []string) {
	faulty, err := faultyBinary()
	if err != nil {
		t.Fatal(err)
	}
	var nodes []*relay
	for i := range 3 {
		r := newRelay(t, append(slices.Clone(flags), "--cluster-node", fmt.Sprint("node-", i))...)
		r.env = append([]string{ // a machine that has much else to do makes no node late
			"SCENECAST_CLUSTER_ANSWER_TIMEOUT=20s", "SCENECAST_CLUSTER_FORGET_AFTER=60s", "SCENECAST_PRESENCE=[{key: page, linger: 0s}]",
			"SCENECAST_CLIENT_TOKENS=[{token: " + fleetToken + ", user: \"" + fmt.Sprint(i) + "\"}]",
		}, env...)
		nodes = append(nodes, r)
	}
	first, other := nodes[0], nodes[1]
	old := first.start(faulty, "kill:old.taken")
	for _, r := range nodes[1:] {
		r.start(binary, "")
	}
	for _, r := range nodes {
		r.awaitLog("msg=listening", 1)
	}
	events := other.follow()
	var home, away []*steadyPage
	for _, r := range nodes {
		pages, end := r.crowdIn("home", pagesOfNode)
		defer end()
		home = append(home, pages...)
		pages, end = r.crowdIn("away", pagesOfNode)
		defer end()
		away = append(away, pages...)
	}
	before := ""
	first.await("both nodes know of all pages", func() bool {
		before = other.see(t)
		return strings.Count(before, fmt.Sprintf(`"connections":%d,`, len(home))) == 2 && first.see(t) == before
	})
	events.await(t, "connected", 2*len(home))
	events.await(t, "joined", 2*len(nodes))
	quiet := events.count()
	var fields []string
	if registered != nil {
		first.await("the registry has all pages", func() bool { fields = registered(); return len(fields) == 2*len(home) })
	}

	stopAway := other.numbersTo("away", len(away))
	// A new process that dies: the node goes on.
	attempts := 0
	for _, fault := range []string{"kill:new.shared", "kill:new.take"} {
		attempts++
		_ = first.start(faulty, fault).await(t)
		first.await("the attempt fails", func() bool {
			return strings.Count(first.log.String(), "handover: failed")+strings.Count(first.log.String(), "handover: refused") >= attempts
		})
		away[0].progresses(t, other)
	}
	// The old process dies when the pages have gone.
	current := first.start(binary, "")
	if err := old.await(t); !killed(err) {
		t.Fatalf("the old process ends by %v", err)
	}
	const got = "this process has the port and the pages"
	first.awaitLog(got, 1)
	first.awaitLog("another process can take over", 2)

	stopHome := first.numbersTo("home", len(home))
	for done, tries := 1, 0; done <= *nodeRounds; tries++ {
		if tries > *nodeRounds+10 {
			t.Fatalf("%d attempts, of which %d have come through", tries, done-1)
		}
		next := first.start(binary, "")
		failed := first.failures()
		first.await("the handover ends", func() bool { return strings.Count(first.log.String(), got) > done || first.failures() > failed })
		if first.failures() > failed { // the machine was too slow for the time that pages may stand still
			_ = next.await(t)
			continue
		}
		done++
		if err := current.await(t); err != nil {
			t.Errorf("the process before ends by %v", err)
		}
		current = next
		first.awaitLog("another process can take over", done+1)
		home[0].progresses(t, first)
		away[0].progresses(t, other)
	}
	first.check(home, stopHome())
	other.check(away, stopAway())
	if now := other.see(t); now != before {
		t.Errorf("the other node sees %s\nand before it saw %s", now, before)
	}
	if now := first.see(t); now != before {
		t.Errorf("the node sees %s\nand before the other one saw %s", now, before)
	}
	if registered != nil {
		if now := registered(); !slices.Equal(now, fields) {
			t.Errorf("the registry has %q\nand had %q", now, fields)
		}
	}
	if n := events.count(); n != quiet {
		t.Errorf("%d events while nothing happened: %s", n-quiet, events.text())
	}
	for _, r := range nodes[1:] {
		for _, what := range []string{"a node has gone", "a node does not answer"} {
			if strings.Contains(r.log.String(), what) {
				t.Errorf("another node has noticed: %s", what)
			}
		}
	}
	for line := range strings.SplitSeq(first.log.String(), "\n") {
		if strings.Contains(line, got) {
			t.Log(line[strings.Index(line, "pages="):])
		}
	}
	if err := current.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = current.await(t)
}

func (r *relay) failures() int {
	log := r.log.String()
	return strings.Count(log, "handover: failed") + strings.Count(log, "handover: refused")
}

// progresses waits until the page has got some more pushes.
func (p *steadyPage) progresses(t *testing.T, r *relay) {
	t.Helper()
	before := p.count()
	r.await("pushes come", func() bool { return p.count() > before+30 || t.Failed() })
}

// see is what a node knows of the others, and of who is in which scene.
func (r *relay) see(t *testing.T) string {
	t.Helper()
	var nodes struct {
		Nodes []struct {
			ID   uint64
			Name string
			Late bool
		}
	}
	r.get(t, "/v1/nodes", &nodes)
	var seen []string
	for _, n := range nodes.Nodes {
		seen = append(seen, fmt.Sprint(n.ID, " ", n.Name, " ", n.Late))
	}
	slices.Sort(seen)
	for _, scene := range []string{"home", "away"} {
		var in any
		r.get(t, "/v1/presence?key=page&value="+scene, &in)
		b, _ := json.Marshal(in)
		seen = append(seen, string(b))
	}
	return strings.Join(seen, "\n")
}

func (r *relay) get(t *testing.T, path string, to any) {
	t.Helper()
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+path, nil)
	request.Close = true // the process that has the connection may be killed
	request.Header.Set("Authorization", "Bearer "+fleetKey)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(to); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", path, response.StatusCode, err)
	}
}

// feedLines is what a feed has said: the types of its events, each event once. Of a scene they may come twice, when another node tells of it.
type feedLines struct {
	relay *relay
	mu    sync.Mutex
	known map[string]bool // IDs of events
	lines []string
}

// follow listens to the feed of a node until the test ends.
func (r *relay) follow() *feedLines {
	r.t.Helper()
	f := &feedLines{relay: r, known: make(map[string]bool)}
	ctx, cancel := context.WithCancel(context.Background())
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/v1/feed", nil)
	request.Header.Set("Authorization", "Bearer "+fleetKey)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer response.Body.Close()
		for lines := bufio.NewScanner(io.Reader(response.Body)); lines.Scan(); {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				f.add(data)
			}
		}
	})
	r.t.Cleanup(func() { cancel(); reading.Wait() })
	f.await(r.t, "ready", 1)
	return f
}

func (f *feedLines) add(data string) {
	var e struct{ ID, Type string }
	if err := json.Unmarshal([]byte(data), &e); err != nil {
		f.relay.t.Errorf("the feed says %s: %v", data, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.ID == "" || !f.known[e.ID] {
		f.lines = append(f.lines, e.Type)
	}
	f.known[e.ID] = true
}

func (f *feedLines) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.lines)
}

func (f *feedLines) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.lines, " ")
}

// await waits until something has happened so often.
func (f *feedLines) await(t *testing.T, event string, times int) {
	t.Helper()
	f.relay.await(fmt.Sprint(times, " events ", event), func() bool { return strings.Count(f.text(), event) >= times })
}
