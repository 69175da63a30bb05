package metrics

import (
	"time"

	"scenecast/histogram"
)

// Figures are how a server stands at one moment, and what it has counted since its start. A map has a value for each series of a metric that
// has several, by label: its keys are few, and none is a text of a stranger.
type Figures struct {
	Version string

	Connections     map[string]int // by app
	Pushes          int64
	PushTimes       map[string]histogram.Snapshot // by receipt
	Deliveries      []Deliveries
	FramesDropped   int64
	FramesCoalesced int64
	Endings         map[string]int64 // by cause
	TurnedAway      int64
	Refused         map[string]int64 // pages, by reason
	Limited         map[string]int64 // by the rate that was exceeded
	CallsRefused    map[string]int64 // by reason
	PageRequests    map[string]int64 // requests of pages that were refused, by type
	OutboxLimit     int              // bytes, of all outboxes together
	Replay          Replay
	Tokens          Tokens
	SockJS          SockJS

	Requests     []Requests
	RequestTimes map[string]histogram.Snapshot // by route

	Ready        bool
	Draining     bool
	Engine       Engine
	Registry     Registry
	Presence     Presence
	Hooks        map[string]Hook // by app and name, as in default/orders
	Feed         Feed
	ConnectHooks map[string]int64 // by outcome
	CallHooks    map[string]int64 // by outcome
	Handovers    map[string]int64 // by outcome
	StoodStill   float64          // seconds
	Spans        map[string]int64 // of sampled traces, by outcome
	AccessLost   int64            // lines of the access log

	Certificates []Certificate

	Loops []Loop // by number
	Index Index
}

// Deliveries are those to pages of one wire.
type Deliveries struct {
	Wire            string
	Queued, Dropped int64
}

// Replay is what pages get that have come back.
type Replay struct {
	CatchUps, Steps, Bytes int64
	CatchingUp             int
	Gaps                   map[string]int64 // by reason
}

// Tokens are the signed tokens of pages.
type Tokens struct {
	On            bool             // otherwise nothing of them is told
	Verifications map[string]int64 // by outcome
	Times         histogram.Snapshot
	Refreshes     map[string]int64 // of key sets, by outcome
	KeySetAge     time.Duration    // of the one that was read longest ago; 0: there is none
}

// Requests are HTTP requests to a route that were answered with a status.
type Requests struct {
	Route, Status string
	Count         int64
}

// Loop is one loop.
type Loop struct {
	Pages, OutboxBytes int
	Stalled            time.Duration      // for so long the round lasts that is under way
	Rounds             histogram.Snapshot // how long they were
	Waits              histogram.Snapshot // how long tasks waited
}

// Index is the size of the indexes of labels of all loops.
type Index struct{ Labels, Keys, Apps int }

// Presence are the figures of presence.
type Presence struct {
	Scenes, Members, Watching int
	Missed                    int64
	Changes                   map[string]int64 // by kind
}

// SockJS are the figures of sessions of pages over HTTP requests.
type SockJS struct {
	Sessions  int
	Misrouted int64
}

// Registry are the figures of the registry of connections.
type Registry struct {
	On          bool // otherwise nothing of it is told
	Up          bool
	Connections int
	Rebuilds    int64
}

// Certificate is one by which the server shows who it is. Setting and Name together tell it from others.
type Certificate struct {
	Setting             string    // by which it is there
	Name                string    // of its file, or the domain that it is obtained for
	NotBefore, NotAfter time.Time // zero: it has not been obtained yet
}

// Hook are the figures of a hook that is told of events.
type Hook struct {
	Queued                  int
	Oldest                  time.Duration // how long the event has waited that waits longest
	Delivered, Dropped      int64
	CallsTaken, CallsFailed int64
}

// Feed are the figures of GET /v1/feed.
type Feed struct {
	Streams int
	Cut     int64
}

// Engine are an engine's figures.
type Engine struct {
	Healthy          bool
	Nodes, LateNodes int

	// Shared says that nodes share a log; otherwise what follows is not told.
	Shared                             bool
	LagRecords                         uint64
	LagSeconds                         float64
	Leads                              bool
	Replicas, InSync                   int
	Appended, AppendedAgain, ReadOn    int64 // records
	PushesUnavailable, PushesUncertain int64
	TalliesLate                        int64
}
