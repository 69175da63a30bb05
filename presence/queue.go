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
	labels  label.Set
	trusted label.Set
	moved   bool
	gone    bool
	adopted bool // another process has had the connection as it is
}

// opBlock is some ops. Those in a queue are full but for the last.
type opBlock struct {
	ops [blockOps]op
	n   int
}

const blockOps = 256

// opBlocks are such as are not in use. The collector may take them.
var opBlocks = sync.Pool{New: func() any { return new(opBlock) }}

// batch is what was handed over since the last one.
type batch struct {
	blocks   []*opBlock
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
	maxInboxBytes = 64 << 20
)

// isFull reports whether the next op needs another block.
func (b *batch) isFull() bool {
	last := len(b.blocks) - 1
	return last < 0 || b.blocks[last].n == blockOps
}

// add takes a copy of an op.
func (q *queue) add(o *op) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.batch.isFull() && len(q.batch.blocks)*blockOps >= max(minReduce, q.reduceAt) {
		q.reduceAt = 2 * q.batch.reduce()
	}
	if q.batch.isFull() {
		q.batch.blocks = append(q.batch.blocks, opBlocks.Get().(*opBlock))
	}
	b := q.batch.blocks[len(q.batch.blocks)-1]
	b.ops[b.n] = *o
	b.n++
}

// reduce keeps the last op of each connection, and returns how many these are. All blocks are full.
func (b *batch) reduce() (kept int) {
	at := func(i int) *op { return &b.blocks[i/blockOps].ops[i%blockOps] }
	last := make(map[scenecast.ConnID]int)
	for i := range len(b.blocks) * blockOps {
		o := at(i)
		if k, known := last[o.id]; known {
			o.moved = o.moved || at(k).moved
			o.adopted = at(k).adopted && !o.moved && !o.gone
			*at(k) = *o
			continue
		}
		last[o.id] = kept
		*at(kept) = *o
		kept++
	}
	needed := (kept + blockOps - 1) / blockOps
	for _, rest := range b.blocks[needed:] {
		rest.free()
	}
	clear(b.blocks[needed:])
	b.blocks = b.blocks[:needed]
	if n := kept % blockOps; n > 0 {
		last := b.blocks[needed-1]
		clear(last.ops[n:])
		last.n = n
	}
	return kept
}

// free gives a block back.
func (b *opBlock) free() {
	clear(b.ops[:b.n]) // they would keep labels
	b.n = 0
	opBlocks.Put(b)
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

// take takes what was handed over.
func (q *queue) take() batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := q.batch
	q.batch, q.bytes, q.reduceAt = batch{}, 0, 0
	return b
}
