package server_test

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"scenecast/freeport"
)

// clusterSettings are the settings of nodes that are one cluster, with NATS embedded.
func clusterSettings(t *testing.T, n int) []map[string]string {
	t.Helper()
	addrs := freeport.Addrs(t, n)
	nodes := make([]map[string]string, n)
	for i, addr := range addrs {
		var peers []string
		for _, peer := range addrs {
			if peer != addr {
				peers = append(peers, peer)
			}
		}
		nodes[i] = map[string]string{
			"data_dir":     t.TempDir(),
			"cluster.node": fmt.Sprint("node", i), "cluster.listen": addr, "cluster.peers": strings.Join(peers, ","), "cluster.secret": "between-the-nodes",
			"cluster.answer_timeout": "20s", "cluster.forget_after": "1m", // a machine that is busy with other tests is no node that hangs or is dead
		}
	}
	return nodes
}

// startNodes runs nodes that are one cluster, with NATS embedded, until the test ends.
func startNodes(t *testing.T, n int, settings map[string]string) []*running {
	t.Helper()
	own := clusterSettings(t, n)
	for _, o := range own {
		maps.Copy(o, settings)
	}
	return startThese(t, own)
}

// startThese runs nodes with these settings until the test ends. Short (make portable): what several nodes do does not depend on their sockets.
func startThese(t *testing.T, settings []map[string]string) []*running {
	t.Helper()
	if testing.Short() {
		t.Skip("several nodes are started")
	}
	nodes, failed := make([]*running, len(settings)), make([]error, len(settings))
	var starting sync.WaitGroup
	for i, own := range settings {
		starting.Go(func() { nodes[i], failed[i] = newRunning(t, own, func(*options) {}) })
	}
	starting.Wait()
	for i, err := range failed {
		if err != nil {
			t.Errorf("node %d: %v", i, err)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	for _, s := range nodes {
		s.several = true
		s.run()
	}
	return nodes
}

// TestDataDirInUse: a second server on the same directory is told so by the name of the setting, whatever it opens there first.
func TestDataDirInUse(t *testing.T) {
	t.Parallel()
	settings := map[string]string{"data_dir": t.TempDir()}
	s, err := newRunning(t, settings, func(*options) {})
	if err != nil {
		t.Fatal(err)
	}
	s.run()
	_, err = newRunning(t, settings, func(*options) {})
	if err == nil || !strings.Contains(err.Error(), "data_dir: "+settings["data_dir"]+" is in use") {
		t.Errorf("the second server: %v", err)
	}
}
