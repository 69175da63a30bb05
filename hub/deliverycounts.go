package hub

import (
	"sync"
	"sync/atomic"

	"scenecast"
)

// maxWires is how many wires are told apart; those beyond count as the last one.
const maxWires = 8

// wires gives numbers to the wires of pages, of all shards of a hub.
type wires struct {
	mu    sync.Mutex
	names []string // by number
}

// number is that of a protocol's wire.
func (w *wires) number(p scenecast.Protocol) uint8 {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := p.Name()
	for i, known := range w.names {
		if known == name || i == maxWires-1 {
			return uint8(i)
		}
	}
	w.names = append(w.names, name)
	return uint8(len(w.names) - 1)
}

func (w *wires) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.names[:len(w.names):len(w.names)]
}

// deliveryCounts counts the deliveries of a shard by wire. What a push adds is put together before it is shown, so that a delivery costs
// nothing, and a push a few atomic additions.
type deliveryCounts struct {
	shown [maxWires]struct{ queued, dropped atomic.Int64 }

	// The owner's, of the push at hand.
	wire    uint8 // of the members since queued and dropped were noted
	queued  int
	dropped int
	added   [maxWires]struct{ queued, dropped int64 }
}

// turnTo notes that the members from here on are of a wire, when so many were queued and dropped.
func (c *deliveryCounts) turnTo(wire uint8, queued, dropped int) {
	a := &c.added[c.wire]
	a.queued += int64(queued - c.queued)
	a.dropped += int64(dropped - c.dropped)
	c.wire, c.queued, c.dropped = wire, queued, dropped
}

// end shows what a push has added that has queued and dropped so many.
func (c *deliveryCounts) end(queued, dropped int) {
	c.turnTo(0, queued, dropped)
	c.queued, c.dropped = 0, 0
	for i := range c.added {
		if a := &c.added[i]; a.queued+a.dropped > 0 {
			c.shown[i].queued.Add(a.queued)
			c.shown[i].dropped.Add(a.dropped)
			a.queued, a.dropped = 0, 0
		}
	}
}

// WireDeliveries is what has become of pushes for pages of one wire: of how many the outboxes took them, and of how many they did not.
type WireDeliveries struct {
	Wire            string
	Queued, Dropped int64
}

// Deliveries are those to pages of each wire of which there has been one.
func (h *Hub) Deliveries() []WireDeliveries {
	names := h.wires.all()
	list := make([]WireDeliveries, len(names))
	for i, name := range names {
		list[i].Wire = name
		for _, s := range h.shards {
			list[i].Queued += s.delivered.shown[i].queued.Load()
			list[i].Dropped += s.delivered.shown[i].dropped.Load()
		}
	}
	return list
}
