package scenecast

import (
	"context"
	"net/http"
	"time"

	"scenecast/label"
)

// Engine carries pushes. It gives each its position, keeps it in the log, and hands it to the sink of every node, in the
// order of positions. Implementations are named by their technology (engine/memory) and pass the suite in
// engine/enginetest. Methods may be called concurrently.
type Engine interface {
	// Publish returns when every node has told what became of the push, as far as its receipt asks, or when ctx ends: then
	// with the tally so far and ctx's error, and the push is on its way all the same.
	//
	// Of publishes of an app with one idempotency key only the first within the engine's window happens. The others wait
	// for it and return what it has returned, as Replayed; one that differs from it (Push.Fingerprint) fails with
	// ErrKeyReused.
	Publish(ctx context.Context, p Push) (Published, error)
	// Ask has every node answer the query, in its turn among the pushes, and returns the sum. It returns early when ctx
	// ends, as Publish does.
	Ask(ctx context.Context, q Query) (Reply, error)
	Log
	// Close waits until what was published has been handed over, and not for receipts. The other methods fail afterwards
	// with ErrClosed.
	Close() error
}

// HealthChecker is an engine that can be out of order while its node is well.
type HealthChecker interface {
	// CheckHealth returns why the engine cannot publish just now, or nil.
	CheckHealth(ctx context.Context) error
}

// Sink is this node's end of the engine: the hub.
type Sink interface {
	// Deliver hands a push to the connections of this node and returns without waiting for them. The engine calls it in
	// the order of positions, one call at a time. report may be called several times, from any goroutine, also before
	// Deliver has returned; each tally is added. The first says what is queued. done is true exactly once: when
	// everything that the receipt waits for is in, or its timeout, whose timer is the sink's, has passed. Corrections may
	// come later.
	Deliver(p *Push, report func(t Tally, done bool))
	// Answer answers a query for this node. report is called exactly once, from any goroutine.
	Answer(q Query, report func(Reply))
}

// Encoder turns a push into the bytes of one wire variant, framing included. It is called once per push and variant, and
// the result is shared by all connections: nobody may change it. Safe for concurrent use.
type Encoder interface {
	EncodePush(p *Push) []byte
}

// Protocol is one wire that pages speak over WebSocket. One value serves all of its connections and keeps nothing per
// connection. Opened and Received are called on the connection's owner goroutine: they must not wait.
type Protocol interface {
	// Name is the value of the connection's @protocol label.
	Name() string
	Encoder
	// Opened is called when the page has joined, before any push can reach it.
	Opened(c Conn)
	// Received is called for each message. The bytes are valid only during the call.
	Received(c Conn, m Inbound)
}

// GapEncoder is a protocol that can tell a page that it has missed something.
type GapEncoder interface {
	// EncodeGap is the frame that takes the place of what was missed. Safe for concurrent use.
	EncodeGap(m Missed) []byte
}

// LateEncoder is a protocol that can tell a page that a push is older than others that it has got, because the page came to
// match it only now. Others get it as any push.
type LateEncoder interface {
	// EncodeLate is EncodePush for such a page. Safe for concurrent use.
	EncodeLate(p *Push) []byte
}

// Acknowledger is a protocol whose pages acknowledge pushes (Conn.Acknowledge) that ask for it. Receipts do not wait for
// pages of others.
type Acknowledger interface {
	Acknowledges()
}

// Streamer is a protocol whose pages only listen, as those of an event stream do: what comes from them has no meaning, and
// pings and goodbyes are its own. Safe for concurrent use.
type Streamer interface {
	Ping() []byte
	Goodbye(code CloseCode, reason string) []byte
}

// Gate is a protocol's decision about a page at the door, taken before anything is stored. Safe for concurrent use.
type Gate interface {
	// Admit reads the upgrade request. An error (a *problem.Problem) refuses it, and it is answered over HTTP. A page that is
	// admitted has been counted: whoever does not give it to a loop gives its ticket back.
	Admit(r *http.Request) (Admission, error)
}

