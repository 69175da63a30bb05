package cluster

import (
	"context"
	"maps"
	"slices"
	"time"

	"scenecast"
	"scenecast/engine/tail"
)

// After implements scenecast.Log. It reads what this node keeps, and touches no network. A position that this node has not come to,
// but another has, has nothing behind it yet. While an epoch is new it waits until nodes have appended again what is lost.
func (e *Engine) After(ctx context.Context, after scenecast.Position, limit int) ([]*scenecast.Push, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.awaitSettled(ctx, after); err != nil {
		return nil, err
	}
	if e.closed {
		return nil, scenecast.ErrClosed
	}
	ahead := e.ahead(after)
	if e.mayCome(after) {
		ahead = after
	}
	return e.tail.After(after, limit, e.options.Now(), ahead)
}

// Before implements scenecast.Log. It reads what this node keeps.
func (e *Engine) Before(_ context.Context, before scenecast.Position, limit int) ([]*scenecast.Push, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, scenecast.ErrClosed
	}
	return e.tail.Before(before, limit, e.options.Now())
}

// Records implements scenecast.Log. Of pushes that other nodes took, all nodes are asked at once what has become of them.
func (e *Engine) Records(ctx context.Context, pushes []*scenecast.Push) ([]scenecast.Record, error) {
	records := make([]scenecast.Record, len(pushes))
	var places []int // of those that are asked about, in records
	var positions []scenecast.Position
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil, scenecast.ErrClosed
	}
	for i, p := range pushes {
		records[i] = scenecast.Record{Push: p, Known: e.members.known()}
		entry, kept := e.tail.AtSeq(p.Position.Seq)
		switch {
		case !kept:
		case entry.Progress.Partial:
			places, positions = append(places, i), append(positions, p.Position)
		default:
			records[i].Tally, records[i].Done = entry.Progress.SoFar()
			records[i].Known = max(entry.Progress.Known, records[i].Tally.Nodes)
		}
	}
	e.mu.Unlock()
	if len(places) == 0 {
		return records, nil
	}
	tallies, known := e.askTallies(ctx, positions)
	for i, t := range tallies {
		r := &records[places[i]]
		r.Tally, r.Done, r.Known = t.Tally, t.Done, max(known, t.Tally.Nodes)
	}
	return records, ctx.Err()
}

// AwaitSettled waits as After does for what is behind a position, and no longer.
func (e *Engine) AwaitSettled(ctx context.Context, after scenecast.Position) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.awaitSettled(ctx, after)
}

// awaitSettled, with mu held, waits, without, where a page may have had what its node read in a lost part of the log: of a position there, or
// in an epoch that has begun since, this node knows whether anything is missing or comes twice when that was appended again.
func (e *Engine) awaitSettled(ctx context.Context, after scenecast.Position) error {
	for e.ctx.Err() == nil {
		left := e.settlesFor()
		if left <= 0 || e.isAlone() || !slices.Contains(e.unsettled, after.Epoch) && !e.tail.IsVoid(after) {
			break
		}
		e.mu.Unlock()
		select {
		case <-time.After(left):
		case <-ctx.Done():
		case <-e.ctx.Done():
		}
		e.mu.Lock()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// settlesFor, with mu held, is how much longer nodes may append again what is lost; not above 0: they have.
func (e *Engine) settlesFor() time.Duration { return settleFor - time.Since(e.settlesFrom()) }

// settlesFrom, with mu held, is when the log has begun anew, or something came again the last time.
func (e *Engine) settlesFrom() time.Time {
	if e.cameAgain.After(e.epochRead) {
		return e.cameAgain
	}
	return e.epochRead
}

// noteAgain, with mu held, notes that a record which may have been in a lost part of the log was read. Where nodes cannot append faster, as each
// record waits for a replica that is away, more will come. It goes on for no longer than a node appends again, as pages wait.
func (e *Engine) noteAgain() {
	if time.Since(e.epochRead) < e.options.AppendAgain {
		e.cameAgain = time.Now()
	}
}

// settleFor is within which time nodes append again what the log has lost, from when it has begun anew, or one of them has the last time.
const settleFor = 4 * time.Second

// mayCome, with mu held, reports whether a position is one that this node may be about to read: another one has given it to a page, and has
// not said so yet, or cannot. It is of an epoch that is above all that was read, or of the newest, where no other node was heard of yet, and
// the log has records of one. It is waited for only so long, as long as this node can read.
func (e *Engine) mayCome(after scenecast.Position) bool {
	newest, heard := e.tail.Newest(), len(e.members.senders) > 0
	switch {
	case after.Seq <= newest.Seq:
		return false
	case after.Epoch == newest.Epoch && (heard || e.isAlone()), after.Epoch != newest.Epoch && (!heard || e.tail.HasEpoch(after.Epoch)):
		return false
	}
	if e.state != nil {
		return true
	}
	now := e.options.Now()
	asked, ok := e.unread[after.Epoch]
	if !ok {
		maps.DeleteFunc(e.unread, func(_ uint64, asked time.Time) bool { return now.Sub(asked) > forgetUnread })
		if len(e.unread) >= maxUnread {
			return false
		}
		asked = now
		e.unread[after.Epoch] = now
	}
	return now.Sub(asked) < awaitEpoch
}

// isAlone, with mu held, reports whether no page can have come from another node: this one has not heard of any, and the log has no records
// but its own.
func (e *Engine) isAlone() bool {
	return len(e.members.senders) == 0 && !slices.ContainsFunc(e.origins, func(o scenecast.NodeID) bool { return o != e.options.ID })
}

const (
	awaitEpoch   = 4 * time.Second // how long a node may be behind another that reads an epoch
	forgetUnread = time.Minute     // an epoch that did not come is waited for again after so long
	maxUnread    = 64              // epochs that are waited for, or were in vain
)

// ahead, with mu held, is up to where a position may be one that another node has reached. What the others have told of is a second
// old, and a page that loses its node is elsewhere at once: so of this epoch any position is, as far as nodes can be apart, also where others
// have told of the next one, unless this node has never heard of another.
func (e *Engine) ahead(after scenecast.Position) scenecast.Position {
	newest := e.tail.Newest()
	if len(e.members.senders) == 0 || after.Epoch != newest.Epoch {
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
