package hub

import (
	"slices"
	"sync/atomic"

	"scenecast"
	"scenecast/audience"
	"scenecast/index"
	"scenecast/label"
)

var _ scenecast.Shard = (*Shard)(nil)

// Shard is the part of the hub that lives on one loop. All its methods are called on the loop's owner goroutine.
type Shard struct {
	hub      *Hub
	loop     scenecast.Loop
	members  members                // by slot index
	apps     map[string]*population // by name; an app without connections has none
	kinds    kinds
	position scenecast.Position // of the last push
	chosen   []uint32           // scratch: what an audience has selected
	view     view               // the connection that a protocol is being told of

	queued, dropped atomic.Int64 // deliveries; written by the owner alone, once for each push
}

// population is an app's connections on this shard, which nothing that is done in another app can reach.
type population struct {
	app   string
	index *index.Index // of their labels, by slot index
}

// Opened implements scenecast.Shard: the page joins, and its protocol may greet it.
func (s *Shard) Opened(slot scenecast.Slot, a scenecast.Admission) {
	m := s.members.grow(slot.Index)
	*m = member{
		kind:       s.kinds.of(kind{a.Protocol, s.population(a.App)}),
		trusted:    s.kinds.trusted.take(keysOf(a.Trusted)),
		seq:        s.hub.lastSeq.Add(1),
		generation: slot.Generation,
	}
	own := label.New(
		label.Label{Key: scenecast.LabelID, Value: s.id(m).String()},
		label.Label{Key: scenecast.LabelProtocol, Value: a.Protocol.Name()},
	)
	s.app(m).index.Join(slot.Index, a.Labels.Union(a.Trusted, own))
	s.hub.connections.Add(1)
	a.Protocol.Opened(s.viewOf(slot))
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

func keysOf(s label.Set) (keys []string) {
	for l := range s.All() {
		keys = append(keys, l.Key)
	}
	return slices.Compact(keys) // a set is sorted
}

// Received implements scenecast.Shard.
func (s *Shard) Received(slot scenecast.Slot, m scenecast.Inbound) {
	if member := s.at(slot); member != nil {
		s.kinds.all[member.kind].protocol.Received(s.viewOf(slot), m)
	}
}

// Closed implements scenecast.Shard: the page has gone.
func (s *Shard) Closed(slot scenecast.Slot) { s.leave(slot) }

// at is the member in a slot; nil if it has left.
func (s *Shard) at(slot scenecast.Slot) *member {
	m := s.members.at(slot.Index)
	if m == nil || m.kind == 0 || m.generation != slot.Generation {
		return nil
	}
	return m
}

func (s *Shard) leave(slot scenecast.Slot) {
	m := s.at(slot)
	if m == nil {
		return
	}
	p := s.app(m)
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

func (s *Shard) close(slot scenecast.Slot, code scenecast.CloseCode, reason string) {
	s.leave(slot)
	s.loop.CloseSocket(slot, code, reason)
}

func (s *Shard) deliver(d *delivery) (t scenecast.Tally) {
	s.position = d.push.Position
	var frame *scenecast.Frame // most members are of the kind of the one before
	var of uint32
	for _, i := range s.choose(d.push.App, d.push.To) {
		m := s.members.at(i)
		if m.kind != of {
			of = m.kind
			frame = d.encode(s.kinds.all[of].protocol)
		}
		t.Matched++
		if s.loop.Share(scenecast.Slot{Index: i, Generation: m.generation}, frame) {
			t.Queued++
		} else {
			t.Dropped++
		}
	}
	s.queued.Add(int64(t.Queued))
	s.dropped.Add(int64(t.Dropped))
	return t
}

// relabel gives a member the labels that it has from now on. Pushes that come later see them.
func (s *Shard) relabel(index uint32, next label.Set) {
	s.app(s.members.at(index)).index.Relabel(index, next)
}

// closeSome closes at most n members and returns how many.
func (s *Shard) closeSome(n int, code scenecast.CloseCode, reason string) (closed int) {
	for i, m := range s.members.all() {
		if closed >= n {
			break
		}
		if m.kind != 0 {
			s.close(s.slot(i), code, reason)
			closed++
		}
	}
	return closed
}
