// Package clustertest has what the tests of backends share.
package clustertest

import (
	"context"
	"errors"
	"sync/atomic"

	"scenecast"
	"scenecast/engine/cluster"
)

// Mortal is a backend whose node can die as by a crash: nothing goes out any more, not even that it stops. Its methods may be called
// concurrently.
type Mortal struct {
	cluster.Backend
	dead atomic.Bool
}

// Die has the node be dead from now on.
func (b *Mortal) Die() { b.dead.Store(true) }

var errDead = errors.New("this node is dead")

// Append implements cluster.Backend.
func (b *Mortal) Append(record []byte, done func(error)) {
	if b.dead.Load() {
		go done(errDead)
		return
	}
	b.Backend.Append(record, done)
}

// Send implements cluster.Backend.
func (b *Mortal) Send(ctx context.Context, to scenecast.NodeID, message []byte) error {
	if b.dead.Load() {
		return errDead
	}
	return b.Backend.Send(ctx, to, message)
}
