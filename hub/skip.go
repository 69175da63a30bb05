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
	next   uint32    // slot index
	frames []encoded // one for each wire
}

// sliceOfSkip is how many slots are looked at in one go.
const sliceOfSkip = 500

// step tells some members, and reports whether all have been told.
func (k *skip) step() (done bool) {
	s := k.shard
	if !k.begun {
		k.begun = true
		s.moveTo(k.notice.Newest)
	}
	for range sliceOfSkip {
		m := s.members.at(k.next)
		if m == nil {
			return true
		}
		if m.class != 0 && !m.is(catchingUp) {
			if f := k.encode(s.classes.all[m.class].protocol); f != nil {
				s.loop.SendShared(s.slot(k.next), f)
			}
			s.hub.replayed.gap(k.notice.Reason)
			s.hub.observers.missedPushes(s.viewOf(s.slot(k.next)), k.notice)
		}
		k.next++
	}
	return false
}

// encode is the notice in the form of a wire; nil: it has none.
func (k *skip) encode(by scenecast.Protocol) *scenecast.Frame {
	for _, e := range k.frames {
		if e.by == by {
			return e.frame
		}
	}
	var f *scenecast.Frame
	if encode := by.Traits().EncodeGap; encode != nil {
		f = &scenecast.Frame{Data: encode(k.notice)}
	}
	k.frames = append(k.frames, encoded{variant{by: by}, f})
	return f
}
