// Package event has what happens to pages, in the form in which backends are told of it.
package event

import (
	"encoding/json"
	"time"

	"scenecast"
	"scenecast/label"
)

// Type is what has happened.
type Type string

// The types of events.
const (
	Connected    Type = "connected"
	Disconnected Type = "disconnected"
	Relabelled   Type = "relabelled"
	Joined       Type = "joined"   // a user has come to a scene, with the first of its connections
	Left         Type = "left"     // … and gone with the last, and not come back within linger
	Occupied     Type = "occupied" // a scene has its first connection
	Vacated      Type = "vacated"  // … and none any more, after linger
	Gap          Type = "gap"      // a page has missed pushes that it cannot get any more
	Triggered    Type = "trigger"  // a trigger has run
)

// Types are all types, in the order of the documentation.
var Types = []Type{Connected, Disconnected, Relabelled, Joined, Left, Occupied, Vacated, Gap, Triggered}

// Pushed is a push that was published. Only listeners to the feed that name it are told: hooks are not, and neither are listeners to everything.
const Pushed Type = "push"

// FeedTypes are those that a listener may name.
var FeedTypes = append(Types[:len(Types):len(Types)], Pushed)

// Event is something that has happened. It is told once in the whole cluster: by the node at which it happened, or, of a scene, by the one that tells
// all of its events.
type Event struct {
	ID   string // the same whenever it is told again
	Type Type
	At   time.Time
	Data Data

	Trace *scenecast.TraceContext // of what has caused it; nil: that is not sampled, or not known
}

// Data says what has happened to whom. Of which type an event is says which fields it has.
type Data struct {
	App        string           `json:"app"`
	Node       scenecast.NodeID `json:"node,omitzero"`
	Connection scenecast.ConnID `json:"connection,omitzero"` // connected, disconnected, relabelled, gap
	Labels     label.Set        `json:"labels,omitzero"`     // of the connection; of joined and left those that the member shows
	Before     label.Set        `json:"before,omitzero"`     // relabelled: what it had
	Cause      string           `json:"cause,omitempty"`     // disconnected, gap
	Code       int              `json:"code,omitempty"`      // disconnected: the close code
	Key        string           `json:"key,omitempty"`       // joined, left, occupied, vacated: the scene
	Value      string           `json:"value,omitempty"`
	User       string           `json:"user,omitempty"`     // joined, left
	Version    int64            `json:"version,omitempty"`  // joined, left, occupied, vacated: rises from event to event of the user in the scene, or of the scene
	Trigger    string           `json:"trigger,omitempty"`  // trigger: its name
	By         string           `json:"by,omitempty"`       // … and the key that ran it; empty: a page's token
	Push       string           `json:"push,omitempty"`     // push, trigger: the push's ID
	To         string           `json:"to,omitempty"`       // push: its audience
	Event      string           `json:"event,omitempty"`    // … and the name of its message
	Matched    int              `json:"matched,omitempty"`  // … and how many connections that matched
	Position   string           `json:"position,omitempty"` // … and where in the log it is, as of push; of gap the page's
}

// eventJSON is an event as backends get it: an event of Standard Webhooks with an ID.
type eventJSON struct {
	ID        string    `json:"id"`
	Type      Type      `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      Data      `json:"data"`

	Traceparent string `json:"traceparent,omitempty"` // W3C Trace Context
}

// MarshalJSON implements json.Marshaler.
func (e Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// UnmarshalJSON reads what MarshalJSON prints.
func (e *Event) UnmarshalJSON(b []byte) error {
	var read eventJSON
	err := json.Unmarshal(b, &read)
	*e = Event{ID: read.ID, Type: read.Type, At: read.Timestamp, Data: read.Data}
	if c, err := scenecast.ParseTraceContext(read.Traceparent); err == nil {
		e.Trace = &c
	}
	return err
}

// Batch is the body of a call: an event of Standard Webhooks whose data are events, in their order.
type Batch struct {
	Type      string    `json:"type"` // always "events"
	Timestamp time.Time `json:"timestamp"`
	Data      struct {
		Events []json.RawMessage `json:"events"`
	} `json:"data"`
}
