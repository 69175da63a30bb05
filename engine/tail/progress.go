package tail

import (
	"context"
	"sync"

	"scenecast"
)

// Progress is what has become of a push. It does not hold the push, so an idempotency key that remembers how a push ended
// does not keep its message. Its methods may be called concurrently.
type Progress struct {
	mu       sync.Mutex
	tally    scenecast.Tally
	reported bool            // a node has told what is queued
	answer   scenecast.Tally // the tally at the time when it was done, which every retry gets
	done     chan struct{}   // closed when it is done, and then nil: most of its life nobody waits for it
}

// NewProgress is that of a push of which nothing is known yet.
func NewProgress() *Progress { return &Progress{done: make(chan struct{})} }

// Add takes a report of a node and tells whether it was the first. done says that nothing more is waited for; what comes in later
// corrects the tally, and not the answer.
func (p *Progress) Add(t scenecast.Tally, done bool) (first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tally.Add(t)
	if done && p.done != nil {
		p.answer = p.tally
		close(p.done)
		p.done = nil
	}
	first, p.reported = !p.reported, true
	return first
}

// Wait returns the answer when there is one. When ctx ends before, that is the tally so far, with ctx's error.
func (p *Progress) Wait(ctx context.Context) (scenecast.Tally, error) {
	p.mu.Lock()
	done := p.done
	p.mu.Unlock()
	if done != nil {
		select {
		case <-done:
		case <-ctx.Done():
			tally, _ := p.SoFar()
			return tally, ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answer, nil
}

// SoFar is the tally now, and whether the push is done.
func (p *Progress) SoFar() (scenecast.Tally, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tally, p.done == nil
}
