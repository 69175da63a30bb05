package server

import (
	"time"

	"scenecast"
)

// nodes tells which nodes there are: those that the engine knows, or this one alone.
func (s *Server) nodes(id scenecast.NodeID, version string) func() scenecast.Nodes {
	if lister, ok := s.engine.(scenecast.NodeLister); ok {
		return lister.Nodes
	}
	started := time.Now()
	return func() scenecast.Nodes {
		return scenecast.Nodes{Nodes: []scenecast.NodeInfo{{
			ID:          id,
			Version:     version,
			Self:        true,
			Since:       started,
			Started:     started,
			Connections: s.Connections(),
			Newest:      s.engine.Newest(),
			Condition:   s.nodeCondition(),
		}}}
	}
}
