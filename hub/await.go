package hub

import "scenecast"

// Await implements scenecast.Conn.
func (v *view) Await(w scenecast.Waiting) (resume func(task func(c scenecast.Conn)), ok bool) {
	s, slot := v.shard, v.slot
	m := s.at(slot)
	if m == nil || !m.wait(w) {
		return nil, false
	}
	return func(task func(c scenecast.Conn)) {
		s.loop.Post(func() {
			if m := s.at(slot); m != nil {
				m.waitNoMore(w)
				task(s.viewOf(slot))
			} else {
				s.resumeMoved(slot, w, task)
			}
		})
	}, true
}

// wait notes that a member waits for one more of something. It is false where it may not.
func (m *member) wait(w scenecast.Waiting) bool {
	switch {
	case w == scenecast.WaitingForToken && !m.is(awaitingToken):
		m.set(awaitingToken)
	case w == scenecast.WaitingForAnswer && m.calls < scenecast.MaxCalls:
		m.calls++
	default:
		return false
	}
	return true
}

func (m *member) waitNoMore(w scenecast.Waiting) {
	if w == scenecast.WaitingForToken {
		m.clear(awaitingToken)
	} else {
		m.calls--
	}
}
