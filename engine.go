package scenecast

import "context"

// Engine carries pushes. It gives each its position, keeps it in the log, and hands it to every node, in the order of
// positions. Implementations are named by their technology (engine/memory) and pass the suite in engine/enginetest. Methods
// may be called concurrently.
type Engine interface {
	// Start gives the engine this process's node, which it may call from then on until Close has returned. It is called once,
	// before Submit and Ask; an engine that restores pushes does so before it returns. An error says why it cannot.
	Start(ctx context.Context, node Node) error
	// Submit puts a push on its way and never waits for a node or a page. An error means that nothing was published:
	// ErrUnavailable where the engine is out of order.
	//
	// Of pushes of an app with one idempotency key only the first within the engine's window happens. The others stand for it
	// and end as it does, as Replayed; one that differs from it (Push.Fingerprint) fails with ErrKeyReused.
	Submit(p Push) (Pending, error)
	// Ask has every node answer the query, in its turn among the pushes, and returns the sum. When ctx ends before, it returns
	// ctx's error; what the query changes may have been changed.
	Ask(ctx context.Context, q Query) (Reply, error)
	Log
	// Close waits until what was submitted has been handed over, and not for receipts. The other methods fail afterwards with
	// ErrClosed.
	Close() error
}

// Pending is a push that was submitted. Its methods may be called concurrently, any number of times, or not at all, and also
// when the engine is closed.
type Pending interface {
	// Wait returns when every node has told what became of the push, as far as its receipt asks. When ctx ends before, it
	// returns what is known so far and ctx's error; the push is published all the same. ErrUnavailable says that nothing was
	// published after all, ErrUncertain that it is not known.
	Wait(ctx context.Context) (Published, error)
	// WaitQueued returns when this process's node has told what is queued, whatever the receipt asks for: a publisher of many
	// pushes paces itself by it. The errors are those of Wait.
	WaitQueued(ctx context.Context) error
}

// Published is what became of a push that was submitted, as far as its receipt asks.
type Published struct {
	ID       string
	Position Position
	Tally    Tally // when what its receipt waits for was in; Tally.Nodes says how many nodes have answered
	Known    int   // of so many nodes that are known
	Replayed bool  // an earlier call with its idempotency key has published it, and this one nothing
}

// HealthChecker is an engine that can be out of order while its node is well.
type HealthChecker interface {
	// CheckHealth returns why the engine cannot publish just now, or nil.
	CheckHealth(ctx context.Context) error
}

// Broadcaster is an engine of several nodes, which carries what their nodes tell each other besides.
type Broadcaster interface {
	// Broadcast has Received be called on all other nodes. It never waits for them. A message may be lost, and may come before or
	// behind pushes that were published together with it; those of one node come in order, once.
	Broadcast(message []byte)
}

// Node is this process's end of the engine: the hub.
type Node interface {
	// Deliver hands a push to the connections of this node and returns without waiting for them. The engine calls it in
	// the order of positions, one call at a time. report may be called several times, from any goroutine, also before
	// Deliver has returned; each tally is added. The first says what is queued. done is true exactly once: when
	// everything that the receipt waits for is in, or its timeout, whose timer is the node's, has passed. Corrections may
	// come later.
	Deliver(p *Push, report func(t Tally, done bool))
	// Answer answers a query for this node. report is called exactly once, from any goroutine.
	Answer(q Query, report func(Reply))
	// Skip says that pushes for this node's connections have been lost to it: they are told of the gap. The engine calls it in
	// turn with Deliver.
	Skip(n GapNotice)
	// Received is a message that another node's Broadcaster has sent. It does not wait.
	Received(message []byte)
}
