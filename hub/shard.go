package hub

import (
	"slices"
	"sync/atomic"

	"scenecast"
	"scenecast/audience"
	"scenecast/index"
	"scenecast/label"
)

// Shard is the part of the hub that lives on one loop. All its methods are called on the loop's owner goroutine.
type Shard struct {
	hub      *Hub
	loop     Loop
	members  members                // by slot index
	apps     map[string]*population // by name; an app without connections has none
	kinds    kinds
	position scenecast.Position   // of the last push
	catchUps map[uint32]*catchUp  // of the members that are catching up, by slot index
	lasting  map[string]*lastings // by app; an app without has none
	awaiting []awaited            // in the order of the log
	chosen   []uint32             // scratch: what an audience has selected
	view     view                 // the connection that a protocol is being told of

	queued, dropped atomic.Int64 // deliveries; written by the owner alone, once for each push
}

// population is an app's connections on this shard, which nothing that is done in another app can reach.
type population struct {
	app   string
	index *index.Index // of their labels, by slot index
}

// Opened is for the loop (socket.Handler): the page joins, and its protocol may greet it.
func (s *Shard) Opened(slot scenecast.Slot, a scenecast.Admission) {
	m := s.members.grow(slot.Index)
	*m = member{
		kind:       s.kinds.of(kind{a.Protocol, s.population(a.App)}),
		trusted:    s.kinds.trusted.take(a.Trusted.Keys()),
		seq:        s.hub.lastSeq.Add(1),
		generation: slot.Generation,
		hasPageID:  a.PageID != "",
	}
	labels := a.Labels.Union(a.Trusted, s.ownLabels(m, a))
	s.app(m).index.Join(slot.Index, labels)
	s.hub.connections.Add(1)
	s.recall(slot.Index, a.App, a.PageID)
	behind := a.Resume.Wanted && !a.Resume.Malformed && a.Resume.After != s.position
	if behind {
		s.catchUpFrom(slot, a.Resume.After, labels)
	}
	a.Protocol.Opened(s.viewOf(slot))
	if a.Resume.Malformed {
		s.tellGap(slot, a.Protocol, scenecast.GapNotice{Reason: scenecast.GapPosition, Newest: s.position})
	}
	if !behind {
		s.catchLate(slot, 0)
	}
}

// ownLabels are those that the server gives a member.
func (s *Shard) ownLabels(m *member, a scenecast.Admission) label.Set {
	own := make([]label.Label, 0, 3)
	own = append(own,
		label.Label{Key: scenecast.LabelID, Value: s.id(m).String()},
		label.Label{Key: scenecast.LabelProtocol, Value: a.Protocol.Name()})
	if a.PageID != "" {
		own = append(own, label.Label{Key: scenecast.LabelPage, Value: a.PageID})
	}
	return label.New(own...)
}

// population is the app's, made when its first connection comes.
func (s *Shard) population(app string) *population {
	p := s.apps[app]
	if p == nil {
		p = &population{app: app, index: index.New()}
		s.apps[app] = p
	}
	return p
}

// Received is for the loop (socket.Handler).
func (s *Shard) Received(slot scenecast.Slot, m scenecast.Inbound) {
	if member := s.at(slot); member != nil {
		s.kinds.all[member.kind].protocol.Received(s.viewOf(slot), m)
	}
}

// Closed is for the loop (socket.Handler): the page has gone.
func (s *Shard) Closed(slot scenecast.Slot, e scenecast.Ending) { s.leave(slot, e) }

// at is the member in a slot; nil if it has left.
func (s *Shard) at(slot scenecast.Slot) *member {
	m := s.members.at(slot.Index)
	if m == nil || m.kind == 0 || m.generation != slot.Generation {
		return nil
	}
	return m
}

