package cluster

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"scenecast"
)

// The bounds of what is kept of nodes that are none of the cluster's any more, in memory alone.
const (
	maxGone    = 32             // nodes that have fallen silent
	maxStopped = 64             // nodes that have said that they stop
	maxTexts   = 1 << 10        // bytes of the name and the version of one that has fallen silent; one that has more is not kept: beats tell of all
	keptGone   = 24 * time.Hour // behind which either is forgotten
)

// goneNode is a node that has fallen silent, as nodes tell each other of it, as JSON.
type goneNode struct {
	ID      scenecast.NodeID `json:"id"`
	Name    string           `json:"name,omitempty"`
	Version string           `json:"version,omitempty"`
	Heard   time.Time        `json:"heard"` // the last time, by the clock of the node that has heard of it
}

// stoppedNode is a node that has said that it stops. It is kept because others, which have not heard that, tell of it as one that has fallen silent.
type stoppedNode struct {
	ID       scenecast.NodeID `json:"id"`
	Name     string           `json:"name,omitempty"`
	At       time.Time        `json:"at"`
	Disputed bool             `json:"disputed,omitempty"` // another node has told that it has fallen silent
}

// formerNodes are the nodes that are none of the cluster's any more. The engine's lock guards them.
//
// Nodes tell each other in their beats which have fallen silent, so that one that has started since knows them as well. What a node has heard
// itself counts more: of a node that is there, or has said that it stops, it believes nobody that it has fallen silent.
type formerNodes struct {
	Gone    []goneNode    `json:"gone,omitempty"`    // the one that was heard of last first
	Stopped []stoppedNode `json:"stopped,omitempty"` // the newest first
}

// expire forgets what was long ago.
func (f *formerNodes) expire(now time.Time) {
	f.Gone = slices.DeleteFunc(f.Gone, func(g goneNode) bool { return now.Sub(g.Heard) >= keptGone })
	f.Stopped = slices.DeleteFunc(f.Stopped, func(s stoppedNode) bool { return now.Sub(s.At) >= keptGone })
}

// removeGone notes that a node is there: neither it nor one that had its name before is gone.
func (f *formerNodes) removeGone(id scenecast.NodeID, name string) {
	f.Gone = slices.DeleteFunc(f.Gone, func(g goneNode) bool { return g.ID == id || name != "" && g.Name == name })
}

// addStopped notes that a node has said that it stops.
func (f *formerNodes) addStopped(id scenecast.NodeID, name string, at time.Time) {
	f.removeGone(id, name)
	if f.hasStopped(id) {
		return
	}
	f.Stopped = slices.Insert(f.Stopped, 0, stoppedNode{ID: id, Name: name, At: at})
	f.Stopped = f.Stopped[:min(len(f.Stopped), maxStopped)]
}

// hasStopped reports whether a node has said that it stops.
func (f *formerNodes) hasStopped(id scenecast.NodeID) bool {
	return slices.ContainsFunc(f.Stopped, func(s stoppedNode) bool { return s.ID == id })
}

// disputed are the nodes that others take for silent and that have said that they stop.
func (f *formerNodes) disputed() (ids []scenecast.NodeID) {
	for _, s := range f.Stopped {
		if s.Disputed {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// addGone notes that a node has fallen silent, which is none of those that are there. Of runs of one name the newest is kept.
func (f *formerNodes) addGone(g goneNode, now time.Time) {
	if g.Heard.After(now) { // clocks differ
		g.Heard = now
	}
	if now.Sub(g.Heard) >= keptGone || len(g.Name)+len(g.Version) > maxTexts {
		return
	}
	for i := range f.Stopped {
		s := &f.Stopped[i]
		if s.ID == g.ID {
			s.Disputed = true
			return
		}
		if s.Name != "" && s.Name == g.Name && !s.At.Before(g.Heard) {
			return
		}
	}
	for _, other := range f.Gone {
		if other.ID == g.ID || other.Name != "" && other.Name == g.Name && !g.Heard.After(other.Heard) {
			return
		}
	}
	f.removeGone(g.ID, g.Name)
	f.Gone = append(f.Gone, g)
	slices.SortStableFunc(f.Gone, func(a, b goneNode) int { return cmp.Or(b.Heard.Compare(a.Heard), cmp.Compare(a.ID, b.ID)) })
	f.Gone = f.Gone[:min(len(f.Gone), maxGone)]
}

// noteGone, with mu held, notes that a node has fallen silent, unless it is there.
func (e *Engine) noteGone(g goneNode) {
	if g.ID == e.options.ID || g.Name != "" && g.Name == e.options.Name {
		return
	}
	for id, m := range e.members.byID {
		if id == g.ID || m.Name != "" && m.Name == g.Name {
			return
		}
	}
	e.members.former.addGone(g, e.options.Now())
}

// receiveFormer, with mu held, takes what another node tells in a beat of nodes that are none of the cluster's any more.
func (e *Engine) receiveFormer(b *beat) {
	f := &e.members.former
	for _, g := range b.Gone[:min(len(b.Gone), maxGone)] {
		e.noteGone(g)
	}
	for _, id := range b.Stopped {
		if i := slices.IndexFunc(f.Gone, func(g goneNode) bool { return g.ID == id }); i >= 0 {
			f.addStopped(id, f.Gone[i].Name, e.options.Now())
		}
	}
}

// goneNodes, with mu held, are the nodes that have fallen silent, for people.
func (e *Engine) goneNodes() (gone []scenecast.GoneNode) {
	e.members.former.expire(e.options.Now())
	for _, g := range e.members.former.Gone {
		gone = append(gone, scenecast.GoneNode(g))
	}
	return gone
}

// export encodes them for a process that takes the place of this one; nil: there are none.
func (f *formerNodes) export() []byte {
	if len(f.Gone)+len(f.Stopped) == 0 {
		return nil
	}
	body, _ := json.Marshal(f) // texts and numbers: it cannot fail
	return body
}
