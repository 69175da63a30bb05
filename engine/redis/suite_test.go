package redis_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/enginetest"
	"scenecast/engine/redis"
	"scenecast/redisclient"
	"scenecast/redisclient/redistest"
)

// mortal is a backend whose node can die as by a crash: nothing goes out any more, not even that it stops.
type mortal struct {
	cluster.Backend
	dead atomic.Bool
}

var errDead = errors.New("this node is dead")

func (b *mortal) Append(record []byte, done func(error)) {
	if b.dead.Load() {
		go done(errDead)
		return
	}
	b.Backend.Append(record, done)
}

func (b *mortal) Send(ctx context.Context, to scenecast.NodeID, message []byte) error {
	if b.dead.Load() {
		return errDead
	}
	return b.Backend.Send(ctx, to, message)
}

// TestClusterSuite runs what every engine of several nodes must pass on one server, which each node reaches over a proxy.
func TestClusterSuite(t *testing.T) {
	s, clusters := redistest.Start(t), 0
	enginetest.RunCluster(t, func(t *testing.T, n int, forgetAfter time.Duration) enginetest.Cluster {
		clusters++
		networks := make([]enginetest.Proxies, n)
		for i := range networks {
			networks[i] = enginetest.Proxies{enginetest.NewProxy(t, s.Addr)}
		}
		c := clusterOn(t, n, forgetAfter, func(i int) redis.Options {
			return redis.Options{
				Client: client(t, redisclient.Options{URL: "redis://" + networks[i][0].Addr()}),
				Tag:    fmt.Sprint("cluster", clusters),
				Logger: logger(),
			}
		})
		c.Network = func(i int) enginetest.Network { return networks[i] }
		return c
	})
}

// clusterOn are engines on backends with these options.
func clusterOn(t *testing.T, n int, forgetAfter time.Duration, options func(i int) redis.Options) (c enginetest.Cluster) {
	t.Helper()
	backends, engines := make([]*mortal, n), make([]*cluster.Engine, n)
	start := func(i int) scenecast.Engine {
		backends[i] = &mortal{Backend: redis.New(options(i))}
		engines[i] = cluster.New(backends[i], cluster.Options{
			ID: scenecast.NewNodeID(), Name: fmt.Sprint("n", i), ForgetAfter: forgetAfter, BeatEvery: 200 * time.Millisecond, Logger: logger(),
			AnswerTimeout: 3 * time.Second, UnavailableAfter: 10 * time.Second, // a machine that is busy is not a node that hangs
			Now: enginetest.Clock(i),
		})
		return engines[i]
	}
	for i := range n {
		c.Engines = append(c.Engines, start(i))
	}
	c.Kill = func(i int) {
		backends[i].dead.Store(true)
		_ = engines[i].Close()
	}
	c.Restart = start
	return c
}
