package hub

import (
	"scenecast"
	"scenecast/audience"
	"scenecast/label"
)

var _ scenecast.Shard = (*Shard)(nil)

// Shard is the part of the hub that lives on one loop. All its methods are called on the loop's owner goroutine.
type Shard struct {
	hub     *Hub
	loop    scenecast.Loop
	members []member // by slot index
	view    view     // the connection that a protocol is being told of
}

// member is one connection; of a free slot, the zero value.
type member struct {
	protocol   scenecast.Protocol // nil: the slot is free
	app        string
	labels     label.Set
	seq        uint64 // of its ConnID
	generation uint32 // of its slot
}

func (m *member) slot(index int) scenecast.Slot {
	return scenecast.Slot{Index: uint32(index), Generation: m.generation}
}

// Opened implements scenecast.Shard: the page joins, and its protocol may greet it.
func (s *Shard) Opened(slot scenecast.Slot, a scenecast.Admission) {
	for int(slot.Index) >= len(s.members) {
		s.members = append(s.members, member{})
	}
	s.members[slot.Index] = member{
		protocol:   a.Protocol,
		app:        a.App,
		labels:     a.Labels,
		seq:        s.hub.lastSeq.Add(1),
		generation: slot.Generation,
	}
	s.hub.connections.Add(1)
	a.Protocol.Opened(s.viewOf(slot))
}

// Received implements scenecast.Shard.
func (s *Shard) Received(slot scenecast.Slot, m scenecast.Inbound) {
	if member := s.at(slot); member != nil {
		member.protocol.Received(s.viewOf(slot), m)
	}
}

// Closed implements scenecast.Shard: the page has gone.
func (s *Shard) Closed(slot scenecast.Slot) { s.leave(slot) }

// at is the member in a slot; nil if it has left.
func (s *Shard) at(slot scenecast.Slot) *member {
	if int(slot.Index) >= len(s.members) {
		return nil
	}
	m := &s.members[slot.Index]
	if m.protocol == nil || m.generation != slot.Generation {
		return nil
	}
	return m
}

func (s *Shard) leave(slot scenecast.Slot) {
	if m := s.at(slot); m != nil {
		*m = member{}
		s.hub.connections.Add(-1)
	}
}

// send queues a frame for a member. One whose outbox is full has been closed by its loop and leaves.
func (s *Shard) send(slot scenecast.Slot, frame []byte) bool {
	if s.loop.Send(slot, frame) {
		return true
	}
	s.leave(slot)
	return false
}

func (s *Shard) close(slot scenecast.Slot, code scenecast.CloseCode, reason string) {
	s.leave(slot)
	s.loop.CloseSocket(slot, code, reason)
}

func (s *Shard) deliver(d *delivery) (t scenecast.Tally) {
	var last encoded // most members speak the protocol of the one before
	for i := range s.members {
		m := &s.members[i]
		if !m.matches(d.push.App, d.push.To) {
			continue
		}
		t.Matched++
		if last.by != m.protocol {
			last = d.encode(m.protocol)
		}
		if s.send(m.slot(i), last.frame) {
			t.Queued++
		} else {
			t.Dropped++
		}
	}
	return t
}

func (s *Shard) count(app string, to audience.Expr) (t scenecast.Tally) {
	for i := range s.members {
		if s.members[i].matches(app, to) {
			t.Matched++
		}
	}
	return t
}

// matches reports whether the slot holds a connection of the app that the audience chooses.
func (m *member) matches(app string, to audience.Expr) bool {
	return m.protocol != nil && m.app == app && to.Match(m.labels)
}

// closeSome closes at most n members and returns how many.
func (s *Shard) closeSome(n int, code scenecast.CloseCode, reason string) (closed int) {
	for i := range s.members {
		if closed >= n {
			break
		}
		if m := &s.members[i]; m.protocol != nil {
			s.close(m.slot(i), code, reason)
			closed++
		}
	}
	return closed
}

// view is a connection as its protocol sees it. The shard has one, pointed at one member after the other, so that telling
// a protocol of something allocates nothing.
type view struct {
	shard *Shard
	slot  scenecast.Slot
}

var _ scenecast.Conn = (*view)(nil)

func (s *Shard) viewOf(slot scenecast.Slot) *view {
	s.view = view{s, slot}
	return &s.view
}

// ID implements scenecast.Conn.
func (v *view) ID() scenecast.ConnID {
	return scenecast.ConnID{Node: v.shard.hub.node, Seq: v.member().seq}
}

// Labels implements scenecast.Conn.
func (v *view) Labels() label.Set { return v.member().labels }

// Send implements scenecast.Conn.
func (v *view) Send(frame []byte) bool { return v.shard.send(v.slot, frame) }

// Close implements scenecast.Conn.
func (v *view) Close(code scenecast.CloseCode, reason string) { v.shard.close(v.slot, code, reason) }

// member is the connection's entry; once it has left, an empty one.
func (v *view) member() *member {
	if m := v.shard.at(v.slot); m != nil {
		return m
	}
	return &member{}
}
