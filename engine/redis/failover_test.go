package redis_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"scenecast"
	"scenecast/engine/enginetest"
	"scenecast/engine/redis"
	"scenecast/redisclient"
	"scenecast/redisclient/redistest"
)

// TestMasterIsKilled: while a replica is promoted nothing is acknowledged that is lost, and nothing comes twice.
func TestMasterIsKilled(t *testing.T) {
	t.Parallel()
	for _, wait := range []int{0, 1} {
		t.Run(fmt.Sprint("Sentinel, WAIT ", wait), func(t *testing.T) {
			w := redistest.StartWatched(t, 1+wait) // with one replica there would be none to wait for
			f := startFleet(t, 3, client(t, sentinelOptions(w)), func(o *redis.Options) { o.WaitReplicas = wait })
			killWhilePublishing(t, f, w.Servers[0], w.Servers[1:])
			until(t, func() bool { return w.Master() != w.Servers[0] }) // which most Sentinels hear of later than one
		})
	}
	t.Run("Cluster", func(t *testing.T) {
		servers := redistest.StartCluster(t, 3)
		f := startFleet(t, 3, client(t, clusterOptions(servers)))
		killWhilePublishing(t, f, redistest.ClusterMaster(t, servers, "{scenecast:scenecast}:log"), servers[3:])
	})
}

// killWhilePublishing kills a master, and logs how long after one of the replicas is promoted a publish is answered.
func killWhilePublishing(t *testing.T, f *fleet, master *redistest.Server, replicas []*redistest.Server) {
	t.Helper()
	before := f.engines[0].Newest().Epoch
	stop := f.publishers(t)
	f.awaitMore(t, 300)
	master.Kill()
	killed := time.Now()
	until(t, func() bool {
		return slices.ContainsFunc(replicas, func(s *redistest.Server) bool { return strings.Contains(s.Say("INFO replication"), "role:master") })
	})
	promoted := time.Now()
	f.awaitMore(t, 1)
	t.Logf("promoted %v after the kill; a push is acknowledged %v after that", promoted.Sub(killed), time.Since(promoted))
	f.awaitMore(t, 600)
	stop()
	f.check(t)
	f.checkLog(t)
	if f.engines[0].Newest().Epoch == before {
		t.Error("the epoch is the one of the old master")
	}
	t.Logf("%d pushes were acknowledged", f.count())
}

// TestSentinelsCannotReachTheMaster, and nodes can: they go to the server that the Sentinels have promoted, though the old master takes
// what it is sent.
func TestSentinelsCannotReachTheMaster(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	proxy := enginetest.NewProxy(t, master.Addr)
	w := redistest.Watch(t, master, proxy.Addr(), 1)
	o := client(t, sentinelOptions(w))
	o.DialCtxFn = func(ctx context.Context, address string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
		if address == proxy.Addr() {
			address = master.Addr
		}
		return d.DialContext(ctx, "tcp", address)
	}
	f := startFleet(t, 2, o)
	old := f.engines[0].Newest().Epoch
	stop := f.publishers(t)
	f.awaitMore(t, 100)
	proxy.Stall(true)
	until(t, func() bool { return f.engines[0].Newest().Epoch != old && f.engines[1].Newest().Epoch != old })
	f.awaitMore(t, 100)
	stop()
	f.check(t)
	f.checkLog(t)
	if n := length(t, w.Servers[1].Client()); n < 100 {
		t.Errorf("the server that was promoted has %d entries", n)
	}
}

// TestMasterHangs until a replica has taken its place, and then goes on as if it were the master still, which some of the Sentinels believe
// for a while. All nodes are on the one that was promoted, in one epoch.
func TestMasterHangs(t *testing.T) {
	t.Parallel()
	w := redistest.StartWatched(t, 1)
	f := startFleet(t, 3, client(t, sentinelOptions(w)))
	stop := f.publishers(t)
	f.awaitMore(t, 100)
	old := f.engines[0].Newest().Epoch
	w.Servers[0].Stop()
	until(t, func() bool { return w.Master() != w.Servers[0] })
	w.Servers[0].Continue()
	f.awaitMore(t, 300)
	stop()
	f.check(t)
	f.checkLog(t)
	for i, e := range f.engines {
		if got, want := e.Newest(), f.engines[0].Newest(); got.Epoch == old || got.Epoch != want.Epoch {
			t.Errorf("node %d is at %v, node 0 at %v", i, got, want)
		}
	}
}

