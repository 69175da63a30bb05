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
	bytes   int // of the queue, and of what is being sent
	sending bool
	dropped bool // something, since the queue was empty
}

// maxBroadcast bounds the bytes that wait to be sent. What is more is dropped: the backend cannot be reached, or not fast enough.
const maxBroadcast = 16 << 20

// Broadcast implements scenecast.Broadcaster.
func (e *Engine) Broadcast(message []byte) {
	b := &e.broadcasts
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes+len(message) > maxBroadcast {
		if !b.dropped {
			b.dropped = true
			e.logger.Warn("engine: messages to other nodes are dropped, because the backend takes them too slowly", "waiting", b.bytes)
		}
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
	for sent := 0; ; {
		b.mu.Lock()
		queue := b.queue
		b.queue = nil
		b.bytes -= sent
		b.sending = len(queue) > 0
		b.dropped = b.dropped && b.sending
		b.mu.Unlock()
		if len(queue) == 0 {
			return
		}
		sent = 0
		for _, message := range queue {
			e.send(0, messageNode, message)
			sent += len(message)
		}
	}
}
