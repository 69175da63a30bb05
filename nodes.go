package scenecast

import (
	"time"

	"scenecast/language"
)

// NodeLister is an engine that knows which nodes there are.
type NodeLister interface {
	// Nodes may be called concurrently, from the moment that Start has returned.
	Nodes() Nodes
}

// Nodes is what one node knows of all nodes of its cluster, itself among them.
type Nodes struct {
	Log   LogInfo    // of an engine whose log its nodes share; otherwise zero
	Nodes []NodeInfo // the one that tells this first, the others by name
	Gone  []GoneNode // that have fallen silent, the one that was heard of last first
}

// GoneNode is a node that has fallen silent, within the last day, so that it is none of the cluster's any more. It has not told that it stops, and no
// node of its name has come since.
type GoneNode struct {
	ID      NodeID
	Name    string    // may be empty
	Version string    // may be empty
	Heard   time.Time // the last time
}

// LogInfo is who leads the log that nodes share, and how many copies of it there are.
type LogInfo struct {
	Leader   string // which server leads it; empty: none that is known
	Leads    bool   // the one in this process does
	Replicas int    // how many copies there are to be
	InSync   int    // of these, the ones that have everything, the leader's among them
}

// NodeInfo is what is known of a node. What it has told itself is about a second old.
type NodeInfo struct {
	ID          NodeID
	Name        string           // the same over restarts; may be empty
	Version     string           // may be empty
	Self        bool             // it is the one that tells this
	Late        bool             // it has not answered in time, so nobody waits for it
	Since       time.Time        // when it has come to be so: known, or late
	Started     time.Time        // by its own clock
	Connections int              // as it has last told
	Newest      Position         // how far it has read the log, as it has last told
	Lag         Lag              // as it has last told
	Problem     language.Message // why it is not ready, as it has last told; zero: it is
	Condition   Condition        // as it has last told; the zero value: it runs a version that does not tell
}

// Condition is how a node is, as it tells others, as JSON: they may run another version.
type Condition struct {
	Engine        string        `json:"engine"`                  // memory, nats or redis
	LoopLag       time.Duration `json:"loop_lag,omitempty"`      // ns: the longest time, within the last minute, for which a loop was blocked
	Draining      string        `json:"draining,omitempty"`      // how far its drain has come; empty: there is none
	DrainingSince time.Time     `json:"draining_since,omitzero"` // when its readiness went off, by its own clock; zero: it does not tell, or there is no drain
	Problems      []string      `json:"problems,omitempty"`      // what is wrong, or soon will be, in English

	// Texts are the problems for nodes that tell them in other languages; of a node of an older version there are none.
	Texts []language.Message `json:"texts,omitempty"`
}

// ProblemsIn are the problems in a language, as far as the node's version and this one have it; otherwise in English.
func (c Condition) ProblemsIn(tag language.Tag) []string {
	if tag == language.English || len(c.Texts) != len(c.Problems) {
		return c.Problems
	}
	problems := make([]string, len(c.Texts))
	for i, text := range c.Texts {
		problems[i] = text.In(tag)
	}
	return problems
}

// IsZero reports whether nothing is told.
func (c Condition) IsZero() bool { return c.Engine == "" }

// Lag is how far a node is behind the log. The zero value is a node that has read all of it.
type Lag struct {
	Records uint64        `json:"records"` // that are in the log and it has not read
	Time    time.Duration `json:"time"`    // in ns: for so long it has been behind
}