// switchable is an address behind which a server stands that can be replaced by another one.
type switchable struct {
	at atomic.Pointer[redistest.Server]
}

func (s *switchable) dial(ctx context.Context, _ string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
	return d.DialContext(ctx, "tcp", s.at.Load().Addr)
}

// TestTailIsLost: a replica is promoted that lacks the newest pushes. They are appended again by the nodes that took them, in a new
// epoch; a page that has got some of them is told that its position is none any more.
func TestTailIsLost(t *testing.T) {
	t.Parallel()
	a := redistest.Start(t)
	b := redistest.Start(t, "--replicaof", "127.0.0.1 "+a.Port(), "--repl-diskless-sync-delay", "0")
	var address switchable
	address.at.Store(a)
	o := client(t, redisclient.Options{URL: "redis://" + a.Addr})
	o.DialCtxFn = address.dial
	f := startFleet(t, 3, o)
	for i := range 10 {
		f.publish(t, i%3, fmt.Sprint("replicated ", i))
	}
	toA, toB := a.Client(), b.Client()
	until(t, func() bool { return length(t, toA) == length(t, toB) })
	redistest.Do(t, toB, "REPLICAOF", "NO", "ONE")
	for i := range 10 {
		f.publish(t, i%3, fmt.Sprint("lost ", i))
	}
	if length(t, toB) != length(t, toA)-10 {
		t.Fatalf("the replica has %d entries, and the master %d", length(t, toB), length(t, toA))
	}
	address.at.Store(b)
	a.Kill()
	replicated, lost := f.acked[9].Position, f.acked[15].Position
	until(t, func() bool { return f.engines[0].Newest().Epoch != lost.Epoch })
	f.publish(t, 1, "after")
	f.check(t)
	if scan := f.checkLog(t); scan.Epochs != 2 {
		t.Errorf("%d epochs have begun, want one for each master", scan.Epochs)
	}
	f.start(t)
	f.check(t)
	for node, e := range f.engines {
		var gap *scenecast.GapError
		if got, err := e.After(t.Context(), lost, 100); !errors.As(err, &gap) || gap.Reason != scenecast.GapEpoch {
			t.Errorf("behind a position that is lost node %d has %d pushes, %v", node, len(got), err)
		}
		if got, err := e.After(t.Context(), replicated, 100); err != nil || len(got) != 11 {
			t.Errorf("behind what was replicated node %d has %d pushes, %v", node, len(got), err)
		}
	}
}

// length is how many entries a server has in its log.
func length(t *testing.T, c rueidis.Client) int64 {
	t.Helper()
	answer := redistest.Do(t, c, "XLEN", "{scenecast:scenecast}:log")
	n, _ := answer.AsInt64()
	return n
}

