package socket

import (
	"unsafe"

	"scenecast"
)

// enqueue has a frame wait in an outbox where there is room, or room can be made. False: there is none, by the limit that is
// named, and the frame was dropped; under ClosePage its page is to be closed, under DropOldest it gets a gap notice
// of its class.
func (l *Loop) enqueue(o *outbox, w waiting, limits limits, k *class) (ok bool, full scenecast.Cause) {
	defer l.countOutbox(o)
	size := w.size()
	if size > l.limits.bytes && l.options.SlowConsumer == DropOldest {
		l.dropped.Add(1)
		o.skip(k.gap) // nothing that waits could make room for it
		return false, scenecast.CauseOutboxFull
	}
	if i := o.superseded(w.frame.Coalesce); i >= 0 {
		o.lost = append(o.lost, o.drop(i))
		l.coalesced.Add(1)
		l.releaseLost(o)
	}
	for {
		switch {
		case !o.fits(size, limits):
			full = scenecast.CauseOutboxFull
		case !l.budget.acquire(w, o.growth()*waitingSize, l.options.OutboxTotal):
			full = scenecast.CauseOutboxBudget
		default:
			o.push(w)
			return true, scenecast.CauseUnknown
		}
		if l.options.SlowConsumer != DropOldest {
			l.dropped.Add(1)
			return false, full
		}
		if !o.dropOldest() {
			l.dropped.Add(1)
			o.dropped++ // behind all others, which are dropped as well: one gap notice takes the place of all
			return false, full
		}
		l.dropped.Add(int64(len(o.lost)))
		l.releaseLost(o)
	}
}

// slowConsumer is the ending of a page whose outbox was full by this limit.
func slowConsumer(full scenecast.Cause) scenecast.Ending {
	if full == scenecast.CauseOutboxBudget {
		return scenecast.EndingBy(full, "slow consumer: the outboxes of all pages together were full")
	}
	return scenecast.EndingBy(full, "slow consumer: the outbox was full")
}

// giveUp empties the outbox of a page that is closed because it is too slow, or has gone. A close frame can only follow a
// frame's end: what the kernel has a part of stays.
func (l *Loop) giveUp(o *outbox) {
	o.clear()
	for _, w := range o.lost {
		if w.counts() {
			l.dropped.Add(1)
		}
	}
	l.releaseLost(o)
	l.countOutbox(o)
}

// forceEnqueue has a frame wait that must not be dropped, whatever the limits are.
func (l *Loop) forceEnqueue(o *outbox, w waiting) {
	l.budget.acquire(w, 0, unlimited)
	o.push(w)
	l.countOutbox(o)
}

// outboxSize is the size of an outbox in memory, without its frames.
const outboxSize = int(unsafe.Sizeof(outbox{}))

// countOutbox has the budget count the outbox as it is now.
func (l *Loop) countOutbox(o *outbox) {
	size := 0
	if o.len() > 0 {
		size = outboxSize + cap(o.frames)*waitingSize
	}
	l.budget.add(size - o.counted)
	o.counted = size
}

// releaseLost releases the frames that an outbox has lost, and calls their Done: by tasks, because this may be a part of
// SendShared.
func (l *Loop) releaseLost(o *outbox) {
	slot := o.slot
	for _, w := range o.lost {
		l.budget.release(w.frame)
		if done := w.frame.Done; done != nil {
			l.post(func() { done(slot, false) })
		}
	}
	o.lost = nil
}

// Dropped is how many frames outboxes have lost: for want of room, or with a page that went away. Any goroutine may call it.
func (l *Loop) Dropped() int64 { return l.dropped.Load() }

// Coalesced is how many waiting frames a newer one with the same key has taken the place of. Any goroutine may call it.
func (l *Loop) Coalesced() int64 { return l.coalesced.Load() }
