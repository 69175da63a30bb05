package redis_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/cluster/clustertest"
	"scenecast/engine/enginetest"
	"scenecast/engine/redis"
	"scenecast/presence/presencetest"
	"scenecast/redisclient"
	"scenecast/redisclient/redistest"
)

// TestClusterSuite runs what every engine of several nodes must pass, on each kind of Redis there is. Each node reaches the servers over
// proxies of its own.
func TestClusterSuite(t *testing.T) {
	t.Run("Single", func(t *testing.T) {
		s := redistest.Start(t)
		runSuite(t, redisclient.Options{URL: "redis://" + s.Addr}, []*redistest.Server{s})
	})
	t.Run("Sentinel", func(t *testing.T) {
		w := redistest.StartWatched(t, 1)
		runSuite(t, sentinelOptions(w), slices.Concat(w.Servers, w.Sentinels))
	})
	t.Run("Cluster", func(t *testing.T) {
		servers := redistest.StartCluster(t, 3)
		runSuite(t, clusterOptions(servers), servers)
	})
}

func sentinelOptions(w *redistest.Watched) redisclient.Options {
	return redisclient.Options{URL: "redis://" + addresses(w.Sentinels), SentinelMaster: w.Name}
}

func clusterOptions(servers []*redistest.Server) redisclient.Options {
	return redisclient.Options{URL: "redis://" + addresses(servers)}
}

func addresses(servers []*redistest.Server) string {
	var list []string
	for _, s := range servers {
		list = append(list, s.Addr)
	}
	return strings.Join(list, ",")
}

func runSuite(t *testing.T, o redisclient.Options, servers []*redistest.Server) {
	enginetest.RunCluster(t, clustersOn(o, servers))
}

// TestPresenceModel runs the model of presence on one Redis.
func TestPresenceModel(t *testing.T) {
	s := redistest.Start(t)
	presencetest.Run(t, clustersOn(redisclient.Options{URL: "redis://" + s.Addr}, []*redistest.Server{s}), 3)
}

// clustersOn makes clusters on these servers, which each node reaches over proxies.
func clustersOn(o redisclient.Options, servers []*redistest.Server) enginetest.NewCluster {
	clusters := 0
	return func(t *testing.T, n int, forgetAfter time.Duration) enginetest.Cluster {
		clusters++
		networks := make([]enginetest.Proxies, n)
		clients := make([]rueidis.ClientOption, n)
		for i := range n {
			clients[i] = client(t, o)
			networks[i] = throughProxies(t, &clients[i], servers)
		}
		tag := fmt.Sprint("cluster", clusters)
		c := clusterOn(t, n, forgetAfter, func(i int) redis.Options {
			return redis.Options{Client: clients[i], Tag: tag, Logger: logger()}
		})
		c.Network = func(i int) enginetest.Network { return networks[i] }
		return c
	}
}

// throughProxies has a client reach each server by a proxy.
func throughProxies(t *testing.T, o *rueidis.ClientOption, servers []*redistest.Server) (network enginetest.Proxies) {
	proxies := make(map[string]*enginetest.Proxy)
	for _, s := range servers {
		proxies[s.Addr] = enginetest.NewProxy(t, s.Addr)
		network = append(network, proxies[s.Addr])
	}
	o.DialCtxFn = func(ctx context.Context, address string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
		p := proxies[address]
		if p == nil {
			return nil, fmt.Errorf("there is no proxy to %s", address)
		}
		return d.DialContext(ctx, "tcp", p.Addr())
	}
	return network
}

// clusterOn are engines on backends with these options.
func clusterOn(t *testing.T, n int, forgetAfter time.Duration, options func(i int) redis.Options) (c enginetest.Cluster) {
	t.Helper()
	backends, engines, ids := make([]*clustertest.Mortal, n), make([]*cluster.Engine, n), make([]scenecast.NodeID, n)
	start := func(i int) scenecast.Engine {
		backends[i] = &clustertest.Mortal{Backend: redis.New(options(i))}
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
