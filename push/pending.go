package push

import (
	"context"
	"errors"
	"fmt"
	"time"

	"scenecast"
	"scenecast/access"
	"scenecast/histogram"
	"scenecast/problem"
	"scenecast/tracing"
)

// Pending is a push that was submitted, or a dry run. Its methods may be called concurrently, any number of times, or not at
// all.
type Pending interface {
	// Wait returns what became of the push when its receipt is in, or its timeout has passed. When ctx ends before, the result is
	// what is known so far, and the error a *problem.Problem of the kind Uncertain, which wraps ctx's: the push is published all the
	// same. A dry run has done nothing then, and is Unavailable.
	Wait(ctx context.Context) (Result, error)
	// WaitQueued returns when it is known which outboxes of this node took the push; of a dry run at once. The error is ctx's, or the
	// engine's if the push was not published, or it is not known whether it was.
	WaitQueued(ctx context.Context) error
}

// submitted is a push on its way.
type submitted struct {
	scenecast.Pending
	receipt scenecast.Receipt
	span    *tracing.Publish // nil: it is not sampled
	began   time.Time
	took    *histogram.Histogram
}

// Wait implements Pending.
func (p submitted) Wait(ctx context.Context) (Result, error) {
	done, err := p.Pending.Wait(ctx)
	p.span.End(done.Tally, done.Replayed, err)
	r := Result{ID: done.ID, Position: done.Position, Tally: done.Tally, Known: done.Known, Receipt: p.receipt, Replayed: done.Replayed}
	if err == nil && !done.Replayed {
		p.took.Observe(time.Since(p.began))
	}
	unknown := errors.Is(err, scenecast.ErrUncertain) || errors.Is(err, scenecast.ErrUnavailable) // whether it is published at all
	if err != nil && !unknown && ctx.Err() != nil {
		return r, fmt.Errorf("%w (%w)", problem.New(problem.Uncertain,
			"the push is published, and whom it has reached is not known yet: GET /v1/pushes/%s tells it", r.ID), err)
	}
	return r, err // an engine's own problem
}

// dryRun is an audience to be counted.
type dryRun struct {
	engine access.Engine
	caller access.Caller
	query  scenecast.Query
}

// Wait implements Pending.
func (d dryRun) Wait(ctx context.Context) (Result, error) {
	reply, err := d.engine.Ask(ctx, d.caller, d.query)
	switch {
	case err != nil && ctx.Err() != nil:
		return Result{}, fmt.Errorf("%w (%w)", problem.New(problem.Unavailable, "the audience was not counted in time"), err)
	case err != nil:
		return Result{}, fmt.Errorf("count: %w", err)
	}
	return Result{Tally: reply.Tally, Known: reply.Known}, nil
}

// WaitQueued implements Pending.
func (d dryRun) WaitQueued(context.Context) error { return nil }
