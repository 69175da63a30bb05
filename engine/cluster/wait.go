package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"scenecast"
	"scenecast/engine/tail"
)

// waiter is whoever has submitted a push, or its retry while the first is on its way.
type waiter struct {
	engine   *Engine
	push     *submission
	replayed bool
}

// Wait implements scenecast.Pending.
func (w *waiter) Wait(ctx context.Context) (scenecast.Published, error) {
	s := w.push
	if err := s.awaitOutcome(ctx); err != nil {
		return scenecast.Published{ID: s.push.ID}, err
	}
	v := s.outcome
	v.replayed = v.replayed || w.replayed
	p, err := w.engine.waitFor(ctx, v)
	if errors.Is(err, errMoved) {
		return w.engine.waitThere(ctx, *s.push)
	}
	if err == nil && w.engine.isUnsafe(s.record) {
		err = scenecast.ErrUncertain
	}
	return p, err
}

// isUnsafe reports whether the backend has not said that a record is safe, though it was given long enough.
func (e *Engine) isUnsafe(o *ownRecord) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return o.unsafe && !o.appended
}

// WaitQueued implements scenecast.Pending.
func (w *waiter) WaitQueued(ctx context.Context) error {
	if err := w.push.awaitOutcome(ctx); err != nil {
		return err
	}
	return w.push.outcome.progress.WaitQueued(ctx)
}

// awaitOutcome waits until the log has said what becomes of the push.
func (s *submission) awaitOutcome(ctx context.Context) error {
	select {
	case <-s.read:
		return s.err
	default:
	}
	select {
	case <-s.read:
		return s.err
	case <-s.uncertain:
	case <-ctx.Done():
		return fmt.Errorf("%w (%w)", scenecast.ErrUncertain, ctx.Err())
	}
	select {
	case <-s.read:
		return s.err
	default:
		return scenecast.ErrUncertain
	}
}

// retry is a push whose key is taken by one that the log has.
type retry struct {
	engine *Engine
	of     published
	push   scenecast.Push
}

// Wait implements scenecast.Pending.
func (r *retry) Wait(ctx context.Context) (scenecast.Published, error) {
	p, err := r.engine.waitFor(ctx, r.of)
	if err == nil {
		err = r.engine.awaitSafe(ctx, r.of.position)
	}
	if errors.Is(err, errMoved) {
		return r.engine.waitThere(ctx, r.push)
	}
	return p, err
}

// WaitQueued implements scenecast.Pending.
func (r *retry) WaitQueued(ctx context.Context) error { return r.of.progress.WaitQueued(ctx) }

// attempted is what an attempt has published.
func attempted(a *tail.Attempt) published {
	return published{id: a.ID, position: a.Position, progress: a.Progress, replayed: true, partial: a.Progress.Partial}
}

// askAgain is how often the other nodes are asked what has become of a push that is another one's.
const askAgain = 100 * time.Millisecond

// waitFor waits for what becomes of a push that the log has.
func (e *Engine) waitFor(ctx context.Context, v published) (scenecast.Published, error) {
	p := scenecast.Published{ID: v.id, Position: v.position, Replayed: v.replayed, Known: 1}
	var err error
	if !v.partial {
		p.Tally, err = v.progress.Wait(ctx)
		e.mu.Lock()
		p.Known = max(p.Known, v.progress.Known, p.Tally.Nodes)
		e.mu.Unlock()
		return p, err
	}
	for {
		if e.hasMoved() {
			return p, errMoved
		}
		r, known := e.askTally(ctx, v.position)
		p.Tally, p.Known = r.Tally, max(known, r.Tally.Nodes)
		if r.Done || ctx.Err() != nil {
			return p, ctx.Err()
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return p, ctx.Err()
		}
	}
}
