package server

import (
	"context"
	"time"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/gate"
	"scenecast/engine/memory"
	"scenecast/handover"
)

// movingEngine is an engine whose place another process can take. The log of the engine memory goes there; that of a cluster stays where it is,
// and what goes is what this node keeps of it, and that it is this node.
type movingEngine interface {
	scenecast.Engine

	// Quiesce ends what is under way, while pages go on. With an error, or until Succeed, Resume goes on with everything.
	Quiesce(ctx context.Context, within time.Duration) error
	// Hold holds back what is submitted and asked, when pages stand still.
	Hold()
	// IsIdle reports whether nothing is left that this process has to tell others.
	IsIdle() bool
	Resume()
	// Succeed gives what was held back to the other process, and whatever comes.
	Succeed(s gate.Successor)
	// Reporter is where it is reported what becomes of a push of before.
	Reporter(seq uint64) func(t scenecast.Tally, done bool)
}

var (
	_ movingEngine = (*memory.Engine)(nil)
	_ movingEngine = (*cluster.Engine)(nil)
)

// engineCopy is an engine's state on its way to another process.
type engineCopy interface {
	Pushes() []byte
	Keys(all bool) []byte
	Has(seq uint64) bool
	Rest(e *handover.Encoder, changed []uint64)
}

// engineRestoring takes it there.
type engineRestoring interface {
	Pushes(list []byte) error
	Keys(list []byte) error
	Rest(record []byte) error
	Lasting() map[uint64]*scenecast.Push
}

func copyOf(e movingEngine) engineCopy {
	if c, ok := e.(*cluster.Engine); ok {
		return c.Copy()
	}
	return e.(*memory.Engine).Copy()
}
