package presence

import (
	"scenecast"
	"scenecast/label"
)

// Message is what nodes tell each other, as JSON: nodes of different versions must understand it. One of the pointers is set; one that is not
// known is another version's.
type Message struct {
	From     scenecast.NodeID `json:"from"`
	Changes  *Changes         `json:"changes,omitempty"`
	Snapshot *SnapshotPart    `json:"snapshot,omitempty"`
	Digest   *Digest          `json:"digest,omitempty"`
	Want     *Want            `json:"want,omitempty"`
	Ended    *Ended           `json:"ended,omitempty"`
}

// Changes are records of the sender that have changed.
type Changes struct {
	Seq    uint64         `json:"seq"` // counts the sender's Changes from 1
	Scenes []SceneRecords `json:"scenes"`
}

// SnapshotPart is a part of all records of the sender. The parts are sent one behind the other, with nothing between them.
type SnapshotPart struct {
	Seq    uint64         `json:"seq"`  // of the Changes that the records stand behind
	Part   int            `json:"part"` // counts from 0
	Last   bool           `json:"last,omitempty"`
	Scenes []SceneRecords `json:"scenes"`
}

// Digest says how far a node that has all messages of the sender has come.
type Digest struct {
	Seq     uint64 `json:"seq"`
	Stamped int64  `json:"stamped,omitempty"` // the sender's newest stamp, in µs
}

// Want asks a node for a snapshot.
type Want struct {
	Node scenecast.NodeID `json:"node"`
}

// SceneRecords are records of one scene.
type SceneRecords struct {
	App     string   `json:"app"`
	Key     string   `json:"key"`
	Value   string   `json:"value"`
	Records []Record `json:"records"`
}

func (r SceneRecords) id() SceneID { return SceneID{r.App, r.Key, r.Value} }

// Record is what the sender knows of a member by its own connections, or, without a user, of the scene itself.
type Record struct {
	User        string           `json:"user,omitempty"`
	Connections int              `json:"n,omitempty"` // of the scene itself, those without a user
	Shows       *label.Set       `json:"shows,omitempty"`
	Shown       int64            `json:"shown,omitempty"` // when, in µs
	Since       int64            `json:"since,omitempty"` // in µs
	First       scenecast.NodeID `json:"first,omitempty"` // the node by whose clock that is; none: the sender
	Removed     int64            `json:"removed,omitempty"`
}

// record is what is told of a record of this node's.
func (r *record) tell(user string) Record {
	told := Record{User: user, Connections: r.connections, Shown: r.shown, Since: r.since.At}
	if r.shows.Len() > 0 {
		shows := r.shows // the record changes
		told.Shows = &shows
	}
	if r.since.Node != r.node {
		told.First = r.since.Node
	}
	return told
}

// of is the record of the sender's, of which this was told.
func (r Record) of(sender scenecast.NodeID) record {
	own := record{node: sender, connections: r.Connections, shown: r.Shown, since: Stamp{r.Since, sender}}
	if r.Shows != nil {
		own.shows = *r.Shows
	}
	if r.First != 0 {
		own.since.Node = r.First
	}
	return own
}

// maxMessage is about how many bytes of records a message has at most; one record may be longer. All backends carry it.
const maxMessage = 64 << 10

// size is about how many bytes a record has in a message.
func (r Record) size() int {
	n := 80 + len(r.User)
	if r.Shows != nil {
		for l := range r.Shows.All() {
			n += 8 + len(l.Key) + len(l.Value)
		}
	}
	return n
}

// packer puts records into messages.
type packer struct {
	scenes []SceneRecords
	last   *scene
	bytes  int
	full   func(scenes []SceneRecords)
}

func (p *packer) add(sc *scene, r Record) {
	size := r.size()
	if sc != p.last {
		size += 40 + len(sc.id.App) + len(sc.id.Key) + len(sc.id.Value)
	}
	if p.bytes > 0 && p.bytes+size > maxMessage {
		p.flush()
	}
	if sc != p.last {
		p.scenes = append(p.scenes, SceneRecords{App: sc.id.App, Key: sc.id.Key, Value: sc.id.Value})
		p.last = sc
	}
	in := &p.scenes[len(p.scenes)-1]
	in.Records = append(in.Records, r)
	p.bytes += size
}

func (p *packer) flush() {
	if len(p.scenes) > 0 {
		p.full(p.scenes)
	}
	p.scenes, p.last, p.bytes = nil, nil, 0
}
