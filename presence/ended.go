package presence

import (
	"time"

	"scenecast"
)

// A node that is cut off keeps its members, while the others tell that these have left. When it is back, whoever has told that tells it which
// presences have ended: the node begins new ones, and tells that the members have come.

// Ended are presences of the node's members of which an end was told.
type Ended struct {
	Node   scenecast.NodeID `json:"node"`
	Scenes []SceneRecords   `json:"scenes"` // of each record the user, and when the presence has begun
}

type endedKey struct {
	scene SceneID
	user  string
}

type ended struct {
	session Stamp
	at      time.Time
}

const (
	keepEnded = 10 * time.Minute
	maxEnded  = 100_000
)

// rememberEnd keeps in mind that this node has told the end of a presence, because a node was gone that may be cut off.
func (s *State) rememberEnd(w *waitingEvent) {
	if s.ended == nil {
		s.ended = make(map[endedKey]ended)
	}
	if len(s.ended) < maxEnded {
		s.ended[endedKey{w.m.scene.id, w.m.user}] = ended{w.session, w.at}
	}
}

// checkEnded has a node be told of a presence that it goes on with, and of which an end was told.
func (s *State) checkEnded(from scenecast.NodeID, m *member, r record) {
	key := endedKey{m.scene.id, m.user}
	e, known := s.ended[key]
	if !known || e.session != r.since {
		return
	}
	delete(s.ended, key)
	s.revived[from] = append(s.revived[from], m)
}

// tellRevived tells nodes which presences have ended.
func (s *State) tellRevived() {
	for node, members := range s.revived {
		pack := packer{full: func(scenes []SceneRecords) {
			s.outbox = append(s.outbox, Message{From: s.self, Ended: &Ended{node, scenes}})
		}}
		for _, m := range members {
			if i := m.of(node); i >= 0 {
				told := m.records[i].tell(m.user)
				pack.add(m.scene, Record{User: m.user, Since: told.Since, First: told.First})
			}
		}
		pack.flush()
	}
	clear(s.revived)
}

// receiveEnded begins presences anew that have ended for others.
func (s *State) receiveEnded(now time.Time, from scenecast.NodeID, e *Ended) {
	if e.Node != s.self {
		return
	}
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
			if m == nil {
				continue
			}
			if i := m.of(s.self); i >= 0 && m.records[i].since == r.of(s.self).since {
				m.records[i].since = s.stamp(now)
				m.session = m.records[i].since
				s.markDirty(m)
				s.refresh(now, m)
				s.events.add(now, m, true)
			}
		}
	}
}

// forgetEnded forgets ends that no node will go on with any more.
func (s *State) forgetEnded(now time.Time) {
	for key, e := range s.ended {
		if now.Sub(e.at) > keepEnded {
			delete(s.ended, key)
		}
	}
}
