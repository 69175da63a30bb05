package socket

import (
	"sync"

	"scenecast"
)

// outboxBudget counts the bytes that wait in the outboxes of a loop. Frames wait by reference, so one that waits for many
// pages is there once, and counts once.
type outboxBudget struct {
	mu   sync.Mutex // writers of sockets with goroutines release frames, too
	uses map[*scenecast.Frame]int
	size int // bytes
}

// acquire counts a frame that is to wait once more. False: all of them would come to more than so many bytes.
func (b *outboxBudget) acquire(f *scenecast.Frame, most int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.uses[f] == 0 {
		if b.size+len(f.Data) > most {
			return false
		}
		if b.uses == nil {
			b.uses = make(map[*scenecast.Frame]int)
		}
		b.size += len(f.Data)
	}
	b.uses[f]++
	return true
}

// release is for each frame that has left an outbox, also for those that were never acquired, as a close frame.
func (b *outboxBudget) release(f *scenecast.Frame) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.uses[f] {
	case 0:
	case 1:
		delete(b.uses, f)
		b.size -= len(f.Data)
	default:
		b.uses[f]--
	}
}
