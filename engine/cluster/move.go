package cluster

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"time"

	"scenecast"
	"scenecast/engine/gate"
	"scenecast/engine/tail"
)

// Another process of this machine can take this one's place: it is the same node then, with the same ID. docs/adr/0025 says why, and how.
// Here is what the process does that has the place; standby.go is what the other one does, and movestate.go what goes from one to the other.

// moving is where an engine is in that. The engine's lock guards it, but for the journal.
type moving struct {
	gate     *gate.Gate             // what is submitted and asked waits at it, or goes to the process that is the node now; nil: there is none
	journal  *journal               // keeps what the backend tells; nil: it is taken. Engine.taking guards it
	awaiting map[uint64]*submission // whose publishers wait here, while the other process counts what the nodes tell; by sequence number

	// Of a process that takes a place.
	isMoved  bool
	ready    chan struct{}                       // closed when the log was read
	before   uint64                              // up to this number the log was read by the process before
	epoch    uint64                              // of the records that were read last and that the process before had read
	epochs   map[uint64]struct{}                 // that the log has
	finished func(seq uint64, t scenecast.Tally) // is told what has become of a push whose publisher waits in the process before
}

// errMoved is for what another process is to answer that is this node now.
var errMoved = errors.New("another process has this one's place")

// settleEvery is between two looks whether what was under way has ended.
const settleEvery = 500 * time.Microsecond

// Quiesce holds back what is submitted and asked from now on, waits until the log has what was submitted before and queries are answered, and
// then takes nothing more that the backend tells. Others know this node as before. With an error, or until Succeed, Resume has it go on.
func (e *Engine) Quiesce(ctx context.Context, within time.Duration) error {
	e.mu.Lock()
	e.moving.gate = gate.New()
	e.mu.Unlock()
	for deadline := time.Now().Add(within); !e.isSettled(); time.Sleep(settleEvery) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(deadline) {
			return errors.New("pushes and queries that were under way have not ended in time")
		}
	}
	e.hold()
	return nil
}

// isSettled reports whether nothing is under way that would have to end here.
func (e *Engine) isSettled() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state != nil || e.open != nil || len(e.queue) > 0 || e.appending > 0 || len(e.others.lost) > 0 || len(e.asks) > 0 {
		return false
	}
	for _, o := range e.kept {
		if o.left > 0 && (!o.read || !o.appended && !o.unsafe) {
			return false
		}
	}
	return true
}

// Hold does nothing: Quiesce has done it.
func (e *Engine) Hold() {}

// IsIdle reports whether all has been told that this node had to tell of pushes and of itself. It is asked behind Quiesce.
func (e *Engine) IsIdle() bool {
	e.reports.mu.Lock()
	idle := len(e.reports.pending) == 0 && len(e.reports.sending) == 0
	e.reports.mu.Unlock()
	e.broadcasts.mu.Lock()
	idle = idle && !e.broadcasts.sending
	e.broadcasts.mu.Unlock()
	return idle && e.isSettled()
}

// Resume goes on with what was held back, and with what the backend has told meanwhile.
func (e *Engine) Resume() {
	e.taking.RLock()
	held := e.moving.journal != nil
	e.taking.RUnlock()
	if held {
		e.replay()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	g := e.moving.gate
	if g == nil || g.Successor() != nil {
		return
	}
	e.moving.gate, e.moving.awaiting = nil, nil
	for _, m := range e.members.byID { // nobody was heard meanwhile
		m.heard = time.Now()
	}
	g.Open(func(p scenecast.Push) (scenecast.Pending, error) {
		var fingerprint [sha256.Size]byte
		if p.IdempotencyKey != "" {
			fingerprint = p.Fingerprint()
		}
		return e.submit(p, fingerprint)
	})
}

// Succeed says that another process is this node now. It is given what was held back, in order, and what comes from now on. Nothing is told to
// other nodes any more, nor taken from them; publishers that wait here are told by Finish.
func (e *Engine) Succeed(s gate.Successor) {
	e.muted.Store(true)
	e.moving.journal.drop()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, o := range e.kept {
		for _, timer := range []*time.Timer{o.answerTimer, o.appendTimer} {
			if timer != nil {
				timer.Stop()
			}
		}
	}
	e.moving.gate.Succeed(s)
}

// Finish tells who waits for a push what has become of it, by what the process tells that is this node now.
func (e *Engine) Finish(seq uint64, t scenecast.Tally) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.moving.awaiting[seq]; s != nil {
		delete(e.moving.awaiting, seq)
		s.progress.Finish(t)
		if s.record.isMoved { // its publisher waits in the process before this one
			e.moving.finished(seq, t)
		}
		e.end(s)
	}
}

// Abandon ends the wait for pushes of which nobody tells any more.
func (e *Engine) Abandon() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.endMoved()
}

// endMoved, with mu held, ends it with what is known.
func (e *Engine) endMoved() {
	if !e.muted.Load() {
		return
	}
	for seq, s := range e.moving.awaiting {
		delete(e.moving.awaiting, seq)
		s.progress.Add(scenecast.Tally{}, true)
		e.end(s)
	}
}

func (e *Engine) hasMoved() bool { return e.successor() != nil }

// successor is the process that is this node now; nil: this one is.
func (e *Engine) successor() gate.Successor {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.moving.gate == nil {
		return nil
	}
	return e.moving.gate.Successor()
}

// waitThere has the process that is this node now tell what has become of a push: it is one with a key that is taken.
func (e *Engine) waitThere(ctx context.Context, p scenecast.Push) (scenecast.Published, error) {
	pending, err := e.successor().Submit(p)
	if err != nil {
		return scenecast.Published{ID: p.ID}, fmt.Errorf("ask the new process: %w", err)
	}
	return pending.Wait(ctx)
}

// routes say where to report what becomes of pushes that ask for a receipt, by sequence number, as long as the tail keeps them.
type routes struct {
	bySeq map[uint64]recordName
	most  int // how many there may be before it is looked which are of use
}

// leastRoutes is how many are kept without a look.
const leastRoutes = 1024

// add, with the engine's lock held, notes where a push comes from.
func (r *routes) add(seq uint64, from recordName) {
	if r.bySeq == nil {
		r.bySeq = make(map[uint64]recordName)
	}
	r.bySeq[seq] = from
}

// prune, with the engine's lock held, forgets those of pushes that are not kept any more.
func (r *routes) prune(l *tail.Log) {
	if len(r.bySeq) <= max(leastRoutes, r.most) {
		return
	}
	maps.DeleteFunc(r.bySeq, func(seq uint64, _ recordName) bool { _, kept := l.AtSeq(seq); return !kept })
	r.most = 2 * len(r.bySeq)
}

// Reporter is where it is reported what becomes of a push of before: a Node's report, without the first one.
func (e *Engine) Reporter(seq uint64) func(t scenecast.Tally, done bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	from, known := e.routes.bySeq[seq]
	p := tail.ProgressAt(e.tail, e.keys, seq)
	if !known || p == nil {
		return func(scenecast.Tally, bool) {}
	}
	return e.reporter(from.origin, from.number, int(seq&(1<<indexBits-1)), seq, p)
}
