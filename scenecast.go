// Package scenecast is the vocabulary of a push server and the contracts between its parts. It does nothing itself:
// package server wires the parts together and is what a Go program embeds.
//
// A backend makes one call, and exactly the right pages show the message at once:
//
//	page ──▶ listener ──▶ Protocol ──▶ hub (shards, each on its loop) ──▶ who matches?
//	backend ─▶ api ──▶ push.Service ──▶ Engine.Submit ──▶ Node = hub ──▶ Protocol.EncodePush ──▶ loop ──▶ sockets
//
// The parts meet here and never import each other: push does not know hub, an engine knows neither, a protocol does not
// know sockets. ARCHITECTURE.md has the picture and the table of who may import whom.
package scenecast

import (
	"encoding/json"
	"time"

	"scenecast/audience"
)

// DefaultApp is the name of the one app that a plain configuration has.
const DefaultApp = "default"

// Message is what a push brings to a page: JSON, with a name where the protocol has names.
type Message struct {
	Event string // its name, for protocols that have names; may be empty
	User  string // the user of the page that has sent it, where that is known and a page has; mostly empty
	// Data is JSON, sent to pages verbatim: same bytes, same order of keys.
	Data json.RawMessage
}

// Push is one message on its way to an audience. It is not changed once it was published, so the log, every shard and
// every reader share one value.
type Push struct {
	ID       string        // unique, unless a backend gives its own IDs twice
	App      string        // the namespace whose pages it may reach, and no others
	Position Position      // its place in the log; given by the engine
	At       time.Time     // when it was published; given by the engine
	To       audience.Expr // which pages, without those that were excepted: so it holds in replay as well
	Message  Message

	TTL      time.Duration // a page that comes to match within this time gets it too; 0: only those that match now
	Coalesce string        // of those with one key that wait for a page, only the newest needs to wait; may be empty
	Retain   string        // the newest with this key is the key's last value, for its TTL; may be empty

	Receipt Receipt       // what its publisher waits for
	Timeout time.Duration // … at most for so long; the push itself is never delayed

	IdempotencyKey string // of publishes with one key, within the engine's window, only the first happens; may be empty

	// Confinement is the canonical text of the audience to which the publisher is confined, which To is within; empty: it is not.
	// Publishers with different confinements share no Coalesce and no Retain keys, and know nothing of each other's pushes.
	Confinement string

	// Trace is the span that published it, of which deliveries are children; nil: its trace is not sampled. It is no part of what was asked for.
	Trace *TraceContext
}

// RetainKey is the push's Retain, apart from those of other confinements. It is not text; empty where the push has none.
func (p *Push) RetainKey() string { return p.apart(p.Retain) }

// CoalesceKey is the push's Coalesce, apart from those of other confinements, as RetainKey is. It is not text; empty where the push has none.
func (p *Push) CoalesceKey() string { return p.apart(p.Coalesce) }

// apart is a key of the push's, apart from those of other confinements. Neither of the two texts has a byte that is not UTF-8.
func (p *Push) apart(key string) string {
	if key == "" || p.Confinement == "" {
		return key
	}
	return p.Confinement + "\xff" + key
}

// Receipt says how much has to be known about a push before Pending.Wait returns.
type Receipt uint8

// The receipts, each more than the one before.
const (
	ReceiptQueued  Receipt = iota // which outboxes took it; nothing to wait for
	ReceiptWritten                // which connections' bytes the kernel took
	ReceiptAcked                  // which pages' clients said that they have handed it to the application
)

// Receipts are the names of the receipts, in order.
var Receipts = []string{"queued", "written", "acked"}

// String is the receipt's name.
func (r Receipt) String() string { return Receipts[r] }

// Tally says what became of a push. Tallies of shards and nodes add up, and so do corrections: a page that acknowledges
// when its time has passed is Tally{Acked: 1, TimedOut: -1}.
type Tally struct {
	Matched int // connections that the audience chose
	Queued  int // of those, the ones whose outbox took the frame
	Dropped int // of those, the ones whose outbox was full: matched = queued + dropped

	// What a receipt asks for; otherwise 0. Where acknowledgements are asked for, what was written is counted as well.
	Written  int // of those that are queued, the ones whose bytes the kernel took
	Acked    int // of those that are queued, the ones whose client has acknowledged it
	TimedOut int // of those that are queued, the ones of which the receipt's time has passed without it

	Nodes int // nodes that have answered
}

// Add adds another tally to this one.
func (t *Tally) Add(other Tally) {
	t.Matched += other.Matched
	t.Queued += other.Queued
	t.Dropped += other.Dropped
	t.Written += other.Written
	t.Acked += other.Acked
	t.TimedOut += other.TimedOut
	t.Nodes += other.Nodes
}
