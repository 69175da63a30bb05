package hub

import (
	"context"
	"time"

	"scenecast"
)

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

// closeSome closes at most n members and returns how many.
func (s *Shard) closeSome(n int, e scenecast.Ending) (closed int) {
	for i, m := range s.members.all() {
		if closed >= n {
			break
		}
		if m.class != 0 {
			s.close(s.slot(i), e)
			closed++
		}
	}
	return closed
}
