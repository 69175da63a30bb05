package nats_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/cluster/clustertest"
	"scenecast/engine/enginetest"
	"scenecast/engine/nats"
	"scenecast/engine/tail"
	"scenecast/freeport"
	"scenecast/leaktest"
	"scenecast/presence/presencetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(externalDir); dir != "" {
		runExternal(dir)
		return
	}
	leaktest.Main(m)
}

// TestClusterSuite runs what every engine of several nodes must pass, on three nodes with NATS embedded, which reach each other by
// proxies and in no other way.
func TestClusterSuite(t *testing.T) {
	enginetest.RunCluster(t, embeddedCluster)
}

// TestPresenceModel runs the model of presence on the same, and on engines that share a NATS which is a process of its own.
func TestPresenceModel(t *testing.T) {
	t.Run("Embedded", func(t *testing.T) { presencetest.Run(t, embeddedCluster, 3) })
	t.Run("External", func(t *testing.T) { presencetest.Run(t, externalCluster(externalProcess(t)), 3) })
}

// embeddedCluster are nodes with NATS embedded, which reach each other by proxies and in no other way.
func embeddedCluster(t *testing.T, n int, forgetAfter time.Duration) enginetest.Cluster {
	addrs, dirs := freeport.Addrs(t, n), make([]string, n)
	networks := make([]enginetest.Proxies, n)
	peers := make([][]string, n)
	for i := range addrs {
		dirs[i] = t.TempDir()
		for j := range addrs {
			if i == j {
				continue
			}
			p := enginetest.NewProxy(t, addrs[j])
			peers[i] = append(peers[i], p.Addr())
			networks[i], networks[j] = append(networks[i], p), append(networks[j], p)
		}
	}
	c := clusterOn(t, n, forgetAfter, func(i int) nats.Options {
		o := embeddedOf(addrs, i)
		o.Embedded.Dir, o.Embedded.Peers = dirs[i], peers[i]
		o.Embedded.HideAddress()
		return o
	})
	c.Network = func(i int) enginetest.Network { return networks[i] }
	t.Cleanup(func() {
		for i, network := range networks {
			carried := int64(0)
			for _, p := range network {
				carried += p.Carried()
			}
			if carried < 10_000 { // what three nodes tell each other at the start alone
				t.Errorf("node %d has reached the others, and %d bytes went through the proxies", i, carried)
			}
		}
	})
	return c
}

// TestClusterSuiteExternal runs it on three engines that share a NATS which is a process of its own, each over a proxy.
func TestClusterSuiteExternal(t *testing.T) {
	enginetest.RunCluster(t, externalCluster(externalProcess(t)))
}

// externalCluster makes clusters of engines on a NATS, each of which reaches it over a proxy.
func externalCluster(url string) enginetest.NewCluster {
	clusters := 0
	return func(t *testing.T, n int, forgetAfter time.Duration) enginetest.Cluster {
		clusters++
		networks := make([]enginetest.Proxies, n)
		for i := range networks {
			networks[i] = enginetest.Proxies{enginetest.NewProxy(t, strings.TrimPrefix(url, "nats://"))}
		}
		name := fmt.Sprint("cluster", clusters)
		c := clusterOn(t, n, forgetAfter, func(i int) nats.Options {
			return nats.Options{URL: "nats://" + networks[i][0].Addr(), Name: name, MaxBytes: 64 << 20, Logger: logger()}
		})
		c.Network = func(i int) enginetest.Network { return networks[i] }
		return c
	}
}

// clusterOn are engines on backends with these options.
func clusterOn(t *testing.T, n int, forgetAfter time.Duration, options func(i int) nats.Options) (c enginetest.Cluster) {
	t.Helper()
	backends, engines, ids := make([]*clustertest.Mortal, n), make([]*cluster.Engine, n), make([]scenecast.NodeID, n)
	start := func(i int) scenecast.Engine {
		b, err := nats.New(options(i))
		if err != nil {
			t.Fatal(err)
		}
		backends[i] = &clustertest.Mortal{Backend: b}
		ids[i] = scenecast.NewNodeID()
		engines[i] = cluster.New(backends[i], cluster.Options{
			ID: ids[i], Name: fmt.Sprint("n", i), ForgetAfter: forgetAfter, BeatEvery: 200 * time.Millisecond, Logger: logger(),
			AnswerTimeout: 3 * time.Second, UnavailableAfter: 10 * time.Second, // a machine that is busy is not a node that hangs
			Now: enginetest.Clock(i),
		})
		return engines[i]
	}
	for i := range n {
		c.Engines = append(c.Engines, start(i))
	}
	c.Kill = func(i int) {
		backends[i].Die()
		_ = engines[i].Close()
	}
	c.Restart = start
	c.ID = func(i int) scenecast.NodeID { return ids[i] }
	return c
}

// embeddedOf are the options of one of several embedded nodes.
func embeddedOf(addrs []string, i int) nats.Options {
	o := nats.Options{Embedded: nats.Embedded{Node: fmt.Sprint("n", i), Listen: addrs[i], Secret: "between nodes"}, Logger: logger()}
	for j, a := range addrs {
		if j != i {
			o.Embedded.Peers = append(o.Embedded.Peers, a)
		}
	}
	return o
}

// natsURL is a server with JetStream, such as one of another version, that has nothing of Scenecast's.
var natsURL = flag.String("nats", "", "the `URL` of the server that TestSuiteExternal runs on; empty: one of this module's version")

// TestSuiteExternal runs what every engine must pass on an external server, on which each engine has a log of its own.
func TestSuiteExternal(t *testing.T) {
	url, logs := *natsURL, 0
	if url == "" {
		url = external(t).ClientURL()
	}
	enginetest.Run(t, func(t *testing.T, o enginetest.Options) scenecast.Engine {
		logs++
		b, err := nats.New(nats.Options{URL: url, Name: fmt.Sprint("log", logs), MaxBytes: 16 << 20, Logger: logger()})
		if err != nil {
			t.Fatal(err)
		}
		return cluster.New(b, cluster.Options{
			ID:     scenecast.NewNodeID(),
			Logger: logger(),
			Tail:   tail.Options{MaxBytes: o.MaxBytes, MaxCount: o.MaxCount, MaxAge: o.MaxAge},
			Keys:   tail.KeyOptions{Window: o.IdempotencyWindow},
		})
	})
}
