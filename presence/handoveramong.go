package presence

import (
	"encoding/json"
	"fmt"
	"time"

	"scenecast"
	"scenecast/handover"
	"scenecast/label"
)

// among is what the process that takes the place of a node gets besides who is in which scene, as JSON: how far the other nodes have come with this
// one and this one with them, and the events that are to be told. One process is the node, and then the other one; so times are those of one clock.
type among struct {
	Seq     uint64
	Asked   bool
	Peers   []savedPeer
	Ended   []savedEnd
	Revived []savedRevived
	Choices []savedChoice
	HasMet  bool
	Chosen  bool
	Waiting []savedEvent
	Kept    []savedKept
}

type savedPeer struct {
	ID    scenecast.NodeID
	Known bool
	Seq   uint64
	Heard time.Time
	Gone  time.Time
}

type savedEnd struct {
	Scene   SceneID
	User    string
	Session Stamp
	Version int64
	Until   time.Time
}

type savedRevived struct {
	Node  scenecast.NodeID
	Scene SceneID
	User  string
	Since Stamp
}

type savedChoice struct {
	Nodes []Node
	Until time.Time
}

// savedEvent is one that is not told yet.
type savedEvent struct {
	Scene   SceneID
	User    string
	Present bool
	Session Stamp
	Labels  label.Set
	At      time.Time
	Wait    time.Duration
	Version int64
	Orphan  bool
}

type savedKept struct {
	Event      Event
	Session    Stamp
	KnownSince time.Time
	At         time.Time
}

func (s *State) exportAmong() []byte {
	a := among{Seq: s.seq, Asked: s.asked, HasMet: s.events.hasMet, Chosen: s.events.chosen}
	for id, p := range s.peers { // of a snapshot of which a part has come, all is asked for again
		a.Peers = append(a.Peers, savedPeer{id, p.known && p.number == 0, p.seq, p.heard, p.gone})
	}
	for of, e := range s.ended {
		a.Ended = append(a.Ended, savedEnd{of.scene, of.user, e.session, e.version, e.until})
	}
	for node, list := range s.revived {
		for _, r := range list {
			a.Revived = append(a.Revived, savedRevived{node, r.m.scene.id, r.m.user, r.since})
		}
	}
	for _, c := range s.events.choices {
		a.Choices = append(a.Choices, savedChoice{c.nodes, c.until})
	}
	for _, w := range s.events.waiting {
		a.Waiting = append(a.Waiting, savedEvent{w.m.scene.id, w.m.user, w.present, w.session, w.labels, w.at, w.wait, w.version, w.orphan})
	}
	for _, k := range s.events.kept {
		a.Kept = append(a.Kept, savedKept{k.Event, k.session, k.knownSince, k.at})
	}
	b, _ := json.Marshal(a) // texts, numbers and times: it cannot fail
	return b
}

// restoreAmong takes what exportAmong has returned. The members are there.
func (s *State) restoreAmong(now time.Time, text []byte) error {
	var a among
	if err := json.Unmarshal(text, &a); err != nil {
		return fmt.Errorf("%w: %w", handover.ErrMalformed, err)
	}
	s.seq, s.asked = a.Seq, a.Asked
	for _, from := range a.Peers {
		p := s.peer(from.ID)
		p.known, p.seq, p.heard = from.Known, from.Seq, from.Heard
		if p.gone = from.Gone; !p.gone.IsZero() {
			p.next = now
		}
	}
	for _, e := range a.Ended {
		if s.ended == nil {
			s.ended = make(map[endedKey]ended)
		}
		s.ended[endedKey{e.Scene, e.User}] = ended{e.Session, e.Version, e.Until}
	}
	for _, r := range a.Revived {
		s.revive(r.Node, s.member(s.scene(r.Scene), r.User), r.Since)
	}
	b := &s.events
	b.hasMet, b.chosen = a.HasMet, a.Chosen
	for _, c := range a.Choices {
		b.choices = append(b.choices, choice{c.Nodes, c.Until})
	}
	for _, w := range a.Waiting {
		m := s.member(s.scene(w.Scene), w.User)
		m.pending++
		b.waiting = append(b.waiting, &waitingEvent{m, w.Present, w.Session, w.Labels, w.At, w.Wait, w.Version, w.Orphan})
	}
	for _, k := range a.Kept {
		b.kept = append(b.kept, keptEvent{k.Event, k.Session, k.KnownSince, k.At})
	}
	return nil
}
