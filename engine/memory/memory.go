// Package memory is the engine of a single node: pushes live in this process, and end with it. A log in this process keeps
// the newest of them; a restart begins a new epoch.
package memory

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"scenecast"
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
	log      log
	keys     keys
	closed   bool
	sweeper  *time.Timer    // runs while there is something that can get too old
	sweeping bool           // whether it does
	pending  sync.WaitGroup // what the node was given and has not told of
}

// New makes an engine whose log begins now, and empty: a new epoch.
func New(o Options) *Engine {
	e := &Engine{
		log: log{
			maxBytes: cmp.Or(o.MaxBytes, 64<<20),
			maxCount: cmp.Or(o.MaxCount, 100_000),
			maxAge:   cmp.Or(o.MaxAge, 5*time.Minute),
			newest:   scenecast.NewEpoch(),
			byID:     make(map[name]uint64),
		},
		keys: keys{
			window:   cmp.Or(o.IdempotencyWindow, 5*time.Minute),
			maxCount: cmp.Or(o.MaxKeys, 100_000),
			byKey:    make(map[name]*attempt),
		},
	}
	e.sweepEvery = max(min(e.log.maxAge, e.keys.window)/8, time.Millisecond)
	return e
}

// Start implements scenecast.Engine.
func (e *Engine) Start(_ context.Context, node scenecast.Node) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.node = node
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
	now := time.Now()
	key := name{p.App, p.IdempotencyKey}
	if key.id != "" {
		if a := e.keys.find(key, now); a != nil {
			if a.fingerprint != fingerprint {
				return nil, scenecast.ErrKeyReused
			}
			return pending{a.id, a.position, true, a.progress}, nil
		}
	}
	progress := newProgress()
	e.log.add(&p, progress, now)
	if key.id != "" {
		e.keys.add(&attempt{key: key, at: now, fingerprint: fingerprint, id: p.ID, position: p.Position, progress: progress})
	}
	e.startSweeping()
	e.pending.Add(1)
	e.node.Deliver(&p, func(t scenecast.Tally, done bool) {
		if progress.add(t, done) {
			e.pending.Done()
		}
	})
	return pending{p.ID, p.Position, false, progress}, nil
}

// pending is a push that was submitted, or that a retry stands for.
type pending struct {
	id       string
	position scenecast.Position
	replayed bool
	progress *progress
}

// Wait implements scenecast.Pending.
func (p pending) Wait(ctx context.Context) (scenecast.Published, error) {
	tally, err := p.progress.wait(ctx)
	return scenecast.Published{ID: p.id, Position: p.position, Tally: tally, Replayed: p.replayed}, err
}

// Ask implements scenecast.Engine.
func (e *Engine) Ask(ctx context.Context, q scenecast.Query) (scenecast.Reply, error) {
	reported := make(chan scenecast.Reply, 1)
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return scenecast.Reply{}, scenecast.ErrClosed
	}
	e.pending.Add(1)
	e.node.Answer(q, func(r scenecast.Reply) {
		reported <- r
		e.pending.Done()
	})
	e.mu.Unlock()
	select {
	case reply := <-reported:
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
	e.pending.Wait()
	return nil
}
