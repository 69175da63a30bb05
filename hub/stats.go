package hub

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"scenecast"
)

// ShardStats are figures of a shard, in the order of the hub's loops.
type ShardStats struct {
	Pages, CatchingUp  int
	Apps, Keys, Labels int   // of its indexes
	Delivered          int64 // pushes that outboxes took, since the start
	Late               bool  // its loop has not answered in time: all but Delivered is as it was when it did last
}

// lookup is what a shard has last told of itself.
type lookup struct {
	mu    sync.Mutex
	asked chan struct{} // closed when its loop has told anew; nil: it is not asked
	last  ShardStats
}

// ask asks the loop of a shard, unless it is asked already: one that hangs gets one task, however often it is asked. The channel is closed when it
// has told; nil: it has ended.
func (s *Shard) ask() (told <-chan struct{}) {
	l := &s.lookup
	l.mu.Lock()
	asked := l.asked
	first := asked == nil
	if first {
		asked = make(chan struct{})
		l.asked = asked
	}
	l.mu.Unlock()
	if first && !s.loop.Post(func() {
		stats := s.look()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.last, l.asked = stats, nil
		close(asked)
	}) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.asked = nil
		return nil
	}
	return asked
}

// ShardStats asks the loops how their shards stand. It waits for that no longer than it is told. Who asks while another one does waits with
// that one.
func (h *Hub) ShardStats(wait time.Duration) []ShardStats {
	told := make([]<-chan struct{}, len(h.shards))
	for i, s := range h.shards {
		told[i] = s.ask()
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	list := make([]ShardStats, len(h.shards))
	for i, s := range h.shards {
		answered := told[i] != nil
		if answered {
			select {
			case <-told[i]:
			case <-ctx.Done():
				select {
				case <-told[i]:
				default:
					answered = false
				}
			}
		}
		s.lookup.mu.Lock()
		list[i] = s.lookup.last
		s.lookup.mu.Unlock()
		list[i].Late = !answered
		for w := range s.delivered.shown {
			list[i].Delivered += s.delivered.shown[w].queued.Load()
		}
	}
	return list
}

// look is how the shard stands. Its owner's goroutine only.
func (s *Shard) look() ShardStats {
	stats := ShardStats{CatchingUp: len(s.catchUps), Apps: len(s.apps)}
	for _, a := range s.apps {
		labels, keys := a.index.Size()
		stats.Pages += a.index.Len()
		stats.Labels += labels
		stats.Keys += keys
	}
	return stats
}

// replayCounts count what pages get that have come back.
type replayCounts struct {
	catchUps, steps, bytes atomic.Int64
	gaps                   [gapKinds]atomic.Int64 // as in gaps
}

// gaps are the reasons that are counted, each by itself. What outboxes drop (GapDropped), the loops count.
var gaps = [...]scenecast.Gap{scenecast.GapRetention, scenecast.GapEpoch, scenecast.GapPosition, scenecast.GapFailure}

const gapKinds = len(gaps)

func (c *replayCounts) gap(reason scenecast.Gap) {
	for i, g := range gaps {
		if g == reason {
			c.gaps[i].Add(1)
		}
	}
}

// ReplayStats is what pages have got that have come back: how many have begun to catch up, how many pieces of the log were read for them, and
// how many bytes they got from it.
type ReplayStats struct {
	CatchUps, Steps, Bytes int64
	Gaps                   map[scenecast.Gap]int64 // pages that were told of one, or would have been if their wire could tell them, by reason
}

// ReplayStats are the figures since the start.
func (h *Hub) ReplayStats() ReplayStats {
	c := &h.replayed
	stats := ReplayStats{CatchUps: c.catchUps.Load(), Steps: c.steps.Load(), Bytes: c.bytes.Load(), Gaps: make(map[scenecast.Gap]int64)}
	for i, g := range gaps {
		stats.Gaps[g] = c.gaps[i].Load()
	}
	return stats
}
