package nats_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/nats"
	"scenecast/engine/tail"
)

// TestExternal: an engine on a NATS that somebody else runs, as a user who may no more than docs/cluster.md says. Its log is read back
// without an engine.
func TestExternal(t *testing.T) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		Users: []*server.User{{Username: "scenecast", Password: "secret", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{
				"scenecast.shop.>", "$JS.API.STREAM.CREATE.SCENECAST_shop", "$JS.API.STREAM.UPDATE.SCENECAST_shop",
				"$JS.API.STREAM.INFO.SCENECAST_shop", "$JS.API.DIRECT.GET.SCENECAST_shop", "_INBOX.scenecast.>",
			}},
			Subscribe: &server.SubjectPermission{Allow: []string{"scenecast.shop.>", "_INBOX.scenecast.>"}},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(20 * time.Second) {
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
	options.Name = "other"
	if _, err := nats.ScanURL(t.Context(), options, cluster.NewReader(tail.KeyOptions{}), func(*scenecast.Push) {}); err == nil {
		t.Error("a log that is not there, and may not be asked for, is read")
	}
}
