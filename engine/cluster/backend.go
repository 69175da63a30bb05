// Package cluster is the engine of many nodes, over a Backend that has what no engine should make by hand: an ordered,
// replicated log, and messages between nodes. Packages engine/nats and engine/redis are such backends.
//
// The log holds records, each of up to 256 pushes of one node. A node's publishes go by group commit: two records are on their
// way at a time, and what is submitted meanwhile is the next one. All nodes read the log in one order, so they agree without a
// word about positions, about which of two pushes with one idempotency key happens, and about which records are repeats of
// others. The origin of a push, the node that took it, answers when it has read the push back, when the backend has said that
// the record is safe, and when all nodes that are known and not late have told what became of it.
package cluster

import (
	"context"

	"scenecast"
)

// Backend is an ordered log of records that survives its nodes, and a way to send messages between them. Append and Send may be
// called concurrently.
type Backend interface {
	// Start connects, and tells of everything until Close. It returns when it is connected; the log is read meanwhile.
	Start(ctx context.Context, self scenecast.NodeID, on Events) error
	// Append puts a record on its way to the end of the log, behind those of earlier calls, and never waits. done is called once,
	// after Append has returned: with nil when the record, and with it every one before it, is as safe as was configured. An error
	// leaves open whether it is there, and it may come to be there twice: readers notice. The bytes are not changed.
	Append(record []byte, done func(error))
	// CheckRoom says why records are not taken for lack of room; nil: they are. It does not wait.
	CheckRoom() error
	// MaxRecord is how many bytes a record may have. It is asked after Start.
	MaxRecord() int
	// Send carries a message to a node, or to all others with to = 0; in order per sender. It may be lost.
	Send(ctx context.Context, to scenecast.NodeID, message []byte) error
	// Close ends everything. No event is told after it has returned.
	Close() error
}

// Events is what a backend tells. Record, Epoch, Missed and Live are called by one goroutine, Message and State by any, one call of
// each at a time. The bytes are the receiver's.
type Events interface {
	// Record is the next record of the log. Numbers rise; they need not be dense.
	Record(number uint64, record []byte)
	// Epoch says that the records that follow are of an epoch with this ID, with numbers above begin, and that the epoch before has
	// ended with the record previousEnd: what was read of it behind that is not in the log.
	Epoch(id, begin, previousEnd uint64)
	// Missed says that the log has dropped records up to this number which this node has not read.
	Missed(upTo uint64)
	// Live says that what was in the log at the start has been read.
	Live()
	// Message is one that another node has sent.
	Message(message []byte)
	// State says why the backend can neither append nor read on, and while it starts what it waits for; nil: it can.
	State(err error)
}
