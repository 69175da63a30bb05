// Package memory is the engine of a single node: pushes live in this process, and end with it. A log in this process keeps
// the newest of them; a restart begins a new epoch.
package memory

import (
	"bytes"
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"scenecast"
	"scenecast/engine/gate"
	"scenecast/engine/tail"
)

var _ scenecast.Engine = (*Engine)(nil)

// Options bound what the engine keeps, whichever limit is reached first.
type Options struct {
	MaxBytes int           // of memory that the log's pushes take. Defaults to 64 MiB.
	MaxCount int           // of the log's pushes. Defaults to 100,000.
	MaxAge   time.Duration // of the log's pushes. Defaults to 5 minutes.

	IdempotencyWindow time.Duration // how long a key is remembered. Defaults to 5 minutes.
	MaxKeys           int           // remembered at once; over it the oldest is forgotten. Defaults to 100,000.
}

// Engine numbers pushes, keeps them and hands them to the one node there is. Its methods may be called concurrently.
type Engine struct {
	node       scenecast.Node
	sweepEvery time.Duration

	mu       sync.Mutex // also keeps deliveries in the order of their positions
	log      *tail.Log
	keys     *tail.Keys
	closed   bool
	gate     *gate.Gate     // while another process takes the log over, and from then on; nil: there is none
	sweeper  *time.Timer    // runs while there is something that can get too old
	sweeping bool           // whether it does
	handing  sync.WaitGroup // what the node was given and has not told of
}

// New makes an engine whose log begins now, and empty: a new epoch.
func New(o Options) *Engine {
	e := &Engine{
		log:  tail.NewLog(tail.Options{MaxBytes: o.MaxBytes, MaxCount: o.MaxCount, MaxAge: o.MaxAge}),
		keys: tail.NewKeys(tail.KeyOptions{Window: o.IdempotencyWindow, MaxCount: o.MaxKeys}),
	}
	e.log.Begin(scenecast.NewEpoch().Epoch, 0, 0)
	e.sweepEvery = max(min(e.log.MaxAge(), e.keys.Window())/8, time.Millisecond)
	return e
}

// Start implements scenecast.Engine.
func (e *Engine) Start(_ context.Context, node scenecast.Node) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.node = node
	if e.log.Len()+e.keys.Len() > 0 { // of another process, whose place this one takes
		e.startSweeping()
	}
	return nil
}

// Submit implements scenecast.Engine.
func (e *Engine) Submit(p scenecast.Push) (scenecast.Pending, error) {
	p.Message.Data = bytes.Clone(p.Message.Data) // it is kept, and the caller's buffer is the caller's
	var fingerprint [sha256.Size]byte
	if p.IdempotencyKey != "" {
		fingerprint = p.Fingerprint()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, scenecast.ErrClosed
	}
	if e.gate != nil {
		return e.gate.Submit(p)
	}
	return e.submit(p, fingerprint)
}

// submit, with mu held, numbers a push and hands it to the node, unless its key stands for another one.
func (e *Engine) submit(p scenecast.Push, fingerprint [sha256.Size]byte) (scenecast.Pending, error) {
	now := time.Now()
	key := tail.Name{App: p.App, ID: p.IdempotencyKey}
	if key.ID != "" {
		if a := e.keys.Find(key, now); a != nil {
			if a.Fingerprint != fingerprint {
				return nil, scenecast.ErrKeyReused
			}
			return pending{a.ID, a.Position, true, a.Progress}, nil
		}
	}
	progress := new(tail.Progress)
	p.Position, p.At = e.log.Newest(), now
	p.Position.Seq++
	e.log.Add(&p, progress, now)
	if key.ID != "" {
		e.keys.Add(&tail.Attempt{Key: key, At: now, Fingerprint: fingerprint, ID: p.ID, Position: p.Position, Progress: progress})
		e.keys.Expire(now)
	}
	e.startSweeping()
	e.handing.Add(1)
	e.node.Deliver(&p, func(t scenecast.Tally, done bool) {
		if progress.Add(t, done) {
			e.handing.Done()
		}
	})
	return pending{p.ID, p.Position, false, progress}, nil
}

// nodes is how many there are.
const nodes = 1

// pending is a push that was submitted, or that a retry stands for.
type pending struct {
	id       string
	position scenecast.Position
	replayed bool
	progress *tail.Progress
}

// Wait implements scenecast.Pending.
func (p pending) Wait(ctx context.Context) (scenecast.Published, error) {
	tally, err := p.progress.Wait(ctx)
	return scenecast.Published{ID: p.id, Position: p.position, Tally: tally, Known: nodes, Replayed: p.replayed}, err
}

// WaitQueued implements scenecast.Pending.
func (p pending) WaitQueued(ctx context.Context) error {
	return p.progress.WaitQueued(ctx)
}

// Ask implements scenecast.Engine.
func (e *Engine) Ask(ctx context.Context, q scenecast.Query) (scenecast.Reply, error) {
	reported := make(chan scenecast.Reply, 1)
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return scenecast.Reply{}, scenecast.ErrClosed
	}
	if g := e.gate; g != nil {
		e.mu.Unlock()
		return e.askBehindGate(ctx, g, q)
	}
	e.handing.Add(1)
	e.node.Answer(q, func(r scenecast.Reply) {
		reported <- r
		e.handing.Done()
	})
	e.mu.Unlock()
	select {
	case reply := <-reported:
		reply.Known = nodes
		return reply, nil
	case <-ctx.Done():
		return scenecast.Reply{}, ctx.Err()
	}
}

// Close implements scenecast.Engine.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closed = true
	if e.sweeping {
		e.sweeper.Stop()
	}
	e.mu.Unlock()
	e.handing.Wait()
	return nil
}
