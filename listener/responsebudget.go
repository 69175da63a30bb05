package listener

import (
	"sync"
	"time"
)

// largeResponse is from how many bytes on a response counts in the budget.
const largeResponse = 64 << 10

// responseBudget bounds the memory of large responses that wait for their clients. A client that asks for much and does not read it
// must not be able to fill the memory, together with others of its kind: over the limit, the connection is closed on which nothing
// has moved for the longest.
type responseBudget struct {
	limit int // bytes

	mu      sync.Mutex
	total   int
	pending map[*pendingResponse]struct{}
}

// pendingResponse is a large piece of a response that its client has not taken.
type pendingResponse struct {
	size  int
	since time.Time // when the client took something, or the writing began

	mu      sync.Mutex
	removed bool
	abort   func() // ends the writing; not called once the piece is removed
}

func newResponseBudget(limit int) *responseBudget {
	return &responseBudget{limit: limit, pending: make(map[*pendingResponse]struct{})}
}

// add counts a piece until remove. While there are too many, others are aborted, never this one unless it alone is too large.
func (b *responseBudget) add(size int, abort func()) *pendingResponse {
	p := &pendingResponse{size: size, since: time.Now(), abort: abort}
	for _, stalled := range b.makeRoom(p) {
		stalled.end(stalled.abort)
	}
	return p
}

// makeRoom adds a piece and returns those that it takes the place of.
func (b *responseBudget) makeRoom(p *pendingResponse) (aborted []*pendingResponse) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.total+p.size > b.limit && len(b.pending) > 0 {
		stalled := b.mostStalled()
		b.drop(stalled)
		aborted = append(aborted, stalled)
	}
	b.pending[p] = struct{}{}
	b.total += p.size
	return aborted
}

// progress notes that the client has taken something.
func (b *responseBudget) progress(p *pendingResponse) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.since = time.Now()
}

// remove ends the counting of a piece, aborted or not.
func (b *responseBudget) remove(p *pendingResponse) {
	b.mu.Lock()
	b.drop(p)
	b.mu.Unlock()
	p.end(func() { p.removed = true })
}

// end calls one of abort and removal at a time, and nothing behind the removal.
func (p *pendingResponse) end(how func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.removed {
		how()
	}
}

func (b *responseBudget) drop(p *pendingResponse) {
	if _, ok := b.pending[p]; ok {
		delete(b.pending, p)
		b.total -= p.size
	}
}

func (b *responseBudget) mostStalled() (stalled *pendingResponse) {
	for p := range b.pending {
		if stalled == nil || p.since.Before(stalled.since) {
			stalled = p
		}
	}
	return stalled
}
