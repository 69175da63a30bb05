package presence

import (
	"cmp"
	"slices"
	"time"

	"scenecast"
	"scenecast/label"
)

// SceneID names a scene: a value of a declared key, in an app.
type SceneID struct{ App, Key, Value string }

// keyScenes are the scenes of one key of an app.
type keyScenes struct {
	of       appKey
	scenes   map[string]*scene // by value; also such as are not occupied any more and not yet swept
	occupied int               // how many are
}

type appKey struct{ app, key string }

// scene is who is in one scene, over all nodes.
type scene struct {
	id   SceneID
	of   *keyScenes
	told *Told // as its key was declared when it was made; nil: pages that watch are told

	// all is the scene itself, as a member without a name: it is present while any connection is in the scene. The connections of its
	// records are those without a user.
	all       member
	users     users
	first     *member // those that are present are linked in the order in which they came
	last      *member
	count     int // of these
	anonymous int // connections without a user

	local          int // connections of this node
	localAnonymous int // … of these, the ones without a user

	// For the pages of this node that watch the scene.
	watchers int
	large    bool      // they are told counts
	news     []news    // what they are to be told
	counted  time.Time // when they were told a count
	queued   bool      // among State.changed
	owed     bool      // a count has changed and was not told
}

// member is a user in a scene.
type member struct {
	scene      *scene
	user       string
	records    []record // of each node that has one
	places     []*place // of this node's connections; what the last one shows is shown
	next, prev *member

	shows   label.Set // of all nodes' records, the newest
	since   Stamp     // … the oldest
	session Stamp     // the oldest since it has come to be present
	leaves  time.Time // when this node's record ends, because there is no connection; zero: there is one
	left    int64     // when this node's record was removed
	version int64     // of its last event, or the newest stamp that one follows from

	present bool
	idle    bool  // it is in State.idle
	told    bool  // the others have this node's record
	dirty   bool  // … or what they have is old; it is in State.dirty
	orphan  bool  // a record has been removed because its node is gone
	pending int32 // events of it that are not told yet

	// Room for the first record and the first place: most members have one page.
	record [1]record
	place  [1]*place
}

// isScene reports whether the member is the scene itself.
func (m *member) isScene() bool { return m == &m.scene.all }

// record is what one node knows of a member by its own connections.
type record struct {
	node        scenecast.NodeID
	connections int // 0: it lingers
	shows       label.Set
	shown       int64 // when that was set, in µs by the node's clock
	since       Stamp
	part        uint64 // the snapshot that the record was in last
}

// Stamp is a moment by a node's clock. No two stamps are the same: a node never makes two of the same time.
type Stamp struct {
	At   int64 // µs since 1970
	Node scenecast.NodeID
}

// Compare orders stamps.
func (s Stamp) Compare(other Stamp) int {
	return cmp.Or(cmp.Compare(s.At, other.At), cmp.Compare(s.Node, other.Node))
}

// Time is the stamp's moment.
func (s Stamp) Time() time.Time { return time.UnixMicro(s.At).UTC() }

// of is the index of a node's record; -1: it has none.
func (m *member) of(node scenecast.NodeID) int {
	return slices.IndexFunc(m.records, func(r record) bool { return r.node == node })
}

// oldest is when the oldest record begins; there is one.
func (m *member) oldest() Stamp {
	return slices.MinFunc(m.records, func(a, b record) int { return a.since.Compare(b.since) }).since
}

// connections are those of all nodes.
func (m *member) connections() (n int) {
	for _, r := range m.records {
		n += r.connections
	}
	return n
}

// link puts a member behind those that are present.
func (sc *scene) link(m *member) {
	sc.count++
	if m.prev = sc.last; m.prev == nil {
		sc.first = m
	} else {
		m.prev.next = m
	}
	sc.last = m
}

func (sc *scene) unlink(m *member) {
	sc.count--
	if m.prev == nil {
		sc.first = m.next
	} else {
		m.prev.next = m.next
	}
	if m.next == nil {
		sc.last = m.prev
	} else {
		m.next.prev = m.prev
	}
	m.prev, m.next = nil, nil
}
