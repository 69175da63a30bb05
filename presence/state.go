package presence

import (
	"maps"
	"slices"
	"time"

	"scenecast"
	"scenecast/label"
)

// State is who is in which scene, over all nodes, as one of them knows it. It has no lock: its methods are called one at a time. Each
// takes the time, which must not go back.
type State struct {
	self   scenecast.NodeID
	alone  bool                   // there are no other nodes
	keys   func(app string) []Key // what the apps declare now
	scenes map[SceneID]*scene
	conns  map[scenecast.ConnID]*conn
	values map[appKey]map[string]*scene // of each key, those scenes in which anybody is

	lingering linger    // members whose record of this node is going to end
	dirty     []*member // whose record of this node the others do not know
	idle      []*member // that may have to be forgotten
	changed   []*scene  // whose watchers are to be told something
	watches   []Watch   // what single pages are to be told
	watchOf   map[watchKey]int
	stamped   int64 // the newest stamp
	stats     Stats

	// The other nodes.
	peers    map[scenecast.NodeID]*peer
	seq      uint64      // of the last message about changes that this node has sent
	asked    bool        // for a snapshot
	answered time.Time   // when this node has sent one
	outbox   []Message   // to the others
	parts    uint64      // snapshots that have come
	digested time.Time   // when this node has sent a digest
	events   eventBuffer // for those who follow all scenes
	ended    map[endedKey]ended
	revived  map[scenecast.NodeID][]*member // whose presences have ended, and their nodes are to be told
}

// isEmpty reports whether nobody is in any scene, on any node.
func (s *State) isEmpty() bool { return len(s.scenes) == 0 }

type appKey struct{ app, key string }

// NewState makes the state of a node without connections. One that is alone has no messages.
func NewState(self scenecast.NodeID, alone bool, keys func(app string) []Key) *State {
	return &State{
		self:   self,
		alone:  alone,
		keys:   keys,
		scenes: make(map[SceneID]*scene),
		conns:  make(map[scenecast.ConnID]*conn),
		values: make(map[appKey]map[string]*scene),
		peers:  make(map[scenecast.NodeID]*peer),

		watchOf: make(map[watchKey]int),
		revived: make(map[scenecast.NodeID][]*member),
	}
}

// key is a scene's declaration; of a key that is not declared any more, the zero value.
func (s *State) key(id SceneID) Key {
	k, _ := find(s.keys(id.App), id.Key)
	return k
}

// stamp is a new stamp of this node's.
func (s *State) stamp(now time.Time) Stamp {
	s.stamped = max(now.UnixMicro(), s.stamped+1)
	return Stamp{s.stamped, s.self}
}

// scene is made where there is none.
func (s *State) scene(id SceneID) *scene {
	sc := s.scenes[id]
	if sc == nil {
		sc = &scene{id: id, members: make(map[string]*member)}
		sc.all.scene = sc
		s.scenes[id] = sc
	}
	return sc
}

// member is made where there is none. Without a user it is the scene itself.
func (s *State) member(sc *scene, user string) *member {
	if user == "" {
		return &sc.all
	}
	m := sc.members[user]
	if m == nil {
		m = &member{scene: sc, user: user}
		sc.members[user] = m
	}
	return m
}

// updateOwn gives a member the record that follows from this node's connections.
func (s *State) updateOwn(now time.Time, m *member) {
	here, connections := len(m.places) > 0, len(m.places)
	if m.isScene() {
		here, connections = m.scene.local > 0, m.scene.localAnonymous
	}
	i := m.of(s.self)
	switch {
	case here && i < 0:
		r := record{node: s.self, since: m.since}
		if !m.present {
			r.since = s.stamp(now)
		}
		m.records, i = append(m.records, r), len(m.records)
		s.markDirty(m)
	case !here && i < 0:
		return
	case !here && m.leaves.IsZero():
		m.leaves = now.Add(s.key(m.scene.id).Linger)
		s.lingering.push(m.leaves, m)
	}
	if here {
		m.leaves = time.Time{}
	}
	r := &m.records[i]
	if r.connections != connections {
		r.connections = connections
		s.markDirty(m)
	}
	if n := len(m.places); n > 0 {
		if last := m.places[n-1]; r.shown != last.shown || !r.shows.Equal(last.shows) {
			r.shows, r.shown = last.shows, last.shown
			s.markDirty(m)
		}
	}
	s.refresh(now, m)
}

