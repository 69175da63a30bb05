package presence

import (
	"slices"
	"time"

	"scenecast"
)

// peer is another node.
type peer struct {
	members map[*member]struct{} // that have a record of it
	known   bool                 // its records are as they were behind its message seq
	seq     uint64
	part    int       // the next part of the snapshot that is coming
	coming  uint64    // … which stands behind this message
	number  uint64    // … and has this number among all that have come; 0: none is coming
	heard   time.Time // when anything has come of it
	asked   time.Time // when it was asked for a snapshot
	gone    time.Time // when it was found to be gone; zero: it is not
	left    time.Time // … members whose linger has ended by then have left
	next    time.Time // when those with the next longer linger leave; zero: none is left
}

// How often nodes tell each other what.
const (
	digestEvery   = time.Second            // so that messages that were lost are missed, by a node that has told of anything yet
	snapshotEvery = 500 * time.Millisecond // a node sends snapshots of itself
	askEvery      = time.Second            // a node is asked for one

	// goneAfter is how long a node must have been silent that the engine does not know: one that starts may be heard here first.
	goneAfter = 2 * time.Second
)

func (s *State) peer(id scenecast.NodeID) *peer {
	p := s.peers[id]
	if p == nil {
		p = &peer{members: make(map[*member]struct{})}
		s.peers[id] = p
	}
	return p
}

// Receive takes a message of another node.
func (s *State) Receive(now time.Time, m Message) {
	if m.From == s.self || m.From == 0 {
		return
	}
	p := s.peer(m.From)
	p.heard, p.gone = now, time.Time{}
	switch {
	case m.Changes != nil:
		s.receiveChanges(now, m.From, p, m.Changes)
	case m.Snapshot != nil:
		s.receiveSnapshot(now, m.From, p, m.Snapshot)
	case m.Digest != nil:
		s.observe(now, m.Digest.Stamped)
		s.receiveDigest(now, m.From, p, m.Digest)
	case m.Ended != nil:
		s.receiveEnded(now, m.Ended)
	case m.Want != nil:
		s.asked = s.asked || m.Want.Node == s.self
	}
}

func (s *State) receiveChanges(now time.Time, from scenecast.NodeID, p *peer, c *Changes) {
	p.number = 0 // what is between two parts breaks a snapshot off
	if !p.known && c.Seq == 1 && len(p.members) == 0 {
		p.known, p.seq = true, 0
	}
	if p.known && c.Seq <= p.seq {
		return
	}
	if !p.known || c.Seq != p.seq+1 {
		s.ask(now, from, p)
		return
	}
	p.seq = c.Seq
	for _, in := range c.Scenes {
		s.receiveRecords(now, from, p, in)
	}
}

func (s *State) receiveRecords(now time.Time, from scenecast.NodeID, p *peer, in SceneRecords) {
	sc := s.scene(in.id())
	for _, r := range in.Records {
		m := s.member(sc, r.User)
		s.observe(now, max(r.Since, r.Shown, r.Removed))
		if r.Removed != 0 {
			s.remove(now, m, from, Stamp{r.Removed, from})
			s.markIdle(m) // also one of which there was no record
			continue
		}
		record := r.of(from)
		record.part = p.number
		if s.isEnded(m, record.since) {
			s.revive(from, m, record.since)
		}
		if i := m.of(from); i >= 0 {
			m.records[i] = record
			s.noteRenewal(now, m) // the node has begun it anew (receiveEnded), or the end and the beginning were told at once
		} else {
			m.records = append(m.records, record)
		}
		p.members[m] = struct{}{}
		s.refresh(now, m)
	}
}

// receiveSnapshot takes a part. Records that are in no part end with the last one.
func (s *State) receiveSnapshot(now time.Time, from scenecast.NodeID, p *peer, part *SnapshotPart) {
	switch {
	case part.Part == 0 && p.known && p.seq == part.Seq:
		p.number = 0 // another node has asked for it
		return
	case part.Part == 0:
		s.parts++
		p.known, p.coming, p.number, p.part = false, part.Seq, s.parts, 0
	case p.number == 0:
		return
	case part.Seq != p.coming || part.Part != p.part:
		p.number = 0
		s.ask(now, from, p)
		return
	}
	p.part++
	for _, in := range part.Scenes {
		s.receiveRecords(now, from, p, in)
	}
	if !part.Last {
		return
	}
	removed := Stamp{1, from} // some time before
	for m := range p.members {
		if i := m.of(from); m.records[i].part != p.number {
			s.remove(now, m, from, removed)
		}
	}
	p.known, p.seq, p.number = true, part.Seq, 0
}

