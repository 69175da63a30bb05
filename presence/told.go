package presence

import (
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/hub"
	"scenecast/label"
)

// Told is how the scenes of a key are told of that are a wire's own: its label values say more than a scene, and those who are told are
// not pages that watch. The functions may be called concurrently, but for those that have a connection: they are called on its owner's
// goroutine. It is not changed.
type Told struct {
	// Read reads a value of the key. Without a user it is an anonymous connection in the scene.
	Read func(value string) (scene, user string, shows label.Set)
	// Audience is the connections that are told of a scene.
	Audience func(scene string) (audience.Expr, error)

	Members  bool // they are told who joins and leaves
	Occupied bool // … when the scene comes to be occupied, and when it is vacated
	// Counts is how long after a count of connections without a user the next one may be told. Nil: they are told none.
	Counts func(connections int) time.Duration

	// Entered is called for each connection that is in a scene since a moment ago, with who is there. Nil: nothing is to be done.
	Entered func(c hub.Watcher, scene string, snapshot *hub.Notice)
	// Full is called in its place for a connection that would be one member too many (Key.MaxMembers). Its label is there until it is taken away.
	Full func(c hub.Watcher, scene string)

	// Follows is a label whose values are scenes: a connection is told by Statuses which of them are occupied and which are not, when it has
	// come to have them. Empty: there is none.
	Follows  string
	Statuses func(c hub.Watcher, occupied, vacant []string)
}

// members reports whether who joins and leaves is told.
func (t *Told) members() bool { return t != nil && t.Members }

// counts reports whether counts are told.
func (t *Told) counts() bool { return t != nil && t.Counts != nil }

// placing is where a label value puts a connection.
type placing struct {
	id    SceneID
	user  string
	shows label.Set
}

// read says where a value of the key puts a connection, of a user, that shows something.
func (k *Key) read(app, value, user string, shows label.Set) placing {
	if k.Told == nil {
		return placing{SceneID{app, k.Name, value}, user, shows}
	}
	p := placing{id: SceneID{App: app, Key: k.Name}}
	p.id.Value, p.user, p.shows = k.Told.Read(value)
	return p
}

// Entry is something that a single connection is to be told of a key that has Told.
type Entry struct {
	To    hub.Address
	Told  *Told
	Scene SceneID // that it has entered, or that is full
	Full  bool

	Occupied, Vacant []string // of the scenes that it follows
}

// isFull reports whether a user would be one too many.
func (s *State) isFull(k *Key, sc *scene, user string) bool {
	if k.Told == nil || k.Told.Full == nil || k.MaxMembers == 0 || user == "" || sc.count < k.MaxMembers {
		return false
	}
	m, _ := sc.users.find(user)
	return m == nil || !m.present
}

// follow notes which scenes a connection follows, and what it is to be told of that.
func (s *State) follow(c Conn, own *conn) {
	for i := range c.Keys {
		k := &c.Keys[i]
		if k.Told == nil || k.Told.Follows == "" {
			continue
		}
		before := own.follows
		own.follows = c.Labels.Of(k.Told.Follows)
		if own.follows.Equal(before) {
			continue
		}
		e := Entry{To: c.Address, Told: k.Told}
		for l := range own.follows.All() {
			if before.Contains(l.Key, l.Value) {
				continue
			}
			if sc := s.find(SceneID{c.App, k.Name, l.Value}); sc != nil && sc.all.present {
				e.Occupied = append(e.Occupied, l.Value)
			} else {
				e.Vacant = append(e.Vacant, l.Value)
			}
		}
		if len(e.Occupied)+len(e.Vacant) > 0 && !s.quiet {
			s.entries = append(s.entries, e)
		}
	}
}

// TakeEntries are what single connections are to be told. It is called behind TakeNotices.
func (s *State) TakeEntries() []Entry {
	entries := s.entries
	s.entries = nil
	return entries
}

// tellEntries tells them. Connections that enter one scene share its snapshot.
func (s *Service) tellEntries(entries []Entry) {
	snapshots := make(map[SceneID]*hub.Notice)
	for _, e := range entries {
		var snapshot *hub.Notice
		if e.Scene != (SceneID{}) && !e.Full {
			if snapshot = snapshots[e.Scene]; snapshot == nil {
				n := s.state.Snapshot(e.Scene)
				snapshot = newNotice(&n.PresenceNotice)
				snapshots[e.Scene] = snapshot
			}
		}
		e.To.Do(func(c hub.Watcher) { e.tell(c, snapshot) })
	}
}

func (e *Entry) tell(c hub.Watcher, snapshot *hub.Notice) {
	switch {
	case e.Scene == SceneID{}:
		e.Told.Statuses(c, e.Occupied, e.Vacant)
	case e.Full:
		e.Told.Full(c, e.Scene.Value)
	default:
		e.Told.Entered(c, e.Scene.Value, snapshot)
	}
}

// noteOccupied notes that a scene has come to be occupied, or is vacated.
func (s *State) noteOccupied(sc *scene, occupied bool) {
	if s.quiet || sc.told == nil || !sc.told.Occupied {
		return
	}
	kind := scenecast.PresenceVacated
	if occupied {
		kind = scenecast.PresenceOccupied
	}
	sc.news = append(sc.news, news{kind: kind})
	s.queueScene(sc)
}