// removeOwn ends a record of this node.
func (s *State) removeOwn(now time.Time, m *member) {
	at := s.stamp(now)
	m.leaves, m.left = time.Time{}, at.At
	s.markDirty(m)
	s.remove(now, m, s.self, at)
}

// remove takes away a node's record. The stamp says when and by which node it was removed; zero: the node is gone.
func (s *State) remove(now time.Time, m *member, node scenecast.NodeID, at Stamp) {
	i := m.of(node)
	if i < 0 {
		return
	}
	m.records = slices.Delete(m.records, i, i+1)
	if p := s.peers[node]; p != nil {
		delete(p.members, m)
	}
	if at == (Stamp{}) {
		m.orphan = true
	} else if at.Compare(m.removed) > 0 {
		m.removed = at
	}
	s.refresh(now, m)
}

// refresh finds what follows from the records of a member, and notes what has changed by it.
func (s *State) refresh(now time.Time, m *member) {
	if len(m.records) == 0 {
		if m.isScene() && m.scene.anonymous != 0 {
			m.scene.anonymous = 0
			s.noteCount(m.scene)
		}
		if m.present {
			s.setPresent(now, m, false)
		}
		s.idle = append(s.idle, m)
		return
	}
	since, newest, connections := m.records[0].since, &m.records[0], m.records[0].connections
	for i := 1; i < len(m.records); i++ {
		r := &m.records[i]
		if r.since.Compare(since) < 0 {
			since = r.since
		}
		if r.shown > newest.shown || r.shown == newest.shown && r.node > newest.node {
			newest = r
		}
		connections += r.connections
	}
	if i := m.of(s.self); i >= 0 && m.records[i].since != since {
		m.records[i].since = since // so that it is known also when the older record ends
		s.markDirty(m)
	}
	updated := m.present && !m.shows.Equal(newest.shows)
	m.since, m.shows = since, newest.shows
	if !m.present || since.Compare(m.session) < 0 {
		m.session = since
	}
	if m.isScene() && m.scene.anonymous != connections {
		m.scene.anonymous = connections
		s.noteCount(m.scene)
	}
	switch {
	case !m.present:
		s.setPresent(now, m, true)
	case updated:
		s.note(m, scenecast.PresenceUpdated)
	}
}

// setPresent has a member join or leave.
func (s *State) setPresent(now time.Time, m *member, present bool) {
	sc := m.scene
	m.present = present
	if m.isScene() {
		s.setOccupied(sc, present)
	} else if present {
		sc.link(m)
		s.stats.Members++
		s.note(m, scenecast.PresenceJoined)
	} else {
		s.note(m, scenecast.PresenceLeft)
		sc.unlink(m)
		s.stats.Members--
	}
	s.events.add(now, m, present)
	if present {
		m.removed, m.orphan = Stamp{}, false
	}
}

// setOccupied keeps the list of a key's values.
func (s *State) setOccupied(sc *scene, occupied bool) {
	of := appKey{sc.id.App, sc.id.Key}
	if occupied {
		s.stats.Scenes++
		if s.values[of] == nil {
			s.values[of] = make(map[string]*scene)
		}
		s.values[of][sc.id.Value] = sc
		return
	}
	s.stats.Scenes--
	delete(s.values[of], sc.id.Value)
	if len(s.values[of]) == 0 {
		delete(s.values, of)
	}
}

