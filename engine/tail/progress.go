package tail

import (
	"context"
	"sync"

	"scenecast"
)

// Progress is what has become of a push. It does not hold the push, so an idempotency key that remembers how a push ended
// does not keep its message. The zero value is that of a push of which nothing is known yet. Its methods may be called
// concurrently.
type Progress struct {
	// Partial says that this counts only what this node has told: the push is another node's, which adds up what all tell. It is set
	// before the progress is used.
	Partial bool
	// Known is how many nodes were known when the push was read back by its origin; 0: it has not been. The engine's lock guards it.
	Known int

	mu     sync.Mutex
	tally  scenecast.Tally
	answer scenecast.Tally // the tally at the time when it was done, which every retry gets
	queued event           // a node has told what is queued
	done   event           // what the receipt waits for is in, or its time has passed
}

// event is something that happens once. The channel is made when somebody waits for it: for most events nobody has to.
type event struct {
	happened bool
	signal   chan struct{}
}

func (e *event) happen() {
	e.happened = true
	if e.signal != nil {
		close(e.signal)
		e.signal = nil
	}
}

// Add takes a report of a node and tells whether it was the first. done says that nothing more is waited for; what comes in later
// corrects the tally, and not the answer.
func (p *Progress) Add(t scenecast.Tally, done bool) (first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tally.Add(t)
	if done && !p.done.happened {
		p.answer = p.tally
		p.done.happen()
	}
	first = !p.queued.happened
	p.queued.happen()
	return first
}

// Wait returns the answer when there is one. When ctx ends before, that is the tally so far, with ctx's error.
func (p *Progress) Wait(ctx context.Context) (scenecast.Tally, error) {
	err := p.await(ctx, &p.done)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		return p.tally, err
	}
	return p.answer, nil
}

// WaitQueued returns when there has been a report, or ctx's error when that ends before.
func (p *Progress) WaitQueued(ctx context.Context) error { return p.await(ctx, &p.queued) }

// await returns when an event of this progress has happened, or ctx's error when that ends before.
func (p *Progress) await(ctx context.Context, e *event) error {
	p.mu.Lock()
	if e.happened {
		p.mu.Unlock()
		return nil
	}
	if e.signal == nil {
		e.signal = make(chan struct{})
	}
	signal := e.signal
	p.mu.Unlock()
	select {
	case <-signal:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// SoFar is the tally now, and whether the push is done.
func (p *Progress) SoFar() (scenecast.Tally, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tally, p.done.happened
}
