package hub

import "scenecast"

// Skip implements scenecast.Node.
func (h *Hub) Skip(n scenecast.GapNotice) {
	for _, s := range h.shards {
		s.loop.Post(func() {
			k := &skip{shard: s, notice: n}
			if !s.inTurn() || !k.step() {
				s.queueTurn(k.step)
			}
		})
	}
}

// skip has a shard go on at the notice's position, and tells its members that they have missed what lies between. Those that are
// catching up find the gap in the log.
type skip struct {
	shard  *Shard
	notice scenecast.GapNotice
	begun  bool
	next   uint32 // slot index
}

// skipSlice is how many members are told in one go.
const skipSlice = 1000

// step tells some members, and reports whether all have been told.
func (k *skip) step() (done bool) {
	s := k.shard
	if !k.begun {
		k.begun = true
		s.position = k.notice.Newest
	}
	for range skipSlice {
		m := s.members.at(k.next)
		if m == nil {
			return true
		}
		if m.class != 0 && !m.is(catchingUp) {
			s.tellGap(s.slot(k.next), s.classes.all[m.class].protocol, k.notice)
		}
		k.next++
	}
	return false
}
