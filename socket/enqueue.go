package socket

import (
	"math"

	"scenecast"
)

// enqueue has a frame wait in an outbox where there is room, or room can be made. False: there is none, and the frame was
// dropped; under ClosePage its page is to be closed, under DropOldest it is told of the gap as pages of the class are.
func (l *Loop) enqueue(o *outbox, w waiting, limits limits, k *class) bool {
	if len(w.data) > l.limits.bytes && l.options.SlowConsumer == DropOldest {
		l.dropped.Add(1)
		o.skip(k.gap) // nothing that waits could make room for it
		return false
	}
	if i := o.superseded(w.frame.Coalesce); i >= 0 {
		o.lost = append(o.lost, o.drop(i))
		l.coalesced.Add(1)
		l.lose(o)
	}
	for !o.fits(len(w.data), limits) || !l.held.take(w.frame, l.options.OutboxTotal) {
		if l.options.SlowConsumer != DropOldest {
			l.dropped.Add(1)
			return false
		}
		if !o.dropOldest() {
			l.dropped.Add(1)
			o.dropped++ // behind all others, which are dropped as well: the page is told of one gap, in its place
			return false
		}
		l.dropped.Add(int64(len(o.lost)))
		l.lose(o)
	}
	o.push(w)
	return true
}

// giveUp empties the outbox of a page that is closed because it is too slow. A close frame can only follow a frame's end: what
// the kernel has a part of goes out whole.
func (l *Loop) giveUp(o *outbox) {
	o.clear()
	l.dropped.Add(int64(len(o.lost)))
	l.lose(o)
}

// insist has a frame wait that must not be dropped, whatever the limits are.
func (l *Loop) insist(o *outbox, f *scenecast.Frame, data []byte) {
	l.held.take(f, math.MaxInt)
	o.push(waiting{frame: f, data: data})
}

// lose lets go of the frames that an outbox has lost, and tells whoever wants to know.
func (l *Loop) lose(o *outbox) {
	slot := o.slot
	for _, w := range o.lost {
		l.held.release(w.frame)
		if settle := w.frame.Done; settle != nil {
			l.post(func() { settle(slot, false) })
		}
	}
	o.lost = nil
}

// Dropped is how many frames outboxes had no room for, or gave up for newer ones. Any goroutine may call it.
func (l *Loop) Dropped() int64 { return l.dropped.Load() }

// Coalesced is how many waiting frames a newer one with the same key has taken the place of. Any goroutine may call it.
func (l *Loop) Coalesced() int64 { return l.coalesced.Load() }
