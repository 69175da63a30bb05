package listener

import (
	"maps"
	"sync"

	"scenecast/problem"
)

// refusals counts those who wanted to become a page and could not, by what was wrong.
type refusals struct {
	mu     sync.Mutex
	byKind map[problem.Kind]int64
}

// newRefusals begins with the usual kinds, so that a first one is seen to be one more than none.
func newRefusals() *refusals {
	return &refusals{byKind: map[problem.Kind]int64{
		problem.Invalid: 0, problem.LimitExceeded: 0, problem.Unauthorized: 0, problem.Forbidden: 0, problem.TooMany: 0,
		problem.UpgradeRequired: 0, problem.Internal: 0,
	}}
}

func (r *refusals) count(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byKind[problem.Of(err).Kind]++
}

// Refused is how many wanted to become a page and were refused, by the kind of their problem.
func (s *Server) Refused() map[problem.Kind]int64 {
	s.refused.mu.Lock()
	defer s.refused.mu.Unlock()
	return maps.Clone(s.refused.byKind)
}
