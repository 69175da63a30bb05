package scenecast

import (
	"maps"
	"net/netip"

	"scenecast/audience"
	"scenecast/label"
	"scenecast/scenes"
	"scenecast/series"
)

// Query asks every node about an app's connections, or does something to them: at most one of the pointers is set.
// Without any, it counts.
type Query struct {
	App        string
	To         audience.Expr // which connections
	List       *List         // tell who they are
	Relabel    *Relabel      // change their labels
	Disconnect *Disconnect   // close them
	Values     *Values       // tell the values of a label
	Keys       *Keys         // tell the keys of labels
	Scenes     *Scenes       // tell how many are in each scene
	Stats      *Stats        // tell what the nodes have done lately; about no connections in particular
	Endings    *Endings      // tell how connections of a page have ended; To is not looked at
}

// List asks for connections in the order of their IDs, a part at a time: who asks again with the last one as After has all in the end.
type List struct {
	After ConnID // only those behind this one
	Limit int    // at most so many

	// From asks for those alone that come from this network, as Detail.From tells it. Zero: it does not matter from where.
	From netip.Prefix

	// Detail asks for all that is known of one connection: Reply.Detail, where exactly one matches.
	Detail bool
}

// Endings asks how connections of a page have ended that were at this node, of a page with an ID and an identity (Detail).
type Endings struct{ Page, Identity string }

// Relabel changes labels in the name of the backend: the keys are trusted from then on, and the page cannot change them.
// A connection that would be over a limit keeps its labels.
type Relabel struct{ Change label.Change }

// Disconnect closes the chosen connections, behind what is queued for them, with this ending, whose cause is CauseDisconnected.
type Disconnect struct{ Ending Ending }

// Values asks which values a key has among the chosen connections, and how many of them have each.
type Values struct{ Key string }

// Keys asks which keys the labels of the chosen connections have, and how many of them have each.
type Keys struct{}

// Scenes asks how many of the chosen connections are in each scene: each combination of values of some keys. The connections are chosen in turn
// among the pushes, and each counts with the labels that it has a moment later.
type Scenes struct {
	By    []string // the keys, at most scenes.MaxKeys
	Limit int      // how many scenes each node tells of, the largest ones
}

// Stats asks what each node has done within a while: so many steps up to one, as package series numbers them.
type Stats struct {
	All         bool // of all apps; otherwise, of the query's app
	UpTo, Steps int64
}

// NodeStats is what one node has done within the steps that Stats asks for.
type NodeStats struct {
	Node   NodeID        `json:"node"`
	Series series.Series `json:"series"`
}

// Reply is the answer to a query. Replies of shards and nodes add up.
type Reply struct {
	Tally       Tally          // how many connections match; Tally.Nodes says how many nodes have answered
	Known       int            // of so many nodes that are known
	Position    Position       // of the newest push before which the query was answered; of several nodes, the oldest of these
	ByNode      []NodeCount    // the same, by node
	Changed     int            // of Relabel: connections that have the labels now
	Connections []Connection   // of List, in the order of their IDs
	Filtered    bool           // of List with From; false: whoever answers does not know that, and has listed any
	Values      map[string]int // of Values
	Keys        map[string]int // of Keys; nil: whoever answers does not know that query
	Left        *Left          `json:",omitempty"` // what is left out of Values or Keys; nil: nothing
	More        map[string]int `json:",omitempty"` // how many more connections one of Values or Keys may have, at nodes that have left it out
	Through     ConnID         `json:",omitzero"`  // of List: the last one of a list that was cut there; zero: it was not
	Scenes      *scenes.Counts // of Scenes; nil: whoever answers does not know that query
	Stats       []NodeStats    // of Stats, in no order
	Detail      *Detail        // of List with Detail; nil also where its node does not know how to tell
	Endings     []PastEnding   // of Endings, in no order; of one node, nil: it does not know that query
}

// NodeCount says how many of one node's connections the query has chosen.
type NodeCount struct {
	Node    NodeID `json:"node"`
	Matched int    `json:"matched"`
}

// Connection is a connection of a List, with the labels that it had when the query came to it.
type Connection struct {
	ID     ConnID    `json:"id"`
	Labels label.Set `json:"labels"`
}

// Add adds another reply to this one. A list keeps its order; cutting it to the limit is the asker's.
func (r *Reply) Add(other Reply) {
	r.Tally.Add(other.Tally)
	if r.Position == (Position{}) || other.Position != (Position{}) && other.Position.Seq < r.Position.Seq {
		r.Position = other.Position
	}
	r.ByNode = append(r.ByNode, other.ByNode...)
	r.Changed += other.Changed
	r.addConnections(&other)
	switch {
	case other.Scenes == nil:
	case r.Scenes == nil:
		r.Scenes = other.Scenes
	default:
		r.Scenes.Add(other.Scenes)
	}
	r.Stats = append(r.Stats, other.Stats...)
	if r.Detail == nil {
		r.Detail = other.Detail
	}
	r.Endings = append(r.Endings, other.Endings...)
	r.Filtered = r.Filtered || other.Filtered
	r.addLeft(&other)
	r.Values = addCounts(r.Values, other.Values)
	r.Keys = addCounts(r.Keys, other.Keys)
}

// addCounts adds counts to others. Nil and nil stay nil, which is not the same as none.
func addCounts(to, counts map[string]int) map[string]int {
	if to == nil {
		return maps.Clone(counts)
	}
	for name, n := range counts {
		to[name] += n
	}
	return to
}

// mergeConnections makes one list of two, each in the order of the IDs.
func mergeConnections(a, b []Connection) []Connection {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	merged := make([]Connection, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].ID.Compare(b[0].ID) <= 0 {
			merged, a = append(merged, a[0]), a[1:]
		} else {
			merged, b = append(merged, b[0]), b[1:]
		}
	}
	return append(append(merged, a...), b...)
}
