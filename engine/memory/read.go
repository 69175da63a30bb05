package memory

import (
	"context"
	"time"

	"scenecast"
	"scenecast/engine/tail"
)

// After implements scenecast.Log.
func (e *Engine) After(_ context.Context, after scenecast.Position, limit int) ([]*scenecast.Push, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, scenecast.ErrClosed
	}
	return e.log.After(after, limit, time.Now(), scenecast.Position{})
}

// Before implements scenecast.Log.
func (e *Engine) Before(_ context.Context, before scenecast.Position, limit int) ([]*scenecast.Push, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, scenecast.ErrClosed
	}
	return e.log.Before(before, limit, time.Now())
}

// Records implements scenecast.Log.
func (e *Engine) Records(_ context.Context, pushes []*scenecast.Push) ([]scenecast.Record, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, scenecast.ErrClosed
	}
	records := make([]scenecast.Record, len(pushes))
	for i, p := range pushes {
		records[i] = scenecast.Record{Push: p, Known: nodes}
		if entry, kept := e.log.AtSeq(p.Position.Seq); kept {
			records[i].Tally, records[i].Done = entry.Progress.SoFar()
		}
	}
	return records, nil
}

// Newest implements scenecast.Log.
func (e *Engine) Newest() scenecast.Position {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.log.Newest()
}

// Lookup implements scenecast.Log.
func (e *Engine) Lookup(_ context.Context, app, confinement, id string) (scenecast.Record, bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return scenecast.Record{}, false, scenecast.ErrClosed
	}
	found, ok := e.log.Lookup(tail.Name{App: app, ID: id, Confinement: confinement}, time.Now())
	if !ok {
		return scenecast.Record{}, false, nil
	}
	r := scenecast.Record{Push: found.Push, Known: nodes}
	r.Tally, r.Done = found.Progress.SoFar()
	return r, true, nil
}

// startSweeping, with mu held, sees to it that what gets too old is dropped even if nothing is published any more. One
// timer does for all of it: memory may stay until the next sweep, and reading goes by the age.
func (e *Engine) startSweeping() {
	switch {
	case e.sweeping:
		return
	case e.sweeper == nil:
		e.sweeper = time.AfterFunc(e.sweepEvery, e.sweep)
	default:
		e.sweeper.Reset(e.sweepEvery)
	}
	e.sweeping = true
}

func (e *Engine) sweep() {
	for e.sweepSome(time.Now()) { // between two steps others have the lock
	}
}

// sweepSome drops some of what is too old, and tells whether there is more.
func (e *Engine) sweepSome(now time.Time) (more bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	oldPushes, oldKeys := e.log.Expire(now), e.keys.Expire(now)
	if oldPushes || oldKeys {
		return true
	}
	if e.sweeping = e.log.Len()+e.keys.Len() > 0; e.sweeping {
		e.sweeper.Reset(e.sweepEvery)
	} else {
		e.log.Release()
		e.keys.Release()
	}
	return false
}
