package scenecast

import (
	"net/netip"
	"time"
)

// Detail is what the node of a connection knows of it besides its labels.
type Detail struct {
	Sources      map[string]LabelSource `json:"sources"` // by key
	Since        time.Time              `json:"since,omitzero"`
	From         netip.Addr             `json:"from,omitzero"`
	OutboxBytes  int                    `json:"outbox_bytes"`
	OutboxFrames int                    `json:"outbox_frames"`
	CatchingUp   bool                   `json:"catching_up"`

	// Page and Identity name the page over its connections: its own ID, and who its token says that it is. Empty where it has no ID.
	Page     string `json:"page,omitempty"`
	Identity string `json:"identity,omitempty"`
}

// SocketState is how a connection's socket stands.
type SocketState struct {
	Opened       time.Time  // since when it is a page, to the second; zero: it is not known
	Peer         netip.Addr // who has connected, which may be a proxy; not valid: it is not known
	OutboxBytes  int        // that wait in its outbox
	OutboxFrames int
}

// LabelSource is who has given a connection a label.
type LabelSource string

// The sources of labels.
const (
	FromToken   LabelSource = "token"   // the page's token, which the page cannot change
	FromBackend LabelSource = "backend" // the backend, which the page cannot change either
	FromPage    LabelSource = "page"    // the page itself
	FromServer  LabelSource = "server"  // the server's own
)

// PastEnding is how and when a connection has ended.
type PastEnding struct {
	At    time.Time `json:"at"`
	Cause string    `json:"cause"` // its name
	Code  CloseCode `json:"code"`  // 0: there was no close frame
}
