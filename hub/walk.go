package hub

import "scenecast"

// Walk has a function be called with each connection, on the owner goroutines, in slices that the loops run in the background. It does
// not wait. Those that join or leave meanwhile may be among them or not.
func (h *Hub) Walk(each func(c Member)) {
	for _, s := range h.shards {
		next := uint32(0) // slot index
		s.loop.PostBackground(func() (more bool) {
			for end := next + sliceOfList; next < end; next++ {
				m := s.members.at(next)
				if m == nil {
					return false
				}
				if m.class != 0 && !m.is(leaving) {
					each(s.viewOf(scenecast.Slot{Index: next, Generation: m.generation}))
				}
			}
			return true
		})
	}
}