// TestOriginAndMasterDie: the replica is behind, and the master and the node that took the newest pushes end at once, so that nobody
// appends them again. With wait_replicas none of them was acknowledged; without, they are lost.
func TestOriginAndMasterDie(t *testing.T) {
	t.Parallel()
	for _, wait := range []int{0, 1} {
		t.Run(fmt.Sprint("WAIT ", wait), func(t *testing.T) {
			a := redistest.Start(t)
			replication := enginetest.NewProxy(t, a.Addr)
			_, port, _ := net.SplitHostPort(replication.Addr())
			b := redistest.Start(t, "--replicaof", "127.0.0.1 "+port, "--repl-diskless-sync-delay", "0")
			toA, toB := a.Client(), b.Client()
			until(t, func() bool {
				answer := redistest.Do(t, toA, "INFO", "replication")
				text, _ := answer.ToString()
				return strings.Contains(text, "state=online")
			})
			f := startFleet(t, 1, client(t, redisclient.Options{URL: "redis://" + a.Addr}), func(o *redis.Options) { o.WaitReplicas = wait })
			for i := range 10 {
				f.publish(t, 0, fmt.Sprint("replicated ", i))
			}
			until(t, func() bool { return length(t, toA) == length(t, toB) })
			replication.Stall(true)
			for i := range 10 {
				if err := f.attempt(0, fmt.Sprint("not replicated ", i)); (err == nil) != (wait == 0) {
					t.Errorf("with %d replicas waited for: %v", wait, err)
				}
			}
			a.Kill()
			_ = f.engines[0].Close()
			redistest.Do(t, toB, "REPLICAOF", "NO", "ONE")
			f.options.Client = client(t, redisclient.Options{URL: "redis://" + b.Addr})
			if wait == 0 {
				f.acked = f.acked[:10]
			}
			if scan := f.checkLog(t); scan.Happened != 10 {
				t.Errorf("the log has %d pushes", scan.Happened)
			}
		})
	}
}

// TestOriginAndMasterDieAndAnotherHasRead: as above, and another node lives, which has read what the log loses. It appends all of it again, in
// its order, and nothing that was acknowledged is lost.
func TestOriginAndMasterDieAndAnotherHasRead(t *testing.T) {
	t.Parallel()
	a := redistest.Start(t)
	b := redistest.Start(t, "--replicaof", "127.0.0.1 "+a.Port(), "--repl-diskless-sync-delay", "0")
	var address switchable
	address.at.Store(a)
	o := client(t, redisclient.Options{URL: "redis://" + a.Addr})
	o.DialCtxFn = address.dial
	f := startFleet(t, 2, o)
	for i := range 10 {
		f.publish(t, i%2, fmt.Sprint("replicated ", i))
	}
	toA, toB := a.Client(), b.Client()
	until(t, func() bool { return length(t, toA) == length(t, toB) })
	redistest.Do(t, toB, "REPLICAOF", "NO", "ONE")
	for i := range 10 {
		f.publish(t, 0, fmt.Sprint("lost ", i))
	}
	_ = f.engines[0].Close()
	f.engines, f.sinks = f.engines[1:], f.sinks[1:]
	address.at.Store(b)
	a.Kill()
	lost := f.acked[15].Position
	until(t, func() bool { return f.engines[0].Newest().Epoch != lost.Epoch })
	f.publish(t, 0, "after")
	until(t, func() bool { return f.engines[0].Stats().AppendedAgain >= 10 })
	_, s := f.start(t)
	f.check(t)
	if scan := f.checkLog(t); scan.Happened != 21 {
		t.Errorf("%d pushes are in the log, want 21", scan.Happened)
	}
	n := 0
	for _, p := range s.pushes() {
		if p.ID == fmt.Sprint("lost ", n) {
			n++
		}
	}
	if n != 10 {
		t.Errorf("a node that has started since has %d of 10 lost ones in order", n)
	}
}

// TestReplicaIsGone: with a replica waited for, nothing is acknowledged while there is none, and everything again when it is back.
func TestReplicaIsGone(t *testing.T) {
	t.Parallel()
	a := redistest.Start(t)
	b := redistest.Start(t, "--replicaof", "127.0.0.1 "+a.Port(), "--repl-diskless-sync-delay", "0")
	var log lines
	f := startFleet(t, 2, client(t, redisclient.Options{URL: "redis://" + a.Addr}), func(o *redis.Options) {
		o.WaitReplicas, o.Logger = 1, slog.New(slog.NewTextHandler(&log, nil))
	})
	f.publish(t, 0, "before")
	b.Kill()
	f.awaitFailure(t, 1, "without a replica")
	until(t, func() bool {
		return strings.Contains(log.String(), "no push is acknowledged until it has as many\" online=0 wait_replicas=1") &&
			strings.Contains(log.String(), "the record is on 0 replicas, and redis.wait_replicas asks for 1")
	})
	if err := f.attempt(0, "without, at the other node"); err == nil {
		t.Error("a push is acknowledged that no replica has")
	}
	b.Restart()
	f.publish(t, 0, "after")
	f.publish(t, 1, "after, at the other node")
	f.check(t)
	f.checkLog(t)
}

