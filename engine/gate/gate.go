// Package gate holds back what is submitted to an engine while another process takes its place, and gives it to that one.
package gate

import (
	"context"

	"scenecast"
)

// Successor is what takes pushes and queries when another process has the engine's place.
type Successor interface {
	Submit(p scenecast.Push) (scenecast.Pending, error)
	Ask(ctx context.Context, q scenecast.Query) (scenecast.Reply, error)
}

// Gate is closed, until Open or Succeed. The engine's lock guards it, but for Await and Opened.
type Gate struct {
	waiting   []*heldBack
	opened    chan struct{} // closed when the gate is open, or leads to the successor
	successor Successor     // nil: the place has not gone, or not yet
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

// New makes a gate that is closed.
func New() *Gate { return &Gate{opened: make(chan struct{})} }

// Submit holds a push back, or gives it to the successor.
func (g *Gate) Submit(p scenecast.Push) (scenecast.Pending, error) {
	if g.successor != nil {
		return g.successor.Submit(p)
	}
	h := &heldBack{push: p, decided: make(chan struct{})}
	g.waiting = append(g.waiting, h)
	return h, nil
}

// Await waits until the gate is open, or leads to the successor. It may be called concurrently.
func (g *Gate) Await(ctx context.Context) error {
	select {
	case <-g.opened:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Successor is who has the place; nil: it has not gone.
func (g *Gate) Successor() Successor { return g.successor }

// Open publishes what was held back, in order.
func (g *Gate) Open(submit func(p scenecast.Push) (scenecast.Pending, error)) {
	for _, h := range g.waiting {
		h.decide(submit(h.push))
	}
	g.waiting = nil
	close(g.opened)
}

// Succeed gives what was held back to the process that has the place now, in order, and whatever comes from now on.
func (g *Gate) Succeed(s Successor) {
	g.successor = s
	for _, h := range g.waiting {
		h.decide(s.Submit(h.push))
	}
	g.waiting = nil
	close(g.opened)
}