func (s *State) receiveDigest(now time.Time, from scenecast.NodeID, p *peer, d *Digest) {
	p.number = 0
	if !p.known && d.Seq == 0 && len(p.members) == 0 {
		p.known, p.seq = true, 0
	}
	if !p.known || p.seq != d.Seq {
		s.ask(now, from, p)
	}
}

// ask asks a node for a snapshot.
func (s *State) ask(now time.Time, id scenecast.NodeID, p *peer) {
	p.known = false
	if !p.asked.IsZero() && now.Sub(p.asked) < askEvery {
		return
	}
	p.asked = now
	s.stats.Missed++
	s.outbox = append(s.outbox, Message{From: s.self, Want: &Want{id}})
}

// SetNodes says which nodes the engine knows, this one among them. The records of one that is gone stay for the linger of their keys.
func (s *State) SetNodes(now time.Time, nodes []Node) {
	if s.events.choose(now, s.self, nodes) {
		s.events.chosen = true
		s.digested = time.Time{} // nodes that are new learn what they have missed
	}
	for id, p := range s.peers {
		switch {
		case slices.ContainsFunc(nodes, func(n Node) bool { return n.ID == id }):
			p.gone = time.Time{}
		case p.gone.IsZero() && now.Sub(p.heard) >= goneAfter:
			p.gone, p.left, p.next = now, time.Time{}, now
		}
	}
}

// due is when members leave because their node is gone; zero: none will.
func (p *peer) due() time.Time {
	if p.gone.IsZero() {
		return time.Time{}
	}
	return p.next
}

// expirePeers has the members of nodes that are gone leave.
func (s *State) expirePeers(now time.Time) {
	for id, p := range s.peers {
		if p.gone.IsZero() || p.next.IsZero() || p.next.After(now) {
			continue
		}
		p.next = time.Time{}
		for m := range p.members {
			due := p.gone.Add(s.key(m.scene.id).Linger)
			switch {
			case !due.After(now):
				p.known = false // it has other records than it had
				s.remove(now, m, id, Stamp{})
			case p.next.IsZero() || due.Before(p.next):
				p.next = due
			}
		}
		if len(p.members) == 0 {
			delete(s.peers, id)
		}
	}
}

// Messages are what the other nodes are to be told: what has changed here, a snapshot where one was asked for, and a digest each second if
// there has been anything.
func (s *State) Messages(now time.Time) []Message {
	if s.alone {
		return nil
	}
	s.tellChanges()
	s.tellRevived(now)
	if s.asked && now.Sub(s.answered) >= snapshotEvery {
		s.asked, s.answered = false, now
		s.tellSnapshot()
	}
	if s.seq > 0 && now.Sub(s.digested) >= digestEvery { // before, nobody can have missed anything
		s.digested = now
		s.forgetEnded(now)
		s.outbox = append(s.outbox, Message{From: s.self, Digest: &Digest{s.seq, s.stamped}})
	}
	out := s.outbox
	s.outbox = nil
	return out
}

func (s *State) tellChanges() {
	pack := packer{full: func(scenes []SceneRecords) {
		s.seq++
		s.outbox = append(s.outbox, Message{From: s.self, Changes: &Changes{s.seq, scenes}})
	}}
	for _, m := range s.dirty {
		m.dirty = false
		if i := m.of(s.self); i >= 0 {
			m.told = true
			pack.add(m.scene, m.records[i].tell(m.user))
		} else if m.told {
			m.told = false
			pack.add(m.scene, Record{User: m.user, Removed: max(1, m.left)})
		}
	}
	pack.flush()
	clear(s.dirty)
	s.dirty = s.dirty[:0]
}

func (s *State) tellSnapshot() {
	part := 0
	send := func(scenes []SceneRecords, last bool) {
		s.outbox = append(s.outbox, Message{From: s.self, Snapshot: &SnapshotPart{s.seq, part, last, scenes}})
		part++
	}
	var ready []SceneRecords // is sent when it is known whether it is the last
	pack := packer{full: func(scenes []SceneRecords) {
		if ready != nil {
			send(ready, false)
		}
		ready = scenes
	}}
	for _, of := range s.scenes {
		for _, sc := range of.scenes {
			if i := sc.all.of(s.self); i >= 0 {
				pack.add(sc, sc.all.records[i].tell(""))
			}
			for m := sc.first; m != nil; m = m.next {
				if i := m.of(s.self); i >= 0 {
					pack.add(sc, m.records[i].tell(m.user))
				}
			}
		}
	}
	pack.flush()
	send(ready, true)
}
