package presence

import (
	"slices"
	"time"

	"scenecast"
)

// A node that is cut off keeps its members, while it is told elsewhere that these have left. When it is back, whoever has seen that tells it which
// presences have ended: the node begins new ones. So does a node that has shared a presence, and whose word of it comes when its end was told.

// Ended are presences of the node's members of which an end was told.
type Ended struct {
	Node    scenecast.NodeID `json:"node"`
	Scenes  []SceneRecords   `json:"scenes"`            // of each record the user, and when the presence has begun
	Stamped int64            `json:"stamped,omitempty"` // the sender's newest stamp, in µs
}

type endedKey struct {
	scene SceneID
	user  string
}

type ended struct {
	session Stamp
	version int64
	until   time.Time
}

// How long ends are kept in mind, and how many.
const (
	keepEnded    = 30 * time.Second // what is late has come by then
	keepOrphaned = 10 * time.Minute // … where a node was gone that may be cut off
	maxEnded     = 100_000
)

// rememberEnd keeps in mind that the end of a presence was told.
func (s *State) rememberEnd(w *waitingEvent) {
	keep := keepEnded
	if w.orphan {
		keep = keepOrphaned
	}
	if !s.alone {
		s.remember(w.m, w.session, w.version, w.at.Add(keep))
	}
}

func (s *State) remember(m *member, session Stamp, version int64, until time.Time) {
	if s.ended == nil {
		s.ended = make(map[endedKey]ended)
	}
	key := endedKey{m.scene.id, m.user}
	if e, known := s.ended[key]; len(s.ended) < maxEnded && (!known || version >= e.version) {
		s.ended[key] = ended{session, version, until}
	}
}

// revived is a presence that a node goes on with, and of which an end was told.
type revived struct {
	m     *member
	since Stamp
	told  time.Time // when the node was told last; zero: never
}

// tellEndedEvery is how often a node is told that has not answered.
const tellEndedEvery = time.Second

// isEnded reports whether the end of a presence was told, or it would seem to have begun before an end that was told, because the node that has
// begun it had not heard of that and its clock is behind.
func (s *State) isEnded(m *member, since Stamp) bool {
	e, known := s.ended[endedKey{m.scene.id, m.user}]
	return known && (e.session == since || since.At <= e.version)
}

// revive has a node be told of a presence that it goes on with, and of which an end was told.
func (s *State) revive(node scenecast.NodeID, m *member, since Stamp) {
	if !slices.ContainsFunc(s.revived[node], func(r revived) bool { return r.m == m && r.since == since }) {
		s.revived[node] = append(s.revived[node], revived{m: m, since: since})
	}
}

// tellRevived tells nodes which presences have ended, until they have begun others.
func (s *State) tellRevived(now time.Time) {
	for node, list := range s.revived {
		pack := packer{full: func(scenes []SceneRecords) {
			s.outbox = append(s.outbox, Message{From: s.self, Ended: &Ended{node, scenes, s.stamped}})
		}}
		rest := list[:0]
		for _, r := range list {
			i := r.m.of(node)
			if i < 0 || r.m.records[i].since != r.since {
				continue
			}
			if r.told.IsZero() || now.Sub(r.told) >= tellEndedEvery {
				r.told = now
				told := record{node: node, since: r.since}
				pack.add(r.m.scene, told.tell(r.m.user))
			}
			rest = append(rest, r)
		}
		pack.flush()
		clear(list[len(rest):])
		if s.revived[node] = rest; len(rest) == 0 {
			delete(s.revived, node)
		}
	}
}

// receiveEnded begins presences anew that have ended for others.
func (s *State) receiveEnded(now time.Time, e *Ended) {
	if e.Node != s.self {
		return
	}
	s.observe(now, e.Stamped)
	for _, in := range e.Scenes {
		sc := s.find(in.id())
		if sc == nil {
			continue
		}
		for _, r := range in.Records {
			m := &sc.all
			if r.User != "" {
				m, _ = sc.users.find(r.User)
			}
			if m != nil {
				s.renew(now, m, r.of(s.self).since)
			}
		}
	}
}

// renew begins a presence anew, if this node has a record of it. Others that have shared it are told as well.
func (s *State) renew(now time.Time, m *member, ended Stamp) {
	own := m.of(s.self)
	if own < 0 || m.records[own].since != ended {
		return
	}
	s.remember(m, ended, ended.At, now.Add(keepEnded))
	for _, r := range m.records {
		if r.since == ended && r.node != s.self {
			s.revive(r.node, m, ended)
		}
	}
	m.records[own].since = s.stamp(now)
	s.markDirty(m)
	s.noteRenewal(now, m)
	s.refresh(now, m)
}

// noteRenewal notes that one presence of a member has ended and another has begun, if all that had a part in the one have a part in the other.
func (s *State) noteRenewal(now time.Time, m *member) {
	since := m.oldest()
	if !m.present || since.Compare(m.session) <= 0 {
		return
	}
	s.noteEvent(now, m, false)
	m.session = since
	m.version = max(m.version, since.At)
	s.noteEvent(now, m, true)
}

// forgetEnded forgets ends that no node will go on with any more.
func (s *State) forgetEnded(now time.Time) {
	for key, e := range s.ended {
		if now.After(e.until) {
			delete(s.ended, key)
		}
	}
}
