package socket

import (
	"math"
	"sync"
	"unsafe"

	"scenecast"
)

// outboxBudget counts the memory of what waits in the outboxes of a loop, in bytes: frames with what they cost beside their
// bytes, and the outboxes' arrays. Frames wait by reference, so one that waits for many pages is there once, and counts once.
type outboxBudget struct {
	mu   sync.Mutex // writers of sockets with goroutines release frames, too
	uses map[*scenecast.Frame]frameUse
	size int
}

// frameUse is how often a frame waits, and what it is counted with.
type frameUse struct {
	outboxes, size int32
}

// frameOverhead is what a frame costs beside its bytes: itself, and its place in uses.
const frameOverhead = int(unsafe.Sizeof(scenecast.Frame{})) + 2*int(unsafe.Sizeof(frameUse{})+unsafe.Sizeof(uintptr(0)))

// sizeOf is what a frame holds. The variant is shared like the frame.
func sizeOf(w waiting) int {
	size := frameOverhead + len(w.frame.Data)
	if w.deflated {
		if data := w.data(); len(data) > 0 && &data[0] != &w.frame.Data[0] {
			size += len(data)
		}
	}
	return size
}

// acquire counts a frame that is to wait once more. False: with it, and with so many bytes besides, everything would come to
// more than this.
func (b *outboxBudget) acquire(w waiting, besides, most int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	use := b.uses[w.frame]
	more := max(0, sizeOf(w)-int(use.size))
	if more+besides > most-b.size && more+besides > 0 {
		return false
	}
	if b.uses == nil {
		b.uses = make(map[*scenecast.Frame]frameUse)
	}
	b.uses[w.frame] = frameUse{use.outboxes + 1, use.size + int32(more)}
	b.size += more
	return true
}

// release is for each frame that has left an outbox, also for those that were never acquired, as a close frame.
func (b *outboxBudget) release(f *scenecast.Frame) {
	b.mu.Lock()
	defer b.mu.Unlock()
	use, ok := b.uses[f]
	switch {
	case !ok:
	case use.outboxes == 1:
		delete(b.uses, f)
		b.size -= int(use.size)
	default:
		b.uses[f] = frameUse{use.outboxes - 1, use.size}
	}
}

// add counts bytes of outboxes; fewer, if the number is negative.
func (b *outboxBudget) add(bytes int) {
	if bytes != 0 {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.size += bytes
	}
}

// OutboxBytes is how much memory what waits in the loop's outboxes takes. Any goroutine may call it.
func (l *Loop) OutboxBytes() int {
	l.budget.mu.Lock()
	defer l.budget.mu.Unlock()
	return l.budget.size
}

// unlimited is a limit for what must not be dropped.
const unlimited = math.MaxInt
