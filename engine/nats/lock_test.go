//go:build linux || darwin

package nats_test

import (
	"strings"
	"testing"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/nats"
)

// TestTwoServersOnOneDirectory: the second one is refused, by the name of the setting, and the first one's log goes on. When that has
// stopped, the directory is free.
func TestTwoServersOnOneDirectory(t *testing.T) {
	dir := t.TempDir()
	start := func() (*cluster.Engine, error) {
		b, err := nats.New(nats.Options{Name: "lock", MaxBytes: 16 << 20, Embedded: nats.Embedded{Dir: dir}, Logger: logger()})
		if err != nil {
			t.Fatal(err)
		}
		e := cluster.New(b, cluster.Options{ID: scenecast.NewNodeID(), Logger: logger()})
		return e, e.Start(t.Context(), new(sink))
	}
	first, err := start()
	if err != nil {
		t.Fatal(err)
	}
	if second, err := start(); err == nil {
		_ = second.Close()
		t.Error("a second server has the directory, too")
	} else if !strings.Contains(err.Error(), "data_dir: "+dir+" is in use") {
		t.Errorf("the second server is refused by: %v", err)
	}
	publishUntil(t, first, "still")
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	third, err := start()
	if err != nil {
		t.Fatalf("after the first has stopped: %v", err)
	}
	_ = third.Close()
}
