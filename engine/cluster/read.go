package cluster

import (
	"context"

	"scenecast"
	"scenecast/engine/tail"
)

// After implements scenecast.Log. It reads what this node keeps, and touches no network. A position that this node has not come to,
// but another has, has nothing behind it yet.
func (e *Engine) After(_ context.Context, after scenecast.Position, limit int) ([]*scenecast.Push, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, scenecast.ErrClosed
	}
	return e.tail.After(after, limit, e.options.Now(), e.ahead())
}

// ahead, with mu held, is up to where a position may be one that another node has reached. What the others have told of is a second
// old, and a page that loses its node is elsewhere at once: so of this epoch any position is, as far as nodes can be apart, unless this
// node has never heard of another.
func (e *Engine) ahead() scenecast.Position {
	newest := e.tail.Newest()
	if len(e.members.senders) == 0 || e.members.ahead.Epoch != newest.Epoch && e.members.ahead.Seq > newest.Seq {
		return e.members.ahead
	}
	return scenecast.Position{Epoch: newest.Epoch, Seq: newest.Seq + endOf(maxApart)}
}

// maxApart is how many records one node may be behind another, at most. The numbers of a new epoch are farther above those of the one
// before.
const maxApart = 1 << 19

// Newest implements scenecast.Log.
func (e *Engine) Newest() scenecast.Position {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tail.Newest()
}

// Lookup implements scenecast.Log. Of a push that another node took, all nodes are asked what has become of it.
func (e *Engine) Lookup(ctx context.Context, app, confinement, id string) (scenecast.Record, bool, error) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return scenecast.Record{}, false, scenecast.ErrClosed
	}
	entry, ok := e.tail.Lookup(tail.Name{App: app, ID: id, Confinement: confinement}, e.options.Now())
	e.mu.Unlock()
	if !ok {
		return scenecast.Record{}, false, nil
	}
	r := scenecast.Record{Push: entry.Push}
	if entry.Progress.Partial {
		t, known := e.askTally(ctx, entry.Push.Position)
		r.Tally, r.Done, r.Known = t.Tally, t.Done, max(known, t.Tally.Nodes)
	} else {
		r.Tally, r.Done = entry.Progress.SoFar()
		e.mu.Lock()
		r.Known = max(entry.Progress.Known, r.Tally.Nodes)
		e.mu.Unlock()
	}
	return r, true, nil
}
