package nats_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/nats"
	"scenecast/engine/tail"
	"scenecast/freeport"
)

// TestDirectoryIsRemoved: a node whose log is written to nowhere takes no pushes.
func TestDirectoryIsRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	e := newEngine(t, nats.Options{MaxBytes: 16 << 20, Embedded: nats.Embedded{Dir: dir}})
	if err := e.Start(t.Context(), new(sink)); err != nil {
		t.Fatal(err)
	}
	publishUntil(t, e, "before")
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	awaitHealth(t, e, "was removed")
	if _, err := e.Submit(push("nowhere")); err == nil || !strings.Contains(err.Error(), "data_dir") && !strings.Contains(err.Error(), "was removed") {
		t.Errorf("a push to nowhere: %v", err)
	}
	if err := os.Rename(dir+"-away", dir); err != nil {
		t.Fatal(err)
	}
	awaitHealth(t, e, "")
	publishUntil(t, e, "after")
}

// TestDirectoryOfAnother: the log of a node alone does not become that of a cluster, nor the other way round. Neither is touched.
func TestDirectoryOfAnother(t *testing.T) {
	alone := t.TempDir()
	addrs, dirs := freeport.Addrs(t, 3), []string{t.TempDir(), t.TempDir(), t.TempDir()}
	node := func(i int, dir string) *cluster.Engine {
		o := nats.Options{Name: "another", MaxBytes: 16 << 20, Embedded: nats.Embedded{Dir: dir}}
		if i >= 0 {
			o.Embedded.Listen = addrs[i]
			o.Embedded.Peers = append(append(o.Embedded.Peers, addrs[:i]...), addrs[i+1:]...)
		}
		return newEngine(t, o)
	}
	one := node(-1, alone)
	if err := one.Start(t.Context(), new(sink)); err != nil {
		t.Fatal(err)
	}
	publishUntil(t, one, "alone")
	_ = one.Close()
	var starting sync.WaitGroup
	nodes := make([]*cluster.Engine, len(dirs))
	for i, dir := range dirs {
		nodes[i] = node(i, dir)
		starting.Go(func() {
			if err := nodes[i].Start(t.Context(), new(sink)); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	publishUntil(t, nodes[0], "of three")
	for _, n := range nodes {
		_ = n.Close()
	}
	for name, c := range map[string]struct {
		node      *cluster.Engine
		dir, want string
	}{
		"alone":    {node(0, alone), alone, "of a node that was alone"},
		"of three": {node(-1, dirs[0]), dirs[0], "copy of a cluster's log"},
	} {
		if err := c.node.Start(t.Context(), new(sink)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("started on the log %s: %v", name, err)
		}
		var ids []string
		if _, err := nats.ScanDir(c.dir, "another", cluster.NewReader(tail.KeyOptions{}), func(p *scenecast.Push) { ids = append(ids, p.ID) }); err != nil || !slices.Equal(ids, []string{name}) {
			t.Errorf("the log %s has %q, %v", name, ids, err)
		}
	}
}
