package presence_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"scenecast"
	"scenecast/hub"
	"scenecast/label"
	"scenecast/presence"
	"scenecast/protocol/native"
)

// benchLoop is an owner without sockets: it runs what is posted when the benchmark says so.
type benchLoop struct {
	mu    sync.Mutex
	tasks []func()
	sent  int
}

func (l *benchLoop) Post(task func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tasks = append(l.tasks, task)
	return true
}

func (l *benchLoop) run() {
	l.mu.Lock()
	tasks := l.tasks
	l.tasks = nil
	l.mu.Unlock()
	for _, task := range tasks {
		task()
	}
}

func (l *benchLoop) PostBackground(task func() (more bool)) bool {
	return l.Post(func() {
		for task() {
		}
	})
}
func (l *benchLoop) Lease(scenecast.Slot) scenecast.Lease { return 0 }

func (l *benchLoop) SendShared(scenecast.Slot, *scenecast.Frame) bool { l.sent++; return true }
func (l *benchLoop) Send(scenecast.Slot, []byte) bool                 { return true }
func (l *benchLoop) OnWritten(scenecast.Slot, func())                 {}
func (l *benchLoop) Close(scenecast.Slot, scenecast.Ending)           {}

// benchWire is a wire of pages that say nothing.
type benchWire struct{}

func (benchWire) Name() string { return "bench" }
func (benchWire) Traits() scenecast.Traits {
	return scenecast.Traits{EncodePresence: func(n *scenecast.PresenceNotice) []byte { return []byte(n.Value) }}
}
func (benchWire) EncodePush(*scenecast.Push, scenecast.Delivery) []byte { return nil }
func (benchWire) Opened(scenecast.Conn)                                 {}
func (benchWire) Received(scenecast.Conn, scenecast.Inbound)            {}
func (benchWire) Closed(scenecast.Conn, scenecast.Ending)               {}

type benchLog struct{ scenecast.Log }

func (benchLog) Newest() scenecast.Position { return scenecast.Position{Epoch: 1} }

// benchNode is a hub on one loop, with presence of a key or without.
func benchNode(key string, broadcast func([]byte)) (*benchLoop, *hub.Shard, *presence.Service) {
	keys := []presence.Key{{Name: key, Show: []string{"name"}, Linger: 0, MaxMembers: 1000}}
	var h *hub.Hub
	s := presence.NewService(presence.Options{
		Node: 7, Keys: func(string) []presence.Key { return keys }, Hub: func() presence.Hub { return h },
		Broadcast: broadcast, Nodes: func() []presence.Node { return nil },
	})
	o := hub.Options{Node: 7, Limits: label.DefaultLimits, Log: benchLog{}}
	if key != "" {
		o.Observers = []hub.Observer{s}
	}
	h = hub.New(o)
	loop := new(benchLoop)
	shard := h.AddShard(loop)
	s.Start()
	return loop, shard, s
}

func benchPage(i int) scenecast.Admission {
	return scenecast.Admission{
		App:      "shop",
		Labels:   label.New(label.Label{Key: "page", Value: "order"}, label.Label{Key: "order", Value: fmt.Sprint(i % 1000)}),
		Trusted:  label.New(label.Label{Key: scenecast.LabelUser, Value: fmt.Sprint(i)}, label.Label{Key: "name", Value: "Ann"}),
		Protocol: benchWire{},
	}
}

// BenchmarkJoinAndLeave is the processor time that a page costs that joins and leaves, in the hub and beside it, until all is noted: without
// presence, with a key that the page does not have, and with one that it has; and how much more the latter two are than the first. The three
// take turns, of which the medians are told, so that other work on the machine makes the same of all.
func BenchmarkJoinAndLeave(b *testing.B) {
	pages := make([]scenecast.Admission, 10_000)
	for i := range pages {
		pages[i] = benchPage(i)
	}
	const rounds = 4
	kinds := []struct{ name, key string }{{"without", ""}, {"elsewhere", "room"}, {"with", "order"}}
	took := make([][]float64, len(kinds)) // ns a page
	b.ReportAllocs()
	for b.Loop() {
		for i, k := range kinds {
			_, shard, s := benchNode(k.key, nil)
			joinAndLeave(shard, s, k.key == "order", pages) // grows what stays
			runtime.GC()
			begun := cpuTime()
			for range rounds {
				joinAndLeave(shard, s, k.key == "order", pages)
			}
			took[i] = append(took[i], float64((cpuTime()-begun).Nanoseconds())/float64(rounds*len(pages)))
			s.Close()
		}
	}
	for i, k := range kinds {
		slices.Sort(took[i])
		median := took[i][len(took[i])/2]
		b.ReportMetric(median, k.name+"-cpu-ns/page")
		if i > 0 {
			b.ReportMetric(median/took[0][len(took[0])/2], k.name+"-ratio")
		}
	}
	b.ReportMetric(0, "ns/op")
}

// joinAndLeave has all pages join and then leave, and waits until it is noted.
func joinAndLeave(shard *hub.Shard, s *presence.Service, noted bool, pages []scenecast.Admission) {
	await := func(scenes int) {
		for noted && s.Stats().Scenes != scenes {
			time.Sleep(time.Millisecond)
		}
	}
	for i, page := range pages {
		shard.Opened(scenecast.Slot{Index: uint32(i)}, page)
	}
	await(1000)
	for i := range pages {
		shard.Closed(scenecast.Slot{Index: uint32(i)}, scenecast.Ending{})
	}
	await(0)
}

// cpuTime is what the process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchCluster is three nodes in this process, which hear of each other at once. Their loops run.
type benchCluster struct {
	nodes []*benchMember
	next  uint32
	end   chan struct{}
	done  sync.WaitGroup
}

