package nats_test

import (
	"testing"
	"time"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/nats"
	"scenecast/freeport"
)

// TestPassLeadership: a node that is to stop has another one lead the log first. One that does not lead changes nothing.
func TestPassLeadership(t *testing.T) {
	addrs := freeport.Addrs(t, 3)
	backends, started := make([]*nats.Backend, 3), make(chan error, 3)
	for i := range backends {
		o := embeddedOf(addrs, i)
		o.Embedded.Dir = t.TempDir()
		var err error
		if backends[i], err = nats.New(o); err != nil {
			t.Fatal(err)
		}
		e := cluster.New(backends[i], cluster.Options{ID: scenecast.NewNodeID(), Name: o.Embedded.Node, Logger: logger()})
		go func() { started <- e.Start(t.Context(), new(sink)) }()
		t.Cleanup(func() { _ = e.Close() })
	}
	for range backends {
		if err := <-started; err != nil {
			t.Fatal(err)
		}
	}
	leads := func() (leader int, name string) {
		t.Helper()
		for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(20 * time.Millisecond) {
			for i, b := range backends {
				if log, _, _ := b.LogInfo(); log.Leads && log.Leader == b.Leader(t.Context()) {
					return i, log.Leader
				}
			}
		}
		t.Fatal("no node leads the log")
		return 0, ""
	}
	// On a machine that is busy a leader may change without being asked, or nobody be quick enough to take its place: once of some is enough.
	stays, passes := false, false
	for range 10 {
		leader, before := leads()
		backends[(leader+1)%3].PassLeadership()
		if stays = backends[leader].Leader(t.Context()) == before; stays {
			break
		}
	}
	for range 10 {
		leader, before := leads()
		backends[leader].PassLeadership()
		if now := backends[leader].Leader(t.Context()); now != "" && now != before {
			passes = true
			break
		}
	}
	if !stays || !passes {
		t.Errorf("a node that does not lead changes nothing: %v; one that leads passes on: %v", stays, passes)
	}
}
