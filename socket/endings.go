package socket

import (
	"sync"
	"sync/atomic"

	"scenecast"
)

// endings are those of a loop's pages: a queue for the handler, and a count by cause. A page's ending is counted once, when it is
// decided.
type endings struct {
	mu     sync.Mutex // goroutines of sockets add, too
	queue  []ended
	queued atomic.Bool // the queue is not empty
	spare  []ended     // the queue before, used again. The owner's goroutine only
	counts []atomic.Int64
}

// ended is a page whose ending is queued for the handler.
type ended struct {
	slot   scenecast.Slot
	ending scenecast.Ending
}

func newEndings() endings { return endings{counts: make([]atomic.Int64, len(scenecast.Causes()))} }

func (e *endings) count(c scenecast.Cause) { e.counts[c].Add(1) }

// end counts the ending of an open page and queues it for the handler. Any goroutine may call it.
func (l *Loop) end(s scenecast.Slot, e scenecast.Ending) {
	l.endings.count(e.Cause)
	l.endings.mu.Lock()
	l.endings.queue = append(l.endings.queue, ended{s, e})
	l.endings.queued.Store(true)
	l.endings.mu.Unlock()
	l.wakeUp()
}

// reportEndings calls the handler for each ending that is queued. It is called where no call of the handler, and no task, is
// under way. A slot that the handler has closed since is left out.
func (l *Loop) reportEndings() {
	q := &l.endings
	for q.queued.Load() {
		q.mu.Lock()
		q.queue, q.spare = q.spare[:0], q.queue
		q.queued.Store(false)
		q.mu.Unlock()
		for _, e := range q.spare {
			if b := l.slots.backendOf(e.slot); b != nil {
				b.detach(e.slot.Index)
				l.handler.Closed(e.slot, e.ending)
			}
		}
		clear(q.spare)
	}
}

// Endings is how many pages have ended, by cause; CauseCloseTimeout counts besides the ending for which the close frame was
// sent. Any goroutine may call it.
func (l *Loop) Endings() map[scenecast.Cause]int64 {
	counts := make(map[scenecast.Cause]int64)
	for _, c := range scenecast.Causes() {
		if n := l.endings.counts[c].Load(); n > 0 {
			counts[c] = n
		}
	}
	return counts
}
