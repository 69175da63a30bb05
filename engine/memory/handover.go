package memory

import (
	"context"
	"crypto/sha256"
	"time"

	"scenecast"
	"scenecast/engine/gate"
	"scenecast/engine/tail"
)

// Quiesce does nothing: what was submitted has been given to the node.
func (e *Engine) Quiesce(context.Context, time.Duration) error { return nil }

// IsIdle reports true: there is nobody else to be told anything.
func (e *Engine) IsIdle() bool { return true }

// Hold holds back what is submitted from now on, and what is asked, until Resume or Succeed. What was submitted before has been given to the
// node when it returns.
func (e *Engine) Hold() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gate = gate.New()
}

// Resume publishes what was held back, in order, and goes on.
func (e *Engine) Resume() {
	e.mu.Lock()
	defer e.mu.Unlock()
	g := e.gate
	if g == nil || g.Successor() != nil {
		return
	}
	e.gate = nil
	g.Open(func(p scenecast.Push) (scenecast.Pending, error) {
		var fingerprint [sha256.Size]byte
		if p.IdempotencyKey != "" {
			fingerprint = p.Fingerprint()
		}
		return e.submit(p, fingerprint)
	})
}

// Succeed gives what was held back to the process that has the log now, in order, and whatever comes from now on.
func (e *Engine) Succeed(s gate.Successor) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gate.Succeed(s)
}

// askBehindGate asks when the gate is open.
func (e *Engine) askBehindGate(ctx context.Context, g *gate.Gate, q scenecast.Query) (scenecast.Reply, error) {
	if err := g.Await(ctx); err != nil {
		return scenecast.Reply{}, err
	}
	e.mu.Lock()
	successor := g.Successor()
	e.mu.Unlock()
	if successor != nil {
		return successor.Ask(ctx, q)
	}
	return e.Ask(ctx, q)
}

// Copy begins to copy the log and its keys to another process while they go on.
func (e *Engine) Copy() *tail.Copy { return tail.NewCopy(&e.mu, e.log, e.keys) }

// Restore begins to make the log and the keys of an engine that has not started those that another process has copied.
func (e *Engine) Restore() *tail.Restoring { return tail.NewRestoring(e.log, e.keys) }

// Reporter is where it is reported what becomes of a push of before: a Node's report, without the first one.
func (e *Engine) Reporter(seq uint64) func(t scenecast.Tally, done bool) {
	e.mu.Lock()
	p := tail.ProgressAt(e.log, e.keys, seq)
	e.mu.Unlock()
	if p == nil {
		p = new(tail.Progress)
	}
	return func(t scenecast.Tally, done bool) { p.Add(t, done) }
}
