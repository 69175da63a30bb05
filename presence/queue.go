package presence

import (
	"sync"

	"scenecast"
	"scenecast/hub"
	"scenecast/label"
)

// op is what a connection is now, as its loop hands it over.
type op struct {
	id      scenecast.ConnID
	address hub.Address
	app     string
	keys    []Key
	labels  label.Set
	trusted label.Set
	moved   bool
	gone    bool
}

// batch is what was handed over since the last one.
type batch struct {
	ops      []op
	messages []Message
}

// queue is what is handed over to the goroutine. Loops never wait for it. It is bounded: of one connection only the newest op counts, so
// when there are many, they are reduced to one for each connection; and messages that are missed are asked for.
type queue struct {
	mu       sync.Mutex
	batch    batch
	bytes    int // of the messages
	reduceAt int // ops
}

const (
	minReduce     = 32 << 10
	maxKept       = 8 << 10 // ops for which room is kept
	maxInboxBytes = 64 << 20
)

func (q *queue) add(o op) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.batch.ops = append(q.batch.ops, o)
	if n := len(q.batch.ops); n >= max(minReduce, q.reduceAt) {
		q.batch.ops = reduce(q.batch.ops)
		q.reduceAt = 2 * len(q.batch.ops)
	}
}

// reduce keeps the last op of each connection.
func reduce(ops []op) []op {
	last := make(map[scenecast.ConnID]int, len(ops))
	kept := ops[:0]
	for _, o := range ops {
		if i, known := last[o.id]; known {
			o.moved = o.moved || kept[i].moved
			kept[i] = o
			continue
		}
		last[o.id] = len(kept)
		kept = append(kept, o)
	}
	clear(ops[len(kept):])
	return kept
}

// addMessage reports whether there was room.
func (q *queue) addMessage(m Message, bytes int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes+bytes > maxInboxBytes {
		return false
	}
	q.bytes += bytes
	q.batch.messages = append(q.batch.messages, m)
	return true
}

// take takes what was handed over, and gives the queue room for more: that of the batch before, which is done with.
func (q *queue) take(done batch) batch {
	clear(done.ops)
	if cap(done.ops) > maxKept {
		done.ops = nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	b := q.batch
	q.batch, q.bytes, q.reduceAt = batch{ops: done.ops[:0]}, 0, 0
	return b
}