// TestRestartedWithAppendOnlyFile: a Redis that has every record on its disk is killed and comes back. Pages go on where they were, without
// a gap, also at a node that starts then.
func TestRestartedWithAppendOnlyFile(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	f := startFleet(t, 2, client(t, redisclient.Options{URL: "redis://" + s.Addr}))
	f.publish(t, 0, "before")
	f.check(t)
	old := f.engines[0].Newest()
	s.Kill()
	f.awaitFailure(t, 0, "while Redis is away")
	s.Restart()
	f.publish(t, 1, "after")
	f.start(t)
	f.check(t)
	for node, e := range f.engines {
		got, err := e.After(t.Context(), old, 100) // what was tried while Redis was away may have happened as well, also behind it
		isAfter := func(p *scenecast.Push) bool { return p.ID == "after" }
		if err != nil || !slices.ContainsFunc(got, isAfter) || got[0].Position.Epoch == old.Epoch {
			t.Errorf("behind the old position node %d has %d pushes, %v", node, len(got), err)
		}
	}
}

// TestTwoPromotions: a replica is promoted, and then another one that lacks what the first had lost and what came after. Whoever has read
// any of it, the nodes agree in the end, and no position is that of two pushes.
func TestTwoPromotions(t *testing.T) {
	t.Parallel()
	a := redistest.Start(t)
	of := []string{"--replicaof", "127.0.0.1 " + a.Port(), "--repl-diskless-sync-delay", "0"}
	b, c := redistest.Start(t, of...), redistest.Start(t, of...)
	var address switchable
	address.at.Store(a)
	o := client(t, redisclient.Options{URL: "redis://" + a.Addr})
	o.DialCtxFn = address.dial
	f := startFleet(t, 3, o)
	f.publish(t, 0, "first")
	toB, toC := b.Client(), c.Client()
	until(t, func() bool { return length(t, toB) == 2 && length(t, toC) == 2 })
	redistest.Do(t, toC, "REPLICAOF", "NO", "ONE")
	promote := func(from, to *redistest.Server) {
		epoch := f.engines[0].Newest().Epoch
		redistest.Do(t, to.Client(), "REPLICAOF", "NO", "ONE")
		for i := range 6 {
			f.publish(t, i%3, fmt.Sprint("lost with ", from.Addr, " ", i))
		}
		address.at.Store(to)
		from.Kill()
		until(t, func() bool { return f.engines[0].Newest().Epoch != epoch })
	}
	promote(a, b)
	f.check(t)
	promote(b, c)
	f.publish(t, 2, "last")
	f.check(t)
	f.checkLog(t)
	f.start(t)
	f.check(t)
}

// TestRestartedEmpty: a Redis that keeps nothing is killed and comes back. The log has everything that was acknowledged within the last
// 15 s.
func TestRestartedEmpty(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	f := startFleet(t, 3, client(t, redisclient.Options{URL: "redis://" + s.Addr}))
	stop := f.publishers(t)
	f.awaitMore(t, 300)
	old := f.engines[0].Newest()
	s.Kill()
	f.awaitFailure(t, 0, "while Redis is away")
	s.Restart()
	f.awaitMore(t, 300)
	stop()
	f.check(t)
	f.checkLog(t)
	for node, e := range f.engines {
		var gap *scenecast.GapError
		if got, err := e.After(t.Context(), old, 100); !errors.As(err, &gap) || gap.Reason != scenecast.GapEpoch {
			t.Errorf("behind the old position node %d has %d pushes, %v", node, len(got), err)
		}
	}
}
