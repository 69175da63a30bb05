package memory

import (
	"context"
	"crypto/sha256"

	"scenecast"
)

// Successor is what takes pushes and queries when another process has the log.
type Successor interface {
	Submit(p scenecast.Push) (scenecast.Pending, error)
	Ask(ctx context.Context, q scenecast.Query) (scenecast.Reply, error)
}

// gate holds back what is submitted while another process takes the log over. The engine's lock guards it.
type gate struct {
	waiting   []*heldBack
	opened    chan struct{} // closed when the gate is open, or leads to the successor
	successor Successor     // nil: the log has not gone, or not yet
}

// heldBack is a push whose fate is decided when the gate opens.
type heldBack struct {
	push    scenecast.Push
	decided chan struct{}
	pending scenecast.Pending
	err     error
}

// Wait implements scenecast.Pending.
func (h *heldBack) Wait(ctx context.Context) (scenecast.Published, error) {
	if err := h.await(ctx); err != nil {
		return scenecast.Published{ID: h.push.ID}, err
	}
	return h.pending.Wait(ctx)
}

// WaitQueued implements scenecast.Pending.
func (h *heldBack) WaitQueued(ctx context.Context) error {
	if err := h.await(ctx); err != nil {
		return err
	}
	return h.pending.WaitQueued(ctx)
}

func (h *heldBack) await(ctx context.Context) error {
	select {
	case <-h.decided:
		return h.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *heldBack) decide(pending scenecast.Pending, err error) {
	h.pending, h.err = pending, err
	close(h.decided)
}

// submit, with the engine's lock held, holds a push back, or gives it to the successor.
func (g *gate) submit(p scenecast.Push) (scenecast.Pending, error) {
	if g.successor != nil {
		return g.successor.Submit(p)
	}
	h := &heldBack{push: p, decided: make(chan struct{})}
	g.waiting = append(g.waiting, h)
	return h, nil
}

// ask asks when the gate is open.
func (g *gate) ask(ctx context.Context, e *Engine, q scenecast.Query) (scenecast.Reply, error) {
	select {
	case <-g.opened:
	case <-ctx.Done():
		return scenecast.Reply{}, ctx.Err()
	}
	e.mu.Lock()
	successor := g.successor
	e.mu.Unlock()
	if successor != nil {
		return successor.Ask(ctx, q)
	}
	return e.Ask(ctx, q)
}

// Hold holds back what is submitted from now on, and what is asked, until Resume or Succeed. What was submitted before has been given to the
// node when it returns.
func (e *Engine) Hold() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gate = &gate{opened: make(chan struct{})}
}

// Resume publishes what was held back, in order, and goes on.
func (e *Engine) Resume() {
	e.mu.Lock()
	defer e.mu.Unlock()
	g := e.gate
	if g == nil || g.successor != nil {
		return
	}
	e.gate = nil
	for _, h := range g.waiting {
		var fingerprint [sha256.Size]byte
		if h.push.IdempotencyKey != "" {
			fingerprint = h.push.Fingerprint()
		}
		h.decide(e.submit(h.push, fingerprint))
	}
	close(g.opened)
}

// Succeed gives what was held back to the process that has the log now, in order, and whatever comes from now on.
func (e *Engine) Succeed(s Successor) {
	e.mu.Lock()
	defer e.mu.Unlock()
	g := e.gate
	g.successor = s
	for _, h := range g.waiting {
		h.decide(s.Submit(h.push))
	}
	g.waiting = nil
	close(g.opened)
}
