package hub

import (
	"sync"

	"scenecast"
	"scenecast/audience"
	"scenecast/label"
)

// Notice is something that pages of this node are told besides pushes: it has no place in the log, and is not replayed. All pages of
// one wire share its frame.
type Notice struct {
	encode   func(scenecast.Traits) []byte
	coalesce string

	mu     sync.Mutex
	frames []encoded
}

// NewNotice makes a notice. encode makes its frame for a wire; nil: pages of that wire are not told. Of those that wait in a page's outbox
// with the same coalesce, unless that is empty, only the newest is sent.
func NewNotice(coalesce string, encode func(scenecast.Traits) []byte) *Notice {
	return &Notice{encode: encode, coalesce: coalesce}
}

// frame is the notice in a wire's form; nil: the wire has none.
func (n *Notice) frame(of scenecast.Protocol) *scenecast.Frame {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.frames {
		if e.by == of {
			return e.frame
		}
	}
	var f *scenecast.Frame
	if data := n.encode(of.Traits()); data != nil {
		f = &scenecast.Frame{Data: data, Coalesce: n.coalesce}
	}
	n.frames = append(n.frames, encoded{variant{by: of}, f})
	return f
}

// Notify tells an app's connections that match something, in order with what else is posted to the loops, and does not wait for it. It
// takes no turn among pushes and queries.
func (h *Hub) Notify(app string, to audience.Expr, n *Notice) {
	for _, s := range h.shards {
		s.loop.Post(func() { s.notify(app, to, n) })
	}
}

func (s *Shard) notify(app string, to audience.Expr, n *Notice) {
	var of uint32 // most members are of the class of the one before
	var frame *scenecast.Frame
	for _, i := range s.choose(app, to) {
		m := s.members.at(i)
		if m.class != of {
			of = m.class
			frame = n.frame(s.classes.all[of].protocol)
		}
		if frame != nil {
			s.loop.SendShared(scenecast.Slot{Index: i, Generation: m.generation}, frame)
		}
	}
}

// Address is where a connection is found later. It may be copied and kept, and leads nowhere when the connection has ended.
type Address struct {
	shard *Shard
	slot  scenecast.Slot
}

// Index is a number that no other connection of the hub has at the same time. The numbers of those that have ended are given again, so they
// stay small, and an observer can keep what it knows of connections in a list.
func (a Address) Index() int { return int(a.slot.Index)*len(a.shard.hub.shards) + a.shard.number }

// Do has the connection's owner run a task with it, behind what was posted before, unless the connection has ended. Any goroutine may
// call it; it does not wait. False: it will not run, because the owner has stopped.
func (a Address) Do(task func(c Watcher)) bool {
	return a.shard.loop.Post(func() {
		if m := a.shard.at(a.slot); m != nil && !m.is(leaving) {
			task(a.shard.viewOf(a.slot))
		}
	})
}

// Watcher is a connection that is told what its label scenecast.LabelWatch asks for. It is valid only during the call.
type Watcher interface {
	scenecast.Conn
	// Protocol is the connection's.
	Protocol() scenecast.Protocol
	// Notify sends the connection a notice; false: it was dropped.
	Notify(n *Notice) bool
	// SetWatching says whether the connection has the key's value among its labels scenecast.LabelWatching. It loses it by itself when its
	// labels with the key change, or it does not watch the key any more. Nobody is told of the change.
	SetWatching(key string, watching bool)
}

var _ Watcher = (*view)(nil)

// Protocol implements Watcher.
func (v *view) Protocol() scenecast.Protocol {
	if m := v.shard.at(v.slot); m != nil {
		return v.shard.classes.all[m.class].protocol
	}
	return nil
}

// Address implements Member.
func (v *view) Address() Address { return Address{v.shard, v.slot} }

// Notify implements Watcher.
func (v *view) Notify(n *Notice) bool {
	m := v.shard.at(v.slot)
	if m == nil {
		return false
	}
	frame := n.frame(v.shard.classes.all[m.class].protocol)
	return frame != nil && v.shard.loop.SendShared(v.slot, frame)
}

// SetWatching implements Watcher.
func (v *view) SetWatching(key string, watching bool) {
	m := v.shard.at(v.slot)
	if m == nil {
		return
	}
	before := v.Labels()
	if before.Contains(scenecast.LabelWatching, key) == watching {
		return
	}
	next := before.Union(label.New(label.Label{Key: scenecast.LabelWatching, Value: key}))
	if !watching {
		next = withoutWatching(before, key)
	}
	v.shard.app(m).index.Relabel(v.slot.Index, next)
}

func withoutWatching(s label.Set, key string) label.Set {
	var kept []string
	for l := range s.Of(scenecast.LabelWatching).All() {
		if l.Value != key {
			kept = append(kept, l.Value)
		}
	}
	return s.With(scenecast.LabelWatching, kept...)
}

// endWatching is the labels of a connection that is relabelled without scenecast.LabelWatching of those keys whose values have changed, or
// that it does not watch any more: what it was told of them is of scenes that it has left. Done at once, so that nothing is told of these
// from then on.
func endWatching(before, next label.Set) label.Set {
	watching := before.Of(scenecast.LabelWatching)
	if watching.Len() == 0 {
		return next
	}
	for l := range watching.All() {
		if !before.Of(l.Value).Equal(next.Of(l.Value)) || !next.Contains(scenecast.LabelWatch, l.Value) {
			next = withoutWatching(next, l.Value)
		}
	}
	return next
}
