// Package scenecast is the vocabulary of a push server and the contracts between its parts. It does nothing itself:
// package server wires the parts together and is what a Go program embeds.
//
// A backend makes one call, and exactly the right pages show the message at once:
//
//	page ──▶ listener ──▶ Protocol ──▶ hub (shards, each on its Loop) ──▶ who matches?
//	backend ─▶ api ──▶ push.Service ──▶ Engine.Publish ──▶ Sink = hub ──▶ Encoder ──▶ Loop.Send ──▶ sockets
//
// The parts meet here and never import each other: push does not know hub, an engine knows neither, a protocol does not
// know sockets. ARCHITECTURE.md has the picture and the table of who may import whom.
package scenecast

import (
	"encoding/json"

	"scenecast/audience"
)

// DefaultApp is the name of the one app that a plain configuration has.
const DefaultApp = "default"

// Message is what a push shows to a page.
type Message struct {
	Event string // its name, for protocols that have names; may be empty
	// Data is JSON, sent to pages verbatim: same bytes, same order of keys.
	Data json.RawMessage
}

// Push is one message on its way to an audience. It is not changed once it was published, so every shard reads the same
// value.
type Push struct {
	ID       string        // unique; made by the push service
	App      string        // the namespace whose pages it may reach, and no others
	Position Position      // its place in the log; given by the engine
	To       audience.Expr // which pages
	Message  Message
}

// Tally says what became of a push. Tallies of shards and nodes add up.
type Tally struct {
	Matched int // connections that the audience chose
	Queued  int // of those, the ones whose outbox took the frame
	Dropped int // of those, the ones whose outbox was full: matched = queued + dropped
	Nodes   int // nodes that have answered
}

// Add adds another tally to this one.
func (t *Tally) Add(other Tally) {
	t.Matched += other.Matched
	t.Queued += other.Queued
	t.Dropped += other.Dropped
	t.Nodes += other.Nodes
}
