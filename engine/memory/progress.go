package memory

import (
	"context"
	"sync"

	"scenecast"
)

// progress is what has become of a push. It does not hold the push, so an idempotency key that remembers how a push ended
// does not keep its message.
type progress struct {
	mu       sync.Mutex
	tally    scenecast.Tally
	reported bool            // the node has told what is queued
	answer   scenecast.Tally // the tally at the time when it was done, which every retry gets
	done     chan struct{}   // closed when it is done, and then nil: most of its life nobody waits for it
}

func newProgress() *progress { return &progress{done: make(chan struct{})} }

// add takes a report of the node and tells whether it was the first.
func (p *progress) add(t scenecast.Tally, done bool) (first bool) {
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

// wait returns the answer when there is one. When ctx ends before, that is the tally so far, with ctx's error.
func (p *progress) wait(ctx context.Context) (scenecast.Tally, error) {
	p.mu.Lock()
	done := p.done
	p.mu.Unlock()
	if done != nil {
		select {
		case <-done:
		case <-ctx.Done():
			tally, _ := p.soFar()
			return tally, ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answer, nil
}

// soFar is the tally now, and whether the push is done.
func (p *progress) soFar() (scenecast.Tally, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tally, p.done == nil
}
