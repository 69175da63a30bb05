package presence

import (
	"slices"
	"sync"
	"time"

	"scenecast"
)

// State is who is in which scene, over all nodes, as one of them knows it. It has no lock: its methods are called one at a time. Each
// takes the time, which must not go back.
type State struct {
	self   scenecast.NodeID
	alone  bool                   // there are no other nodes
	keys   func(app string) []Key // what the apps declare now
	scenes map[appKey]*keyScenes
	latest *keyScenes // the ones that were looked for last; nil: none
	conns  []*conn    // by index; nil: it has none

	lingering linger    // members whose record of this node is going to end
	dirty     []*member // whose record of this node the others do not know
	idle      []*member // that may have to be forgotten
	changed   []*scene  // whose watchers are to be told something
	watches   []Watch   // what single pages are to be told
	watchOf   map[watchKey]int
	entries   []Entry // … of keys that have Told
	stamped   int64   // the newest stamp
	stats     Stats
	quiet     bool // what is noted has been so before, in another process: nobody is told

	// The other nodes.
	peers    map[scenecast.NodeID]*peer // that have told of anything
	seq      uint64                     // of the last message about changes that this node has sent
	asked    bool                       // for a snapshot
	answered time.Time                  // when this node has sent one
	outbox   []Message                  // to the others
	parts    uint64                     // snapshots that have come
	digested time.Time                  // when this node has sent a digest
	events   eventBuffer                // for those who follow all scenes
	ended    map[endedKey]ended
	revived  map[scenecast.NodeID][]revived // of which the nodes are to be told
}

// isUnused reports whether no node has told of anything, so that nothing is to be told and nobody to be looked after.
func (s *State) isUnused() bool { return len(s.scenes) == 0 && len(s.peers) == 0 && s.seq == 0 }

// NewState makes the state of a node without connections. One that is alone has no messages.
func NewState(self scenecast.NodeID, alone bool, keys func(app string) []Key) *State {
	return &State{
		self:   self,
		alone:  alone,
		keys:   keys,
		scenes: make(map[appKey]*keyScenes),
		peers:  make(map[scenecast.NodeID]*peer),

		watchOf: make(map[watchKey]int),
		revived: make(map[scenecast.NodeID][]revived),
	}
}

// key is a scene's declaration; of a key that is not declared any more, the zero value.
func (s *State) key(id SceneID) Key {
	k, _ := find(s.keys(id.App), id.Key)
	return k
}

// stamp is a new stamp of this node's, above all that it has made and heard of. It leaves room for the version of an end between two stamps.
func (s *State) stamp(now time.Time) Stamp {
	s.stamped = max(now.UnixMicro(), s.stamped+2)
	return Stamp{s.stamped, s.self}
}

// maxAhead is how far stamps may be ahead of this node's clock because others are: so a node whose clock is wrong does not make all wrong.
const maxAhead = 10 * time.Second

// observe has this node's next stamps be above one of another node: a logical clock, so that what is caused by something is never stamped
// as if it was before that.
func (s *State) observe(now time.Time, at int64) {
	if at > s.stamped && at <= now.Add(maxAhead).UnixMicro() {
		s.stamped = at
	}
}

// scene is made where there is none.
func (s *State) scene(id SceneID) *scene {
	of := s.keyScenes(id.App, id.Key)
	if of == nil {
		of = &keyScenes{of: appKey{id.App, id.Key}, scenes: make(map[string]*scene)}
		s.scenes[of.of], s.latest = of, of
	}
	sc := of.scenes[id.Value]
	if sc == nil {
		sc = &scene{id: id, of: of, told: s.key(id).Told}
		sc.all.scene, sc.all.records = sc, sc.all.record[:0]
		of.scenes[id.Value] = sc
	}
	return sc
}

// find is a scene; nil: there is none.
func (s *State) find(id SceneID) *scene {
	if of := s.keyScenes(id.App, id.Key); of != nil {
		return of.scenes[id.Value]
	}
	return nil
}

// keyScenes are the scenes of a key; nil: there are none.
func (s *State) keyScenes(app, key string) *keyScenes {
	if s.latest != nil && s.latest.of == (appKey{app, key}) {
		return s.latest
	}
	of := s.scenes[appKey{app, key}]
	if of != nil {
		s.latest = of
	}
	return of
}

