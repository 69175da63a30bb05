package cluster

import (
	"sync"

	"scenecast"
)

var _ scenecast.Broadcaster = (*Engine)(nil)

// broadcasts are messages of the node that are on their way to the others, in order.
type broadcasts struct {
	mu      sync.Mutex
	queue   [][]byte
	bytes   int
	sending bool
}

// maxBroadcast bounds the bytes that wait to be sent. What is more is dropped: the backend cannot be reached, or not fast enough.
const maxBroadcast = 16 << 20

// Broadcast implements scenecast.Broadcaster.
func (e *Engine) Broadcast(message []byte) {
	b := &e.broadcasts
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes+len(message) > maxBroadcast {
		return
	}
	b.queue = append(b.queue, message)
	b.bytes += len(message)
	if !b.sending {
		b.sending = e.spawn(e.sendBroadcasts)
	}
}

func (e *Engine) sendBroadcasts() {
	b := &e.broadcasts
	for {
		b.mu.Lock()
		queue := b.queue
		b.queue, b.bytes = nil, 0
		b.sending = len(queue) > 0
		b.mu.Unlock()
		if len(queue) == 0 {
			return
		}
		for _, message := range queue {
			e.send(0, messageNode, message)
		}
	}
}
