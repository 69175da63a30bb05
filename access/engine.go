package access

import (
	"context"

	"scenecast"
	"scenecast/label"
	"scenecast/problem"
)

// Engine is an engine as callers reach it. A part that is nil is not called. Its methods may be called concurrently.
type Engine struct {
	Pushes  Submitter
	Queries Asker
	Log     scenecast.Log
	Rates   *Rates // of what is submitted; callers who have a rate need it
}

// Submit submits a push in the app of the caller, as scenecast.Engine does, to those of its audience whom the caller reaches.
func (e Engine) Submit(c Caller, p scenecast.Push) (_ scenecast.Pending, err error) {
	if p.To, err = c.Reach(p.To); err != nil {
		return nil, err
	}
	if err := e.Rates.take(c); err != nil {
		return nil, err
	}
	p.App, p.Confinement = c.App, c.confinement()
	pending, err := e.Pushes.Submit(p)
	if err != nil {
		return nil, err
	}
	if c.Rate.Deliveries > 0 {
		pending = &counted{Pending: pending, rates: e.Rates, caller: c}
	}
	if c.Confined() {
		pending = withoutPosition{pending}
	}
	return pending, nil
}

// withoutPosition is a push of a confined caller.
type withoutPosition struct{ scenecast.Pending }

// Wait implements scenecast.Pending.
func (w withoutPosition) Wait(ctx context.Context) (scenecast.Published, error) {
	p, err := w.Pending.Wait(ctx)
	p.Position = scenecast.Position{}
	return p, err
}

// Ask asks in the app of the caller, as scenecast.Engine does, about those whom the caller reaches.
func (e Engine) Ask(ctx context.Context, c Caller, q scenecast.Query) (_ scenecast.Reply, err error) {
	q.App = c.App
	if q.To, err = c.Reach(q.To); err != nil {
		return scenecast.Reply{}, err
	}
	if q.Relabel != nil {
		if err := c.checkChange(q.Relabel.Change); err != nil {
			return scenecast.Reply{}, err
		}
	}
	reply, err := e.Queries.Ask(ctx, q)
	if c.Confined() {
		reply.Position, reply.ByNode = scenecast.Position{}, nil
	}
	return reply, err
}

// checkChange refuses to change a label that decides who is within the confinement: the page could be moved out of it, or turn
// out to have been moved into it.
func (c Caller) checkChange(change label.Change) error {
	if !c.Confined() {
		return nil
	}
	for _, key := range c.Within.Labels() {
		if _, changes := change[key]; changes {
			return problem.New(problem.Forbidden, "this API key is confined by the label %.80s, and cannot change it", key).DecidedBy(SettingKeys)
		}
	}
	return nil
}

// Lookup finds the newest push with this ID that the caller may see.
func (e Engine) Lookup(ctx context.Context, c Caller, id string) (scenecast.Record, bool, error) {
	r, ok, err := e.Log.Lookup(ctx, c.App, c.confinement(), id)
	if ok {
		r.Push = c.view(r.Push)
	}
	return r, ok, err
}
