package presence

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"time"

	"scenecast"
	"scenecast/label"
)

// Event is a change of a scene that the cluster tells once. Both the beginning and the end of a presence are told by the node that has begun
// it, because it owned the first connection. Where that node is gone, the one tells that owned the last connection; where that is gone,
// too, the first node that is there. In rare cases two nodes do: the ID is the same then. While nodes are cut off from each other, each side tells what it
// sees, and a user who is on both comes and goes on each.
type Event struct {
	ID     string
	Kind   EventKind
	Scene  SceneID
	User   string    // of Joined and Left
	Labels label.Set // … that the member shows
	Since  time.Time // when it has begun what the event begins or ends
	At     time.Time // when it has happened, by the clock of the node that tells it
}

// EventKind says what has happened.
type EventKind string

// The kinds of events.
const (
	Occupied EventKind = "occupied" // the first connection is in the scene
	Joined   EventKind = "joined"   // a member's first connection is in the scene
	Left     EventKind = "left"     // a member's last connection is gone, and its linger over
	Vacated  EventKind = "vacated"  // the last connection is gone, and the linger over
)

// settle is how long a node waits before it tells an event where there may be other nodes, in which something else may be on its way: the
// same user's first connection on another node, say.
const settle = 300 * time.Millisecond

// eventBuffer is events that are to be told.
type eventBuffer struct {
	wants   func(app string, kind EventKind) bool // nil: nobody does
	settle  time.Duration
	waiting []*waitingEvent
}

// waitingEvent is one that is not told yet.
type waitingEvent struct {
	m       *member
	present bool
	session Stamp
	labels  label.Set
	at      time.Time
	wait    time.Duration // from then on
	removed Stamp
	orphan  bool
}

func (w *waitingEvent) due() time.Time { return w.at.Add(w.wait) }

// FollowEvents has events be kept until TakeEvents, as far as somebody wants them.
func (s *State) FollowEvents(wants func(app string, kind EventKind) bool) {
	s.events.wants = wants
	if !s.alone {
		s.events.settle = settle
	}
}

// follows reports whether anybody wants to know when a member comes or goes. Both are kept then, because one may make the other void.
func (b *eventBuffer) follows(m *member) bool {
	if b.wants == nil {
		return false
	}
	app := m.scene.id.App
	return b.wants(app, kindOf(m, true)) || b.wants(app, kindOf(m, false))
}

func kindOf(m *member, present bool) EventKind {
	switch {
	case m.isScene() && present:
		return Occupied
	case m.isScene():
		return Vacated
	case present:
		return Joined
	default:
		return Left
	}
}

// add notes that a member has come or gone. One that goes while the beginning of its presence settles is not told at all: others may not
// have heard of it, and have begun a presence of their own. One that comes back while its end settles, in the same presence, because a
// node has shared it whose message was on its way, has not left.
func (b *eventBuffer) add(now time.Time, m *member, present bool) {
	if !b.follows(m) {
		return
	}
	wait := b.settle
	if m.pending > 0 {
		i := lastOf(b.waiting, m)
		w := b.waiting[i]
		if w.present != present && (w.present || w.session == m.session) {
			b.waiting = slices.Delete(b.waiting, i, i+1)
			m.pending--
			return
		}
		if w.session.Node != m.session.Node {
			wait *= 2 // another node tells the end of the presence before, and may have heard of it later
		}
	}
	b.waiting = append(b.waiting, &waitingEvent{m, present, m.session, m.shows, now, wait, m.removed, m.orphan})
	m.pending++
}

// goesOn notes that a member is there in an older presence than it seemed: another node has shared that before it heard of its end. If neither
// that end nor the beginning of the next presence is told yet, neither has happened.
func (b *eventBuffer) goesOn(m *member, session Stamp) {
	if m.pending < 2 {
		return
	}
	last := lastOf(b.waiting, m)
	end := lastOf(b.waiting[:last], m)
	if b.waiting[last].present && !b.waiting[end].present && b.waiting[end].session == session {
		b.waiting = slices.Delete(b.waiting, last, last+1)
		b.waiting = slices.Delete(b.waiting, end, end+1)
		m.pending -= 2
	}
}

func lastOf(waiting []*waitingEvent, m *member) int {
	for i := len(waiting) - 1; ; i-- {
		if waiting[i].m == m {
			return i
		}
	}
}

// TakeEvents are the events that this node is to tell, in order, and when there may be more; zero: when something has changed.
func (s *State) TakeEvents(now time.Time) (events []Event, again time.Time) {
	b := &s.events
	n := 0
	for ; n < len(b.waiting) && !b.waiting[n].due().After(now); n++ {
		w := b.waiting[n]
		w.m.pending--
		if s.tells(w) && b.wants(w.m.scene.id.App, kindOf(w.m, w.present)) {
			events = append(events, w.event())
			if !w.present && w.orphan {
				s.rememberEnd(w)
			}
		}
		if !w.m.present {
			s.markIdle(w.m)
		}
	}
	b.waiting = slices.Delete(b.waiting, 0, n)
	if len(b.waiting) > 0 {
		again = b.waiting[0].due()
	}
	return events, again
}

// tells reports whether this node is the one to tell an event.
func (s *State) tells(w *waitingEvent) bool {
	if w.present && w.m.session.Compare(w.session) < 0 {
		w.session = w.m.session // another node has begun it at the same time
	}
	switch {
	case !s.isGone(w.session.Node):
		return w.session.Node == s.self
	case w.present:
		return w.m.firstOwner() == s.self
	default:
		return w.removed.Node == s.self || w.orphan && s.isFirst()
	}
}

// firstOwner is the lowest node that has a record of the member; 0: none has.
func (m *member) firstOwner() (first scenecast.NodeID) {
	for _, r := range m.records {
		if first == 0 || r.node < first {
			first = r.node
		}
	}
	return first
}

func (s *State) isGone(node scenecast.NodeID) bool {
	p := s.peers[node]
	return node != s.self && (p == nil || !p.gone.IsZero())
}

// isFirst reports whether this node is the first of those that are there, also of such as have never told of anything.
func (s *State) isFirst() bool {
	for id, p := range s.peers {
		if id < s.self && p.gone.IsZero() {
			return false
		}
	}
	return !slices.ContainsFunc(s.nodes, func(id scenecast.NodeID) bool { return id < s.self })
}

func (w *waitingEvent) event() Event {
	e := Event{Kind: kindOf(w.m, w.present), Scene: w.m.scene.id, User: w.m.user, Labels: w.labels, Since: w.session.Time(), At: w.at}
	e.ID = eventID(e.Kind, e.Scene, e.User, w.session)
	return e
}

// eventID is the same on every node.
func eventID(kind EventKind, scene SceneID, user string, since Stamp) string {
	var text []byte
	for _, part := range []string{string(kind), scene.App, scene.Key, scene.Value, user} {
		text = binary.AppendUvarint(text, uint64(len(part)))
		text = append(text, part...)
	}
	text = binary.AppendVarint(text, since.At)
	text = binary.AppendUvarint(text, uint64(since.Node))
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
