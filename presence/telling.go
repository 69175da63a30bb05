package presence

import (
	"cmp"
	"slices"
	"time"

	"scenecast"
)

// Which node tells the events of a scene. All nodes have the merged state, so each could; rendezvous hashing over the nodes that the engine
// knows chooses one for each scene, which tells all of its events, in the order in which it sees them. Nodes do not agree in the same moment on
// which nodes there are, and a node that starts has not heard of everything. So whenever the choice changes, the node that has told before goes on for
// keepEvents, and the one that is chosen tells again what it has seen within keepEvents, and not told itself. What is told twice by that
// has the same ID.

// Node is a node of the cluster.
type Node struct {
	ID      scenecast.NodeID
	Started time.Time // by its own clock; zero: not known
}

const (
	// keepEvents is how long a node goes on to tell that is not chosen any more, and how long one keeps events that it has not told. It is longer
	// than it takes to find out that a node is gone.
	keepEvents = 15 * time.Second
	// maxKept bounds the events that are kept.
	maxKept = 100_000
	// youngFor is how long a node is not chosen after its start, where there is an older one: it may not have heard of everything.
	youngFor = 15 * time.Second
)

// choice is nodes that one is chosen of.
type choice struct {
	nodes []Node
	until time.Time // when it does not count any more, because there is a newer one; zero: there is none
}

// keptEvent is one that this node may have to tell yet.
type keptEvent struct {
	Event
	session    Stamp
	knownSince time.Time
	at         time.Time // when it would have been told
}

// choose finds which nodes one is chosen of, and reports whether these are others than before.
func (b *eventBuffer) choose(now time.Time, self scenecast.NodeID, nodes []Node) (changed bool) {
	expired := 0
	for expired < len(b.choices)-1 && !b.choices[expired].until.After(now) {
		expired++
	}
	b.choices = slices.Delete(b.choices, 0, expired)
	b.candidates = b.candidates[:0]
	young := false
	for _, n := range nodes {
		if !isYoung(now, nodes, n) {
			b.candidates = append(b.candidates, n)
		} else if n.ID == self {
			young = true
		}
	}
	if len(b.candidates) == 0 {
		b.candidates = append(b.candidates, Node{ID: self})
	}
	slices.SortFunc(b.candidates, func(a, b Node) int { return cmp.Compare(a.ID, b.ID) })
	last := len(b.choices) - 1
	changed = last < 0 || !slices.EqualFunc(b.choices[last].nodes, b.candidates, func(a, b Node) bool { return a.ID == b.ID })
	if changed {
		if last >= 0 {
			b.choices[last].until = now.Add(keepEvents)
		}
		b.choices = append(b.choices, choice{nodes: slices.Clone(b.candidates)})
	}
	if len(nodes) > 1 && !b.hasMet { // it may have been chosen while it had not heard of others
		b.hasMet = true
		if young {
			b.choices = slices.Delete(b.choices, 0, len(b.choices)-1)
		}
	}
	return changed
}

// isYoung reports whether a node has started not long ago. The first one of all counts as old.
func isYoung(now time.Time, nodes []Node, n Node) bool {
	return now.Sub(n.Started) < youngFor && slices.ContainsFunc(nodes, func(other Node) bool {
		return cmp.Or(other.Started.Compare(n.Started), cmp.Compare(other.ID, n.ID)) < 0
	})
}

// isChosen reports whether a node is the one of these that tells of a scene, of those that were there at a time, if any was. The zero time: of all.
func (c *choice) isChosen(self scenecast.NodeID, scene SceneID, since time.Time) bool {
	hash := scene.hash()
	var chosen Node
	var highest uint64
	for _, n := range c.nodes {
		weight := mix(hash ^ mix(uint64(n.ID)))
		was := since.IsZero() || !n.Started.After(since)
		if chosenWas := since.IsZero() || !chosen.Started.After(since); chosen.ID == 0 || was && !chosenWas || was == chosenWas && weight > highest {
			chosen, highest = n, weight
		}
	}
	return chosen.ID == self
}

// hash is the same on every node: FNV-1a.
func (id SceneID) hash() uint64 {
	hash := uint64(14695981039346656037)
	for _, part := range [...]string{id.App, id.Key, id.Value} {
		for i := range len(part) {
			hash = (hash ^ uint64(part[i])) * 1099511628211
		}
		hash = (hash ^ 0xff) * 1099511628211 // which is in no UTF-8
	}
	return hash
}

// mix has each bit of a number change about half of the result's: the finalizer of SplitMix64.
func mix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// tells reports whether this node tells an event: it is chosen, or was not long ago.
func (s *State) tells(w *waitingEvent) bool {
	if s.alone {
		return true
	}
	since := s.knownSince(w)
	return slices.ContainsFunc(s.events.choices, func(c choice) bool { return c.isChosen(s.self, w.m.scene.id, since) })
}

// knownSince is since when a node must have been there to know of an event; the zero time: of any time. A node that has started since another one has
// died has not heard of that one's members, which linger for the others.
func (s *State) knownSince(w *waitingEvent) time.Time {
	if w.present || !w.orphan {
		return time.Time{}
	}
	return w.at.Add(-s.key(w.m.scene.id).Linger - youngFor)
}

// keep keeps an event that this node has not told, in case that it comes to be chosen.
func (s *State) keep(now time.Time, w *waitingEvent) {
	b := &s.events
	if s.alone || w.present && now.Sub(w.session.Time()) > keepEvents { // a node that starts hears of it, and others have told it
		return
	}
	old := 0
	for old < len(b.kept) && (now.Sub(b.kept[old].at) >= keepEvents || len(b.kept)-old >= maxKept) {
		old++
	}
	b.kept = append(slices.Delete(b.kept, 0, old), keptEvent{w.event(), w.session, s.knownSince(w), now})
}

// takeKept are those that this node is to tell because it has come to be chosen.
func (s *State) takeKept(now time.Time) (events []Event) {
	b := &s.events
	newest := &b.choices[len(b.choices)-1]
	rest := b.kept[:0]
	for _, k := range b.kept {
		switch {
		case now.Sub(k.at) >= keepEvents:
		case !newest.isChosen(s.self, k.Scene, k.knownSince):
			rest = append(rest, k)
		case b.wants(k.Scene.App, k.Kind):
			events = append(events, k.withID(k.session))
		}
	}
	clear(b.kept[len(rest):])
	b.kept = rest
	return events
}

func (w *waitingEvent) event() Event {
	return Event{
		Kind: kindOf(w.m, w.present), Scene: w.m.scene.id, User: w.m.user, Labels: w.labels, Since: w.session.Time(), At: w.at, Version: w.version,
	}
}

func (e Event) withID(session Stamp) Event {
	e.ID = eventID(e.Kind, e.Scene, e.User, session)
	return e
}
