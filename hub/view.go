package hub

import (
	"scenecast"
	"scenecast/label"
)

var (
	_ scenecast.Conn = (*view)(nil)
	_ Member         = (*view)(nil)
)

// view is a connection as its protocol sees it. The shard has one, pointed at one member after the other, so that telling
// a protocol of something allocates nothing.
type view struct {
	shard *Shard
	slot  scenecast.Slot

	labels label.Set // while known: what the index would tell, which is work
	known  bool
	steady bool // the labels do not change while it is used
}

func (s *Shard) viewOf(slot scenecast.Slot) *view {
	s.view = view{shard: s, slot: slot}
	return &s.view
}

// viewWith is viewOf for observers, several of which may ask for the labels: they do not change meanwhile.
func (s *Shard) viewWith(slot scenecast.Slot, labels label.Set) *view {
	s.view = view{shard: s, slot: slot, labels: labels, known: true}
	return &s.view
}

// steadyView is viewWith where nobody knows the labels yet.
func (s *Shard) steadyView(slot scenecast.Slot) *view {
	s.view = view{shard: s, slot: slot, steady: true}
	return &s.view
}

// ID implements scenecast.Conn; of a connection that has closed meanwhile it is not the connection's any more.
func (v *view) ID() scenecast.ConnID {
	if m := v.shard.at(v.slot); m != nil {
		return v.shard.id(m)
	}
	return scenecast.ConnID{}
}

// App implements scenecast.Conn.
func (v *view) App() string {
	if m := v.shard.at(v.slot); m != nil {
		return v.shard.app(m).app
	}
	return ""
}

// Labels implements scenecast.Conn.
func (v *view) Labels() label.Set {
	if v.known {
		return v.labels
	}
	m := v.shard.at(v.slot)
	if m == nil {
		return label.Set{}
	}
	labels := v.shard.app(m).index.Labels(v.slot.Index)
	if v.steady {
		v.labels, v.known = labels, true
	}
	return labels
}

// Trusted implements scenecast.Conn.
func (v *view) Trusted(key string) bool {
	m := v.shard.at(v.slot)
	return m != nil && v.shard.trusts.of(m.trust).has(key)
}

// SetTracked implements Member.
func (v *view) SetTracked(tracked bool) {
	if m := v.shard.at(v.slot); m != nil {
		m.setTo(isTracked, tracked)
	}
}

// Tracked implements Member.
func (v *view) Tracked() bool {
	m := v.shard.at(v.slot)
	return m != nil && m.is(isTracked)
}

// MaySet implements scenecast.Conn.
func (v *view) MaySet() []string {
	if m := v.shard.at(v.slot); m != nil {
		return v.shard.trusts.of(m.trust).maySet
	}
	return nil
}

// Relabel implements scenecast.Conn.
func (v *view) Relabel(c label.Change) {
	if m := v.shard.at(v.slot); m != nil && !m.is(leaving) {
		before := v.Labels()
		v.shard.relabel(v.slot, before, before.Apply(c))
	}
}

// RelabelFrom implements scenecast.Conn.
func (v *view) RelabelFrom(c label.Change, from scenecast.History) {
	if m := v.shard.at(v.slot); m != nil && !m.is(leaving) {
		before := v.Labels()
		v.shard.relabelFrom(v.slot, before, before.Apply(c), from)
	}
}

// Position implements scenecast.Conn.
func (v *view) Position() scenecast.Position {
	if m := v.shard.at(v.slot); m != nil && m.is(catchingUp) {
		return v.shard.catchUps[v.slot.Index].At()
	}
	return v.shard.position
}

// Acknowledge implements scenecast.Conn.
func (v *view) Acknowledge(p scenecast.Position) {
	if m := v.shard.at(v.slot); m != nil {
		v.shard.acknowledge(v.slot.Index, m, p)
	}
}

// Send implements scenecast.Conn.
func (v *view) Send(frame []byte) bool { return v.shard.loop.Send(v.slot, frame) }

// Close implements scenecast.Conn.
func (v *view) Close(e scenecast.Ending) { v.shard.close(v.slot, e) }