// Inbound is a whole message from a page.
type Inbound struct {
	Text bool // a text message, which is valid UTF-8; otherwise binary
	Data []byte
}

// Admission is what a gate has found out about a page that may come in.
type Admission struct {
	App      string
	Labels   label.Set // those that the page has given itself
	Trusted  label.Set // those of its token; no key of theirs is among Labels, and the page cannot change them
	PageID   string    // which the page keeps over reconnects; empty: it has none
	Resume   Resume
	Protocol Protocol
	Silence  Silence
	Deflate  bool   // its frames are compressed: permessage-deflate was agreed on
	Ticket   uint32 // under which the door has counted the page; the loop gives it back when the socket is gone. 0: none
}

// Resume says where in the log a page that comes back goes on.
type Resume struct {
	Wanted    bool
	After     Position
	Malformed bool // it gave something that is no position
}

// The labels that the server itself gives a connection.
const (
	LabelID       = "@id"       // its ConnID
	LabelProtocol = "@protocol" // the name of its protocol
	LabelUser     = "@user"     // who its token says that it is; only of tokens that do
	LabelPage     = "@page"     // the page's own ID, the same over reconnects; only of pages that give one
)

// Silence bounds how long a page may say nothing at all; any frame, a pong too, is a sign of life.
type Silence struct {
	CheckEvery time.Duration // how often to look
	Allowed    time.Duration // older than this at a look: closed with CloseIdle. 0 allows any silence
}

// Conn is one connection as its protocol sees it. It is valid only during the call that it was given to, on the owner's
// goroutine.
type Conn interface {
	ID() ConnID
	App() string
	Labels() label.Set
	// Trusted reports whether the key was set by the page's token or by the backend, so that the page cannot change it.
	Trusted(key string) bool
	// Relabel applies a change that the page may make: its protocol has checked that. Pushes that come later see it.
	Relabel(c label.Change)
	// Position is where in the log the page stands: everything up to it that was for the page, the page has got, or is
	// getting. While missed pushes are replayed, it is that of the last one.
	Position() Position
	// Acknowledge says that the page has shown the push at this position. One that it has not got, or that asks for no
	// acknowledgement, is nothing.
	Acknowledge(p Position)
	// Send queues a whole frame, as the encoder makes them. False means that it was dropped, because the connection is
	// closed or its outbox full.
	Send(frame []byte) bool
	// Close says goodbye with a close code; the connection gets no push from now on.
	Close(code CloseCode, reason string)
}

// Slot addresses one socket of a loop: an index into the loop's tables, and a generation so that a stale address is
// noticed when the index is used again.
type Slot struct{ Index, Generation uint32 }

// Loop is a shard's owner goroutine and the sockets that it owns; package socket implements it. Everything that touches
// the shard runs on it, in the order in which it came, so a shard needs no lock. All methods but Post are called on the
// owner's goroutine only, and none of them waits.
type Loop interface {
	// Post has the owner run the task after what was posted before. Any goroutine may call it. False means that the loop
	// has stopped and the task will not run.
	Post(task func()) bool
	// Share queues a frame that many sockets get. Whatever a socket gets in one turn of the loop leaves together. False
	// means that the frame was dropped: the slot is stale, or the outbox was full and the socket has been closed for it.
	Share(s Slot, f *Frame) bool
	// Send queues a frame for one socket, in order with what it shares; false as above.
	Send(s Slot, frame []byte) bool
	// WhenWritten posts the task as soon as the kernel has taken everything that the socket was given; not at all if the
	// socket ends before.
	WhenWritten(s Slot, task func())
	// CloseSocket sends a close frame behind what is queued and then closes. The slot is stale when it returns.
	CloseSocket(s Slot, code CloseCode, reason string)
}

// Shard is told what happens on a loop's sockets, on the owner's goroutine; the hub's shards implement it. A slot is
// opened once, then receives, then is closed once.
type Shard interface {
	Opened(s Slot, a Admission)
	Received(s Slot, m Inbound)
	Closed(s Slot)
}
