package listener

import (
	"maps"
	"sync"

	"scenecast/problem"
)

// refusalCounter counts the pages that were refused, by what was wrong.
type refusalCounter struct {
	mu     sync.Mutex
	byKind map[problem.Kind]int64
}

// newRefusalCounter begins with the usual kinds at 0, so that a rate over the first refusal of a kind can be told.
func newRefusalCounter() *refusalCounter {
	return &refusalCounter{byKind: map[problem.Kind]int64{
		problem.Invalid: 0, problem.LimitExceeded: 0, problem.Unauthorized: 0, problem.Forbidden: 0, problem.TooMany: 0,
		problem.UpgradeRequired: 0, problem.Internal: 0,
	}}
}

func (c *refusalCounter) count(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byKind[problem.Of(err).Kind]++
}

// Refused is how many pages were refused, by the kind of their problem.
func (s *Server) Refused() map[problem.Kind]int64 {
	s.refused.mu.Lock()
	defer s.refused.mu.Unlock()
	return maps.Clone(s.refused.byKind)
}
