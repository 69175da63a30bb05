package nats_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/nats"
	"scenecast/engine/tail"
)

// documentedRights are the subjects that stand between two words in docs/cluster.md, of the cluster named shop.
func documentedRights(t *testing.T, from, to string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	_, subjects, found := strings.Cut(string(text), "\n"+from+" ")
	subjects, _, ended := strings.Cut(subjects, "\n"+to)
	if !found || !ended {
		t.Fatalf("docs/cluster.md does not say what a user may %s", from)
	}
	return strings.Fields(strings.ReplaceAll(subjects, "<name>", "shop"))
}

// TestExternal: an engine on a NATS that somebody else runs, as a user who may no more than docs/cluster.md says. Its log is read back
// without an engine.
func TestExternal(t *testing.T) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		Users: []*server.User{{Username: "scenecast", Password: "secret", Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: documentedRights(t, "publish:", "subscribe:")},
			Subscribe: &server.SubjectPermission{Allow: documentedRights(t, "subscribe:", "```")},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("NATS does not start")
	}
	options := nats.Options{URL: s.ClientURL(), Credentials: "scenecast:secret", Name: "shop", Logger: logger()}
	var ids []string
	for _, id := range []string{"first", "second"} { // the stream is made, then found
		b, err := nats.New(options)
		if err != nil {
			t.Fatal(err)
		}
		e := cluster.New(b, cluster.Options{ID: scenecast.NewNodeID(), Logger: logger()})
		if err := e.Start(t.Context(), new(sink)); err != nil {
			t.Fatal(err)
		}
		p, err := e.Submit(push(id))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Wait(t.Context()); err != nil || got.Known != 1 {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
		if known := e.Nodes(); known.Log.Leads || known.Log.Replicas != 1 || known.Log.InSync != 1 {
			t.Errorf("%s: the log stands %+v", id, known.Log)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	scan, err := nats.ScanURL(t.Context(), options, cluster.NewReader(tail.KeyOptions{}), func(p *scenecast.Push) { ids = append(ids, p.ID) })
	if err != nil || len(scan.Damage) > 0 || scan.Happened != 2 || len(ids) != 2 || ids[0] != "first" || ids[1] != "second" {
		t.Errorf("%+v, %v, %q", scan, err, ids)
	}
	if found, err := nats.Probe(t.Context(), options); err != nil || !found.HasLog || found.Replicas != 1 || found.IsOld || time.Since(found.Time).Abs() > time.Hour {
		t.Errorf("a probe finds %+v, %v", found, err)
	}
	options.Name = "other"
	if _, err := nats.ScanURL(t.Context(), options, cluster.NewReader(tail.KeyOptions{}), func(*scenecast.Push) {}); err == nil {
		t.Error("a log that is not there, and may not be asked for, is read")
	}
}

// externalDir is the environment's variable that makes the test's program a NATS server with its files there.
const externalDir = "SCENECAST_TEST_NATS_DIR"

// runExternal is a NATS server that somebody runs. It tells its URL, and ends with its input.
func runExternal(dir string) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go s.Start()
	if !s.ReadyForConnections(time.Minute) {
		fmt.Fprintln(os.Stderr, "NATS does not start")
		os.Exit(1)
	}
	fmt.Println(s.ClientURL())
	_, _ = io.Copy(io.Discard, os.Stdin)
	s.Shutdown()
	s.WaitForShutdown()
}

// externalProcess starts a NATS server as a process of its own, until the test ends, and returns its URL.
func externalProcess(t *testing.T) (url string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), externalDir+"="+t.TempDir())
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		killed := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		defer killed.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("NATS: %v", err)
		}
	})
	url, err = bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(url)
}

// TestTwoClustersOnOneNATS: clusters with names of their own, of which one begins like the other, see nothing of each other: no push, no
// node, no key.
func TestTwoClustersOnOneNATS(t *testing.T) {
	url := externalProcess(t)
	type node struct {
		engine *cluster.Engine
		sink   *sink
	}
	clusters := make(map[string][]node)
	names := []string{"shop", "shop-test"}
	for _, name := range slices.Repeat(names, 2) {
		b, err := nats.New(nats.Options{URL: url, Name: name, Logger: logger()})
		if err != nil {
			t.Fatal(err)
		}
		n := node{cluster.New(b, cluster.Options{ID: scenecast.NewNodeID(), Name: name, BeatEvery: 50 * time.Millisecond, Logger: logger()}), new(sink)}
		if err := n.engine.Start(t.Context(), n.sink); err != nil {
			t.Fatal(err)
		}
		defer n.engine.Close()
		clusters[name] = append(clusters[name], n)
	}
	for round := range 10 {
		for _, name := range names {
			p := push(fmt.Sprint(name, round))
			p.IdempotencyKey = fmt.Sprint(round)
			pending, err := clusters[name][round%2].engine.Submit(p)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := pending.Wait(t.Context()); err != nil || got.ID != p.ID || got.Replayed || got.Known != 2 {
				t.Errorf("%s: %+v, %v", p.ID, got, err)
			}
		}
	}
	for _, name := range names {
		for i, n := range clusters[name] {
			if known := len(n.engine.Nodes().Nodes); known != 2 {
				t.Errorf("node %d of %s knows %d nodes", i, name, known)
			}
			for round, id := range n.sink.ids() {
				if id != fmt.Sprint(name, round) {
					t.Errorf("node %d of %s got %s", i, name, id)
				}
			}
			if got := len(n.sink.ids()); got != 10 {
				t.Errorf("node %d of %s got %d pushes", i, name, got)
			}
		}
	}
}