func (s *Shard) leave(slot scenecast.Slot, e scenecast.Ending) {
	m := s.at(slot)
	if m == nil {
		return
	}
	s.kinds.all[m.kind].protocol.Closed(s.viewOf(slot), e)
	p := s.app(m)
	if m.catchingUp {
		s.giveUp(slot.Index)
	}
	s.remember(slot.Index, p.app)
	p.index.Leave(slot.Index)
	if p.index.Len() == 0 {
		delete(s.apps, p.app)
		s.kinds.forget(p)
	}
	s.kinds.trusted.release(m.trusted)
	*m = member{}
	s.hub.connections.Add(-1)
}

func (s *Shard) id(m *member) scenecast.ConnID { return scenecast.ConnID{Node: s.hub.node, Seq: m.seq} }

// slot is the address of the member at an index.
func (s *Shard) slot(index uint32) scenecast.Slot {
	return scenecast.Slot{Index: index, Generation: s.members.at(index).generation}
}

// choose selects an app's connections. The result is valid until the next call; whoever leaves meanwhile is still in it.
func (s *Shard) choose(app string, to audience.Expr) []uint32 {
	p := s.apps[app]
	if p == nil {
		return nil
	}
	s.chosen = p.index.Select(to, s.chosen[:0])
	return s.chosen
}

func (s *Shard) close(slot scenecast.Slot, e scenecast.Ending) {
	s.leave(slot, e)
	s.loop.Close(slot, e)
}

func (s *Shard) deliver(d *delivery) (t scenecast.Tally) {
	s.position = d.push.Position
	var frame *scenecast.Frame // most members are of the kind of the one before
	var of uint32
	asks := false
	asked := 0
	chosen := s.choose(d.push.App, d.push.To)
	queued := chosen[:0] // those that took it
	for _, i := range chosen {
		m := s.members.at(i)
		if m.kind == 0 {
			continue // it was closed because of what another one was sent: the loop was out of memory for outboxes
		}
		if m.kind != of {
			of = m.kind
			p := s.kinds.all[of].protocol
			frame = d.encode(p)
			asks = p.Traits().Acknowledges
		}
		t.Matched++
		switch {
		case m.catchingUp:
			s.catchUps[i].keep(d)
		case !s.loop.SendShared(scenecast.Slot{Index: i, Generation: m.generation}, frame):
			continue
		}
		queued = append(queued, i)
		if asks {
			asked++
		}
	}
	t.Queued = len(queued)
	t.Dropped = t.Matched - t.Queued
	s.follow(d, queued, asked)
	s.queued.Add(int64(t.Queued))
	s.dropped.Add(int64(t.Dropped))
	return t
}

// follow notes what is to be known of a push later, of the members that took it. Some of those may have left since.
func (s *Shard) follow(d *delivery, members []uint32, asked int) {
	acked := d.push.Receipt == scenecast.ReceiptAcked
	if d.receipt != nil {
		d.receipt.expect(len(members), asked)
	}
	if !acked && d.push.TTL == 0 {
		return
	}
	here := slices.DeleteFunc(members, func(i uint32) bool { return s.members.at(i).kind == 0 })
	if d.push.TTL > 0 {
		s.last(d.push, here)
	}
	if acked {
		askedHere := slices.DeleteFunc(here, func(i uint32) bool {
			return !s.kinds.all[s.members.at(i).kind].protocol.Traits().Acknowledges
		})
		s.await(d.receipt, newSlotSet(askedHere))
	}
}

// relabel gives a member the labels that it has from now on. Pushes that come later see them, and so do lasting ones.
func (s *Shard) relabel(index uint32, next label.Set) {
	m := s.members.at(index)
	s.app(m).index.Relabel(index, next)
	if m.catchingUp {
		s.relabelled(index, next)
	}
	s.catchLateSoon(s.slot(index))
}

// closeSome closes at most n members and returns how many.
func (s *Shard) closeSome(n int, e scenecast.Ending) (closed int) {
	for i, m := range s.members.all() {
		if closed >= n {
			break
		}
		if m.kind != 0 {
			s.close(s.slot(i), e)
			closed++
		}
	}
	return closed
}
