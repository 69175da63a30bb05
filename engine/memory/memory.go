// Package memory is the engine of a single node: pushes live in this process, and end with it.
package memory

import (
	"context"
	"sync"
	"time"

	"scenecast"
	"scenecast/audience"
)

var (
	_ scenecast.Engine  = (*Engine)(nil)
	_ scenecast.Counter = (*Engine)(nil)
)

// Engine numbers pushes and hands them to the one sink there is. Its methods may be called concurrently.
type Engine struct {
	sink scenecast.Sink

	mu      sync.Mutex // also keeps deliveries in the order of their positions
	last    scenecast.Position
	closed  bool
	pending sync.WaitGroup // calls that wait for the sink's report
}

// New makes an engine whose log begins now, and empty: a new epoch.
func New(sink scenecast.Sink) *Engine {
	return &Engine{sink: sink, last: scenecast.Position{Epoch: uint64(time.Now().UnixMilli())}}
}

// Publish implements scenecast.Engine.
func (e *Engine) Publish(ctx context.Context, p scenecast.Push) (scenecast.Push, scenecast.Tally, error) {
	tally, err := e.ask(ctx, func(report func(scenecast.Tally)) {
		e.last.Seq++
		p.Position = e.last
		e.sink.Deliver(p, report)
	})
	return p, tally, err
}

// Count implements scenecast.Counter.
func (e *Engine) Count(ctx context.Context, app string, to audience.Expr) (scenecast.Tally, error) {
	return e.ask(ctx, func(report func(scenecast.Tally)) { e.sink.Count(app, to, report) })
}

// ask puts a question to the sink, with mu held, and waits for its report.
func (e *Engine) ask(ctx context.Context, question func(report func(scenecast.Tally))) (scenecast.Tally, error) {
	reported := make(chan scenecast.Tally, 1)
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return scenecast.Tally{}, scenecast.ErrClosed
	}
	e.pending.Add(1)
	question(func(t scenecast.Tally) {
		reported <- t
		e.pending.Done()
	})
	e.mu.Unlock()
	select {
	case t := <-reported:
		return t, nil
	case <-ctx.Done():
		return scenecast.Tally{}, ctx.Err()
	}
}

// Close implements scenecast.Engine.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.pending.Wait()
	return nil
}
