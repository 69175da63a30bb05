package nats_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/nats"
)

// network is a TCP proxy between a node and its NATS, which stalls, delays and is cut.
type network struct {
	listener net.Listener
	target   string
	stalled  atomic.Bool // nothing goes through, and nobody is told
	delay    atomic.Int64

	mu    sync.Mutex
	isCut bool
	conns []net.Conn
	wg    sync.WaitGroup
}

func newNetwork(t *testing.T, target string) *network {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &network{listener: l, target: target}
	n.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n.wg.Go(func() { n.carry(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		n.stalled.Store(false)
		n.cut(true)
		n.wg.Wait()
	})
	return n
}

func (n *network) carry(c net.Conn) {
	defer c.Close()
	s, err := net.Dial("tcp", n.target)
	if err != nil {
		return
	}
	defer s.Close()
	n.mu.Lock()
	isCut := n.isCut
	n.conns = append(n.conns, c, s)
	n.mu.Unlock()
	if isCut {
		return
	}
	var ends sync.WaitGroup
	ends.Go(func() { n.copy(c, s) })
	ends.Go(func() { n.copy(s, c) })
	ends.Wait()
}

func (n *network) copy(to, from net.Conn) {
	defer to.Close()
	b := make([]byte, 32<<10)
	for {
		k, err := from.Read(b)
		for n.stalled.Load() {
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(time.Duration(n.delay.Load()))
		if k > 0 {
			if _, err := to.Write(b[:k]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// cut ends all connections, and those that come while it is cut.
func (n *network) cut(isCut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.isCut = isCut
	if isCut {
		for _, c := range n.conns {
			c.Close()
		}
		n.conns = nil
	}
}

// TestFaultyNetwork: three nodes on one external NATS, whose ways to it are cut, stall and are slow, lose and double nothing that was
// acknowledged, and have one order.
func TestFaultyNetwork(t *testing.T) {
	s := external(t)
	var engines []*cluster.Engine
	var sinks []*sink
	var networks []*network
	for i := range 3 {
		n := newNetwork(t, s.Addr().String())
		b, err := nats.New(nats.Options{URL: "nats://" + n.listener.Addr().String(), MaxBytes: 64 << 20, Logger: logger()})
		if err != nil {
			t.Fatal(err)
		}
		e, sink := cluster.New(b, cluster.Options{ID: scenecast.NewNodeID(), Name: fmt.Sprint("n", i), Logger: logger()}), new(sink)
		if err := e.Start(t.Context(), sink); err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		engines, sinks, networks = append(engines, e), append(sinks, sink), append(networks, n)
	}
	var ending atomic.Bool
	var publishing sync.WaitGroup
	acknowledged := make([][]string, 4)
	var attempts, failed atomic.Int64
	for publisher := range acknowledged {
		random := rand.New(rand.NewPCG(uint64(publisher), 1))
		publishing.Go(func() {
			for number := 0; !ending.Load(); number++ {
				p := push(fmt.Sprintf("%d.%d", publisher, number))
				p.IdempotencyKey = p.ID
				for taken := false; !taken; time.Sleep(3 * time.Millisecond) {
					attempts.Add(1)
					pending, err := engines[random.IntN(3)].Submit(p)
					if err == nil {
						ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
						_, err = pending.Wait(ctx)
						cancel()
					}
					if taken = err == nil; !taken {
						failed.Add(1)
					}
				}
				acknowledged[publisher] = append(acknowledged[publisher], p.ID)
			}
		})
	}
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for step := range 6 {
		n := networks[random.IntN(3)]
		lasts := time.Duration(200+random.IntN(900)) * time.Millisecond
		switch step % 3 {
		case 0:
			n.cut(true)
			time.Sleep(lasts)
			n.cut(false)
		case 1:
			n.stalled.Store(true)
			time.Sleep(2 * lasts)
			n.stalled.Store(false)
		case 2:
			n.delay.Store(int64(20 * time.Millisecond))
			time.Sleep(lasts)
			n.delay.Store(0)
		}
	}
	ending.Store(true)
	publishing.Wait()
	want := 0
	for _, ids := range acknowledged {
		want += len(ids)
	}
	got := make([][]string, 3)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		all := true
		for i, s := range sinks {
			s.mu.Lock()
			got[i] = slices.Clone(s.got)
			s.mu.Unlock()
			all = all && len(got[i]) >= want
		}
		if all {
			break
		}
	}
	for i := range got {
		if len(got[i]) != want || !slices.Equal(got[i], got[0]) {
			t.Errorf("node %d got %d pushes, want %d, in the order of node 0: %v", i, len(got[i]), want, slices.Equal(got[i], got[0]))
		}
		next := make(map[string]bool)
		for _, id := range got[i] {
			if next[id] {
				t.Errorf("node %d got %s twice", i, id)
			}
			next[id] = true
		}
	}
	t.Logf("%d pushes acknowledged, %d of %d attempts failed", want, failed.Load(), attempts.Load())
}
