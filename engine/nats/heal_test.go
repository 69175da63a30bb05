package nats_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/nats"
	"scenecast/problem"
)

// external is a NATS server that an operator runs.
func external(t *testing.T) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

func startOn(t *testing.T, url string, s *sink) *cluster.Engine {
	t.Helper()
	b, err := nats.New(nats.Options{URL: url, Logger: logger()})
	if err != nil {
		t.Fatal(err)
	}
	e := cluster.New(b, cluster.Options{ID: scenecast.NewNodeID(), Logger: logger()})
	if err := e.Start(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// publishUntil publishes until a push is taken: an engine that is out of order says so, and heals by itself.
func publishUntil(t *testing.T, e scenecast.Engine, id string) scenecast.Published {
	t.Helper()
	for range 600 {
		if p, err := e.Submit(push(id)); err == nil {
			if done, err := p.Wait(t.Context()); err == nil {
				return done
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s was not published within a minute", id)
	panic("not reached")
}

// TestLogIsDeleted: an operator has deleted the stream under running nodes. They make it anew, in an epoch of its own, and numbers go on
// rising.
func TestLogIsDeleted(t *testing.T) {
	url := external(t).ClientURL()
	a, b := new(sink), new(sink)
	one, two := startOn(t, url, a), startOn(t, url, b)
	before := publishUntil(t, one, "before")
	conn, err := natsgo.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Request("$JS.API.STREAM.DELETE.SCENECAST_scenecast", nil, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	after := publishUntil(t, two, "after")
	if after.Position.Epoch == before.Position.Epoch || after.Position.Seq <= before.Position.Seq {
		t.Errorf("before at %v, after at %v", before.Position, after.Position)
	}
	for range 600 {
		if fmt.Sprint(a.ids()) == "[before after]" && fmt.Sprint(b.ids()) == "[before after]" {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("the nodes got %v and %v", a.ids(), b.ids())
}

// TestMessageOverTheLogsLimit is refused in words, before anything of it is sent.
func TestMessageOverTheLogsLimit(t *testing.T) {
	e := startOn(t, external(t).ClientURL(), new(sink))
	p := push("large")
	p.Message.Data = []byte(`"` + strings.Repeat("x", 2<<20) + `"`)
	if _, err := e.Submit(p); problem.Of(err).Kind != problem.TooLarge {
		t.Errorf("got %v", err)
	}
	publishUntil(t, e, "small")
}
