package client

import "scenecast"

// remembered is how many pushes a page knows again.
const remembered = 2000

// resume is where a page goes on after its connection was lost, and what it has been given before. For one goroutine.
type resume struct {
	since scenecast.Position
	given map[scenecast.Position]bool // a push that came late may come again in its order, and the other way round
	order []scenecast.Position        // of those, the oldest first
}

// isNew reports whether a position is behind where the page stands.
func (r *resume) isNew(at scenecast.Position) bool {
	return at.Epoch != r.since.Epoch || at.Seq > r.since.Seq
}

// reached notes that the page has missed nothing up to a position.
func (r *resume) reached(at scenecast.Position) {
	if r.isNew(at) {
		r.since = at
	}
}

// wants reports whether a push has not been given to the page yet.
func (r *resume) wants(at scenecast.Position, late bool) bool {
	return !r.given[at] && (late || r.isNew(at))
}

// took notes that a push has been given to the page.
func (r *resume) took(at scenecast.Position, late bool) {
	if !late {
		r.reached(at)
	}
	if r.given == nil {
		r.given = make(map[scenecast.Position]bool)
	}
	if r.given[at] {
		return
	}
	r.given[at] = true
	if r.order = append(r.order, at); len(r.order) > remembered {
		delete(r.given, r.order[0])
		r.order = r.order[1:]
	}
}
