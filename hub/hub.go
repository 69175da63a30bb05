// Package hub holds this node's connections and delivers pushes to them.
//
// A Hub is made of shards, one per loop. A shard's connections are touched on its loop's owner goroutine only: joining,
// leaving and delivering are tasks of that goroutine, run in the order in which they came. So the way of a push takes no
// lock, and a page sees pushes in the order of their positions.
package hub

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/label"
)

var _ scenecast.Node = (*Hub)(nil)

// Hub is this node's connections. Its methods may be called concurrently, once AddShard has been called for the last time.
type Hub struct {
	node   scenecast.NodeID
	limits label.Limits
	shards []*Shard

	connections atomic.Int64
	pushes      atomic.Int64
	lastSeq     atomic.Uint64 // of the ConnIDs given out

	log     scenecast.Log
	steps   chan struct{} // one for each step of a catch-up that runs
	replays sync.WaitGroup
	closing context.Context
	close   context.CancelFunc

	replayed replayed
	departed departed
}

// New makes a hub without shards. The limits are those of one connection's labels, for changes by the backend; the log is where
// what pages have missed can be read.
func New(node scenecast.NodeID, limits label.Limits, log scenecast.Log) *Hub {
	h := &Hub{node: node, limits: limits, log: log, steps: make(chan struct{}, stepsAtATime())}
	h.closing, h.close = context.WithCancel(context.Background())
	return h
}

// Close ends the reading of the log for pages that are coming back. It is called when the loops have stopped, so that no
// further reading begins.
func (h *Hub) Close() {
	h.close()
	h.replays.Wait()
}

// AddShard adds the shard that lives on this loop. All shards are added before the first push.
func (h *Hub) AddShard(loop Loop) *Shard {
	s := &Shard{
		hub:      h,
		loop:     loop,
		apps:     make(map[string]*population),
		position: h.log.Newest(),
		catchUps: make(map[uint32]*catchUp),
		lasting:  make(map[string]*lastings),
	}
	h.shards = append(h.shards, s)
	return s
}

// Connections is how many pages are here now.
func (h *Hub) Connections() int { return int(h.connections.Load()) }

// Pushes is how many pushes the hub was given.
func (h *Hub) Pushes() int64 { return h.pushes.Load() }

// Deliveries is how many frames of pushes the outboxes of pages took, and how many they did not.
func (h *Hub) Deliveries() (queued, dropped int64) {
	for _, s := range h.shards {
		queued += s.queued.Load()
		dropped += s.dropped.Load()
	}
	return queued, dropped
}

// Deliver implements scenecast.Node.
func (h *Hub) Deliver(p *scenecast.Push, report func(t scenecast.Tally, done bool)) {
	h.pushes.Add(1)
	d := &delivery{push: p, receipt: newReceipt(p, report)}
	sum := newSum(len(h.shards), scenecast.Tally{Nodes: 1}, func(t scenecast.Tally) {
		if d.receipt != nil {
			d.receipt.begin(t)
		} else {
			report(t, true)
		}
	})
	ask(h, sum, func(s *Shard) scenecast.Tally { return s.deliver(d) })
}

// Answer implements scenecast.Node.
func (h *Hub) Answer(q scenecast.Query, report func(scenecast.Reply)) {
	sum := newSum(len(h.shards), scenecast.Reply{Tally: scenecast.Tally{Nodes: 1}}, func(r scenecast.Reply) {
		r.ByNode = []scenecast.NodeCount{{Node: h.node, Matched: r.Tally.Matched}}
		report(r)
	})
	ask(h, sum, func(s *Shard) scenecast.Reply { return s.answer(q) })
}

// ask has each shard answer a question on its own goroutine, and the sum report when the last one has.
func ask[T any, P adder[T]](h *Hub, sum *sum[T, P], question func(*Shard) T) {
	for _, s := range h.shards {
		if !s.loop.Post(func() { sum.add(question(s)) }) {
			var nothing T // the loop has stopped: it has no connections
			sum.add(nothing)
		}
	}
}

// drainTick is the time between two batches of a drain, and drainBatch the least that a batch closes: a few pages need
// no spreading.
const (
	drainTick  = 100 * time.Millisecond
	drainBatch = 100
)

// Drain closes every connection with CloseShuttingDown, spread over at most the given time, so that the servers that
// take them over are not run down by all of them at once. It returns when none is left, among them those whose
// opening was on its way to a loop before, or when ctx ends.
func (h *Hub) Drain(ctx context.Context, over time.Duration) error {
	ticks := max(1, int(over/drainTick))
	batch := max(drainBatch, h.Connections()/ticks+1)
	for {
		left := batch
		for _, s := range h.shards {
			closed := make(chan int, 1)
			if !s.loop.Post(func() {
				closed <- s.closeSome(left, scenecast.EndingBy(scenecast.CauseDraining, "server is going away"))
			}) {
				continue
			}
			left -= <-closed
		}
		if h.Connections() == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(drainTick):
		}
	}
}