// member is made where there is none. Without a user it is the scene itself.
func (s *State) member(sc *scene, user string) *member {
	if user == "" {
		return &sc.all
	}
	m, hash := sc.users.find(user)
	if m == nil {
		m = members.Get().(*member)
		m.scene, m.user = sc, user
		m.records, m.places = m.record[:0], m.place[:0]
		sc.users.add(m, hash)
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
		m.leaves = s.lingering.push(now, s.key(m.scene.id).Linger, m)
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
		if last := m.places[n-1]; (!s.quiet || r.shown == 0) && (r.shown != last.shown || !r.shows.Equal(last.shows)) {
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
	} else {
		m.version = max(m.version, at.At)
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
		s.markIdle(m)
		return
	}
	since, newest, connections := m.records[0].since, &m.records[0], m.records[0].connections
	m.version = max(m.version, since.At)
	for i := 1; i < len(m.records); i++ {
		r := &m.records[i]
		m.version = max(m.version, r.since.At)
		if r.since.Compare(since) < 0 {
			since = r.since
		}
		if r.shown > newest.shown || r.shown == newest.shown && r.node > newest.node {
			newest = r
		}
		connections += r.connections
	}
	if i := m.of(s.self); i >= 0 && m.records[i].since != since && !s.isEnded(m, since) {
		m.records[i].since = since // so that it is known also when the older record ends
		s.markDirty(m)
	}
	updated := m.present && !m.shows.Equal(newest.shows)
	m.since, m.shows = since, newest.shows
	if m.present && since.Compare(m.session) < 0 {
		s.events.goesOn(m, since)
	}
	if !m.present || m.pending > 0 && since.Compare(m.session) < 0 { // once it was told, it goes on as it was told
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
		s.noteOccupied(sc, present)
	} else if present {
		sc.link(m)
		s.stats.Members++
		s.note(m, scenecast.PresenceJoined)
	} else {
		s.note(m, scenecast.PresenceLeft)
		sc.unlink(m)
		s.stats.Members--
	}
	if !s.quiet {
		s.noteEvent(now, m, present)
	}
	if present {
		m.orphan = false
	}
}

// setOccupied counts a scene in which anybody is, or nobody any more.
func (s *State) setOccupied(sc *scene, occupied bool) {
	if occupied {
		s.stats.Scenes++
		sc.of.occupied++
	} else {
		s.stats.Scenes--
		sc.of.occupied--
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
	due := s.lingering.due()
	for _, p := range s.peers {
		if at := p.due(); !at.IsZero() && (due.IsZero() || at.Before(due)) {
			due = at
		}
	}
	return due
}

// members are such as are not in use. The collector may take them.
var members = sync.Pool{New: func() any { return new(member) }}

// markIdle has sweep look whether a member is to be forgotten.
func (s *State) markIdle(m *member) {
	if !m.idle {
		m.idle = true
		s.idle = append(s.idle, m)
	}
}

// sweep forgets members and scenes in which nothing is left. Of a member that is forgotten nobody else knows any more, but for linger.
func (s *State) sweep() {
	idle := s.idle[:0]
	for _, m := range s.idle {
		sc := m.scene
		if !m.present && (m.dirty || m.pending > 0) {
			idle = append(idle, m)
			continue
		}
		m.idle = false
		if m.present {
			continue
		}
		if !m.isScene() {
			sc.users.remove(m)
			*m = member{}
			members.Put(m)
		}
		s.forgetScene(sc)
	}
	clear(s.idle[len(idle):])
	s.idle = idle
}

func (s *State) forgetScene(sc *scene) {
	if sc.users.len() > 0 || sc.all.present || sc.all.dirty || sc.all.pending > 0 || sc.watchers > 0 || sc.queued || sc.of.scenes[sc.id.Value] != sc {
		return
	}
	delete(sc.of.scenes, sc.id.Value)
	if len(sc.of.scenes) == 0 && s.scenes[sc.of.of] == sc.of {
		delete(s.scenes, sc.of.of)
		s.latest = nil
	}
}