type benchMember struct {
	loop    *benchLoop
	shard   *hub.Shard
	service *presence.Service
}

func newBenchCluster(maxMembers int) *benchCluster {
	c := &benchCluster{end: make(chan struct{})}
	keys := []presence.Key{{Name: "order", Show: []string{"name"}, MaxMembers: maxMembers}}
	var ids []scenecast.NodeID
	var nodes []presence.Node
	for i := range 3 {
		ids = append(ids, scenecast.NodeID(i+1))
		nodes = append(nodes, presence.Node{ID: ids[i]})
	}
	for i, id := range ids {
		n := &benchMember{loop: new(benchLoop)}
		var h *hub.Hub
		n.service = presence.NewService(presence.Options{
			Node: id, Keys: func(string) []presence.Key { return keys }, Hub: func() presence.Hub { return h },
			Nodes: func() []presence.Node { return nodes },
			Broadcast: func(m []byte) {
				for j, other := range c.nodes {
					if i != j {
						other.service.Received(m)
					}
				}
			},
		})
		h = hub.New(hub.Options{Node: id, Limits: label.DefaultLimits, Log: benchLog{}, Observers: []hub.Observer{n.service}})
		n.shard = h.AddShard(n.loop)
		c.nodes = append(c.nodes, n)
	}
	for _, n := range c.nodes {
		n.service.Start()
		c.done.Go(func() {
			for {
				select {
				case <-c.end:
					return
				default:
					n.loop.run()
					time.Sleep(200 * time.Microsecond)
				}
			}
		})
	}
	return c
}

func (c *benchCluster) close() {
	for _, n := range c.nodes {
		n.service.Close()
	}
	close(c.end)
	c.done.Wait()
}

// open opens a page on a node's loop.
func (c *benchCluster) open(node int, a scenecast.Admission) {
	slot := scenecast.Slot{Index: c.next}
	c.next++
	n := c.nodes[node]
	n.loop.Post(func() { n.shard.Opened(slot, a) })
}

// member is a page of a user in the one scene, which may watch it.
func (c *benchCluster) member(i int, wire scenecast.Protocol, watch bool) scenecast.Admission {
	a := benchPage(i)
	a.Labels, a.Protocol = a.Labels.With("order", "7"), wire
	if watch {
		a.Watch = []string{"order"}
	}
	return a
}

// fill has so many members join, and waits until all nodes know of them.
func (c *benchCluster) fill(members int) {
	for i := range members {
		c.open(i%3, c.member(i, benchWire{}, false))
	}
	for _, n := range c.nodes {
		for {
			if _, s := n.service.Scene(presence.SceneID{App: "shop", Key: "order", Value: "7"}, "", 1); s.Members == members {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// hearing is a wire whose pages say what they are told.
type hearing struct {
	benchWire
	take func(n *scenecast.PresenceNotice)
}

func (h *hearing) Traits() scenecast.Traits {
	return scenecast.Traits{EncodePresence: func(n *scenecast.PresenceNotice) []byte {
		frame := native.Presence(n)
		h.take(n)
		return frame
	}}
}

// BenchmarkSnapshot is how long a page waits that joins a scene of 10,000 members on three nodes, until its snapshot is encoded: with the first
// members, as by default, and with all.
func BenchmarkSnapshot(b *testing.B) {
	for _, most := range []int{1000, 10_000} {
		b.Run(fmt.Sprint("max_members=", most), func(b *testing.B) {
			c := newBenchCluster(most)
			defer c.close()
			c.fill(9_000)
			i := 9_000
			for b.Loop() {
				told := make(chan struct{}, 16)
				c.open(i%3, c.member(i, &hearing{take: func(n *scenecast.PresenceNotice) {
					if n.Kind == scenecast.PresenceSnapshot {
						told <- struct{}{}
					}
				}}, true))
				i++
				<-told
			}
		})
	}
}

// BenchmarkTold has 1,000 users join and leave in a second, in 100 scenes on three nodes, and tells how long it takes until a page is told that
// watches on each node: the time at which 99 of 100 have been told.
func BenchmarkTold(b *testing.B) {
	const scenes, rate = 100, 1000
	c := newBenchCluster(10_000)
	defer c.close()
	var mu sync.Mutex
	joined := make(map[string]time.Time)
	var took []time.Duration
	for node := range c.nodes {
		wire := &hearing{take: func(n *scenecast.PresenceNotice) {
			mu.Lock()
			defer mu.Unlock()
			for _, m := range n.Members {
				if at, ok := joined[m.User]; ok && n.Kind == scenecast.PresenceJoined {
					took = append(took, time.Since(at))
				}
			}
		}}
		for scene := range scenes {
			a := c.member(0, wire, true)
			a.Labels, a.Trusted = a.Labels.With("order", fmt.Sprint(scene)), label.Set{}
			c.open(node, a)
		}
	}
	time.Sleep(time.Second)
	i := 0
	for b.Loop() {
		begun := time.Now()
		for n := range rate {
			time.Sleep(time.Until(begun.Add(time.Duration(n) * time.Second / rate)))
			a := c.member(i, benchWire{}, false)
			a.Labels = a.Labels.With("order", fmt.Sprint(i%scenes))
			mu.Lock()
			joined[fmt.Sprint(i)] = time.Now()
			mu.Unlock()
			c.open(i%3, a)
			i++
		}
	}
	time.Sleep(500 * time.Millisecond)
	mu.Lock()
	defer mu.Unlock()
	if len(took) != 3*i {
		b.Fatalf("%d joins were told, want %d on each of 3 nodes", len(took), i)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
}