// markDirty has the others be told of this node's record.
func (s *State) markDirty(m *member) {
	if !m.dirty && !s.alone {
		m.dirty = true
		s.dirty = append(s.dirty, m)
	}
}

// Expire does what has come to be due: members whose linger is over leave.
func (s *State) Expire(now time.Time) {
	for {
		m, at, ok := s.lingering.pop(now)
		if !ok {
			break
		}
		if m.leaves.Equal(at) && m.of(s.self) >= 0 {
			s.removeOwn(now, m)
		}
	}
	s.expirePeers(now)
	s.sweep()
}

// Due is when Expire has something to do; zero: never.
func (s *State) Due() time.Time {
	due := s.lingering.next()
	for _, p := range s.peers {
		if at := p.due(); !at.IsZero() && (due.IsZero() || at.Before(due)) {
			due = at
		}
	}
	return due
}

// sweep forgets members and scenes in which nothing is left.
func (s *State) sweep() {
	idle := s.idle[:0]
	for _, m := range s.idle {
		switch sc := m.scene; {
		case m.present:
		case m.dirty || m.pending > 0:
			idle = append(idle, m)
		case !m.isScene() && sc.members[m.user] == m:
			delete(sc.members, m.user)
			s.forgetScene(sc)
		default:
			s.forgetScene(sc)
		}
	}
	clear(s.idle[len(idle):])
	s.idle = idle
}

func (s *State) forgetScene(sc *scene) {
	if len(sc.members) == 0 && !sc.all.present && !sc.all.dirty && sc.all.pending == 0 && sc.watchers == 0 && !sc.queued && s.scenes[sc.id] == sc {
		delete(s.scenes, sc.id)
	}
}

// Member is a member as a query tells of it.
type Member struct {
	User        string
	Shows       label.Set
	Connections int
	Since       time.Time
}

// Scene is a scene as a query tells of it.
type Scene struct {
	Value       string
	Members     int
	Anonymous   int // connections without a user
	Connections int // all of them
}

// Members are those of a scene by the name of the user, behind one, at most limit; and the scene.
func (s *State) Members(id SceneID, after string, limit int) ([]Member, Scene) {
	sc := s.scenes[id]
	if sc == nil {
		return nil, Scene{Value: id.Value}
	}
	users := make([]string, 0, sc.count)
	for m := sc.first; m != nil; m = m.next {
		if m.user > after {
			users = append(users, m.user)
		}
	}
	slices.Sort(users)
	users = users[:min(limit, len(users))]
	members := make([]Member, len(users))
	for i, user := range users {
		m := sc.members[user]
		members[i] = Member{user, m.shows, m.connections(), m.since.Time()}
	}
	return members, sc.tell()
}

// Values are the scenes of a key in which anybody is, by value, behind one, at most limit; and how many there are.
func (s *State) Values(app, key, after string, limit int) ([]Scene, int) {
	all := s.values[appKey{app, key}]
	behind := slices.Sorted(func(yield func(string) bool) {
		for value := range maps.Keys(all) {
			if (after == "" || value > after) && !yield(value) { // a value may be empty
				return
			}
		}
	})
	scenes := make([]Scene, min(limit, len(behind)))
	for i := range scenes {
		scenes[i] = all[behind[i]].tell()
	}
	return scenes, len(all)
}

// Stats are figures of a state.
type Stats struct {
	Scenes   int   // in which anybody is, over all nodes
	Members  int   // of them
	Watching int   // scenes that pages of this node watch, each counted for each page
	Missed   int64 // how often this node has missed something of another one, and has asked for a snapshot
}

// Stats are the figures now.
func (s *State) Stats() Stats { return s.stats }

func (sc *scene) tell() Scene {
	t := Scene{Value: sc.id.Value, Members: sc.count, Anonymous: sc.anonymous, Connections: sc.anonymous}
	for m := sc.first; m != nil; m = m.next {
		t.Connections += m.connections()
	}
	return t
}
