package socket

import (
	"sync"

	"scenecast"
)

// held are the frames that wait in the outboxes of a loop. They wait by reference, so one that waits for many pages is
// there once, and counts once.
type held struct {
	mu   sync.Mutex // writers of sockets with goroutines let go of frames, too
	uses map[*scenecast.Frame]int
	size int // bytes
}

// take has a frame wait once more, unless all of them would come to more than so many bytes.
func (h *held) take(f *scenecast.Frame, most int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.uses[f] == 0 {
		if h.size+len(f.Data) > most {
			return false
		}
		if h.uses == nil {
			h.uses = make(map[*scenecast.Frame]int)
		}
		h.size += len(f.Data)
	}
	h.uses[f]++
	return true
}

// release is for each frame that has left an outbox, also for those that nobody has taken, as a close frame is.
func (h *held) release(f *scenecast.Frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch h.uses[f] {
	case 0:
	case 1:
		delete(h.uses, f)
		h.size -= len(f.Data)
	default:
		h.uses[f]--
	}
}
