package presence

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"time"

	"scenecast/label"
)

// Event is a change of a scene that the cluster tells once, in order: one node tells all events of the scene (telling.go). While that comes to be another one, both
// may tell the same, under one ID. While nodes are cut off from each other, each side tells what it sees, and a user who is on both comes and
// goes on each.
type Event struct {
	ID      string
	Kind    EventKind
	Scene   SceneID
	User    string    // of Joined and Left
	Labels  label.Set // … that the member shows
	Since   time.Time // when it has begun what the event begins or ends
	At      time.Time // when it has happened, by the clock of the node that tells it
	Version int64     // rises from event to event of a member, or of a scene itself, whichever nodes tell them
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

	// Of a node that is not alone (telling.go).
	choices    []choice // of which nodes one tells; the newest is the last
	candidates []Node
	hasMet     bool        // it has known another node
	chosen     bool        // by a choice since events were taken: some of kept may be to be told
	kept       []keptEvent // in the order in which they have happened
}

// waitingEvent is one that is not told yet.
type waitingEvent struct {
	m       *member
	present bool
	session Stamp
	labels  label.Set
	at      time.Time
	wait    time.Duration // from then on
	version int64
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

// noteEvent notes that a member has come or gone. One that goes while the beginning of its presence settles is not told at all: others may not
// have heard of it, and have begun a presence of their own. One that comes back while its end settles, in the same presence, because a
// node has shared it whose message was on its way, has not left.
func (s *State) noteEvent(now time.Time, m *member, present bool) {
	b := &s.events
	if !b.follows(m) {
		return
	}
	m.version++
	w := &waitingEvent{m: m, present: present, session: m.session, labels: m.shows, at: now, wait: b.settle, version: m.version, orphan: m.orphan}
	if m.pending > 0 {
		i := lastOf(b.waiting, m)
		last := b.waiting[i]
		if last.present != present && (last.present || last.session == m.session) {
			b.waiting = slices.Delete(b.waiting, i, i+1)
			m.pending--
			return
		}
		if last.session.Node != m.session.Node {
			w.wait *= 2 // other nodes may have heard later of the end of the presence before
		}
	}
	b.waiting = append(b.waiting, w)
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
	if b.chosen {
		b.chosen, events = false, s.takeKept(now)
	}
	n := 0
	for ; n < len(b.waiting) && !b.waiting[n].due().After(now); n++ {
		w := b.waiting[n]
		w.m.pending--
		if w.present && w.m.session.Compare(w.session) < 0 {
			w.session = w.m.session // another node has begun it at the same time
		}
		if !s.tells(w) {
			s.keep(now, w)
		} else if b.wants(w.m.scene.id.App, kindOf(w.m, w.present)) {
			events = append(events, w.event().withID(w.session))
		}
		if !w.present {
			s.rememberEnd(w)
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
