package cluster

import (
	"context"
	"fmt"
	"time"

	"scenecast"
)

// What a node has read need not be safe: whoever appended it may not have been told so, and it may be gone with the end of the log. A
// record is as safe as every one before it, so a node knows by its own records.

// noteSafe, with mu held, notes that a record of this node's is safe at its place, if that is known.
func (e *Engine) noteSafe(o *ownRecord) {
	if !o.appended || !o.read || o.place <= e.safe {
		return
	}
	e.safe = o.place
	if e.safer != nil {
		close(e.safer)
		e.safer = nil
	}
}

// awaitSafe waits until what this node has read at a position is known to be safe. Where that is not so already, it appends a record, if
// need be without pushes: so a retry of what somebody else has taken, and may not have answered, costs one record.
func (e *Engine) awaitSafe(ctx context.Context, p scenecast.Position) error {
	timer := time.NewTimer(e.options.UnavailableAfter)
	defer timer.Stop()
	for appended := false; ; {
		e.mu.Lock()
		if g := e.moving.gate; g != nil {
			moved := g.Successor() != nil
			e.mu.Unlock()
			if moved {
				return errMoved
			}
			if err := g.Await(ctx); err != nil {
				return fmt.Errorf("%w (%w)", scenecast.ErrUncertain, err)
			}
			continue
		}
		if e.tail.IsVoid(p) || e.closed || e.down {
			e.mu.Unlock()
			return scenecast.ErrUncertain
		}
		if p.Seq <= endOf(e.safe) {
			e.mu.Unlock()
			return nil
		}
		if !appended {
			if e.open == nil {
				e.records++
				e.open = &ownRecord{number: e.records}
			}
			e.appendMore()
			appended = true
		}
		if e.safer == nil {
			e.safer = make(chan struct{})
		}
		safer := e.safer
		e.mu.Unlock()
		select {
		case <-safer:
		case <-timer.C:
			return scenecast.ErrUncertain
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", scenecast.ErrUncertain, ctx.Err())
		}
	}
}
