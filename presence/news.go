package presence

import (
	"time"

	"scenecast"
)

// What the pages of this node that watch a scene are told is collected here, and taken by TakeNotices after each batch of changes. Behind
// that, pages that have begun to watch get their snapshots, by TakeWatches: so a snapshot has all that was told before it, and nothing
// that is told behind it.

// news is something that the watchers of a scene are to be told.
type news struct {
	kind   scenecast.PresenceKind
	member scenecast.PresenceMember
}

const (
	defaultMaxMembers = 1000
	firstPage         = 100                    // members in a snapshot of a large scene
	countEvery        = 250 * time.Millisecond // how often a scene's count is told at most
)

func (s *State) maxMembers(sc *scene) int {
	if k := s.key(sc.id); k.Name != "" {
		return k.MaxMembers
	}
	return defaultMaxMembers
}

// note notes that a member has joined, left, or shows other labels.
func (s *State) note(m *member, kind scenecast.PresenceKind) {
	sc := m.scene
	if s.quiet || sc.watchers == 0 && (sc.local == 0 || !sc.told.members()) {
		return
	}
	s.queueScene(sc)
	if sc.large {
		sc.owed = sc.owed || kind != scenecast.PresenceUpdated
		return
	}
	told := m.tell()
	if kind == scenecast.PresenceLeft {
		told = scenecast.PresenceMember{User: m.user}
	}
	sc.news = append(sc.news, news{kind, told})
}

// noteCount notes that the number of connections without a user has changed.
func (s *State) noteCount(sc *scene) {
	if !s.quiet && (sc.watchers > 0 || sc.local > 0 && sc.told.counts()) {
		sc.owed = true
		s.queueScene(sc)
	}
}

func (s *State) queueScene(sc *scene) {
	if !sc.queued {
		sc.queued = true
		s.changed = append(s.changed, sc)
	}
}

func (m *member) tell() scenecast.PresenceMember {
	return scenecast.PresenceMember{User: m.user, Labels: m.shows, Since: m.since.Time()}
}

// Notice is what all pages of this node that watch a scene are to be told.
type Notice struct {
	Scene SceneID
	scenecast.PresenceNotice
	First bool // of a count: no node before this one has connections in the scene, so this one tells what is told once in the cluster
}

// TakeNotices gives tell what is to be told, scene by scene, in order. What was told a moment ago waits: it returns when it is called again;
// zero: when something has changed.
func (s *State) TakeNotices(now time.Time, tell func(Notice)) (again time.Time) {
	changed := s.changed
	s.changed = nil
	for _, sc := range changed {
		sc.queued = false
		if sc.told != nil || sc.watchers == 0 {
			s.markIdle(&sc.all)
		}
		if sc.told == nil && sc.watchers == 0 {
			continue
		}
		s.tellScene(sc, tell)
		if !sc.owed {
			continue
		}
		if due := sc.counted.Add(sc.countEvery()); due.After(now) {
			if s.queueScene(sc); again.IsZero() || due.Before(again) {
				again = due
			}
			continue
		}
		sc.counted, sc.owed = now, false
		n := sc.notice(scenecast.PresenceCount)
		n.Count, n.Anonymous, n.First = sc.count, sc.anonymous, sc.all.firstConnected() == s.self
		tell(n)
	}
	return again
}

// firstConnected is the lowest node that has connections of the member; 0: none has.
func (m *member) firstConnected() (first scenecast.NodeID) {
	for i := range m.records {
		if r := &m.records[i]; r.connections > 0 && (first == 0 || r.node < first) {
			first = r.node
		}
	}
	return first
}

// countEvery is how long after a count the next one may be told.
func (sc *scene) countEvery() time.Duration {
	if sc.told.counts() {
		return sc.told.Counts(sc.anonymous)
	}
	return countEvery
}

func (sc *scene) notice(kind scenecast.PresenceKind) Notice {
	return Notice{Scene: sc.id, PresenceNotice: scenecast.PresenceNotice{Kind: kind, Key: sc.id.Key, Value: sc.id.Value}}
}

// tellScene tells what is not a count. A scene that has come to be large, or is not any more, begins anew with a snapshot. It is large
// until it has clearly fewer members, so that one who comes and goes does not cause a snapshot each time.
func (s *State) tellScene(sc *scene, tell func(Notice)) {
	most := s.maxMembers(sc)
	if large := sc.count > most || sc.large && sc.count > most-most/10; large != sc.large && sc.told == nil {
		sc.large, sc.news, sc.owed = large, nil, false
		tell(s.snapshot(sc))
		return
	}
	for i := 0; i < len(sc.news); {
		n := sc.notice(sc.news[i].kind)
		for ; i < len(sc.news) && sc.news[i].kind == n.Kind; i++ {
			if sc.news[i].member.User != "" {
				n.Members = append(n.Members, sc.news[i].member)
			}
		}
		tell(n)
	}
	sc.news = nil
}

// snapshot is a scene as it is now.
func (s *State) snapshot(sc *scene) Notice {
	n := sc.notice(scenecast.PresenceSnapshot)
	n.Count, n.Anonymous, n.Partial = sc.count, sc.anonymous, sc.large
	listed := sc.count
	if sc.large {
		listed = min(listed, firstPage)
	}
	n.Members = make([]scenecast.PresenceMember, 0, listed)
	for m := sc.first; m != nil && len(n.Members) < listed; m = m.next {
		n.Members = append(n.Members, m.tell())
	}
	return n
}

// TakeWatches are what single pages are to be told. It is called behind TakeNotices.
func (s *State) TakeWatches() []Watch {
	watches := s.watches
	s.watches = nil
	clear(s.watchOf)
	return watches
}

// Snapshot is a scene as its watchers know it.
func (s *State) Snapshot(id SceneID) Notice {
	sc := s.find(id)
	if sc == nil {
		sc = &scene{id: id}
	}
	return s.snapshot(sc)
}
