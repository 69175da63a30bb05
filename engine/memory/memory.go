// Package memory is the engine of a single node: pushes live in this process, and end with it.
package memory

import (
	"context"
	"sync"
	"time"

	"scenecast"
)

var _ scenecast.Engine = (*Engine)(nil)

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
	tally, err := handOver(ctx, e, func(report func(scenecast.Tally)) {
		e.last.Seq++
		p.Position = e.last
		e.sink.Deliver(p, report)
	})
	return p, tally, err
}

// Ask implements scenecast.Engine.
func (e *Engine) Ask(ctx context.Context, q scenecast.Query) (scenecast.Reply, error) {
	return handOver(ctx, e, func(report func(scenecast.Reply)) { e.sink.Answer(q, report) })
}

// handOver gives the sink something to do, with mu held, and waits for its report.
func handOver[T any](ctx context.Context, e *Engine, do func(report func(T))) (report T, err error) {
	reported := make(chan T, 1)
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return report, scenecast.ErrClosed
	}
	e.pending.Add(1)
	do(func(r T) {
		reported <- r
		e.pending.Done()
	})
	e.mu.Unlock()
	select {
	case report = <-reported:
		return report, nil
	case <-ctx.Done():
		return report, ctx.Err()
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
