package server

import (
	"net/http"

	"scenecast"
	"scenecast/metrics"
	"scenecast/socket"
)

// metrics is what Prometheus is told.
func (s *Server) metrics(version string) http.Handler {
	return metrics.Handler(metrics.Sources{
		Version:         version,
		Connections:     s.quota.ByApp,
		Pushes:          s.hub.Pushes,
		Deliveries:      s.hub.Deliveries,
		FramesDropped:   func() int64 { return s.overLoops((*socket.Loop).Dropped) },
		FramesCoalesced: func() int64 { return s.overLoops((*socket.Loop).Coalesced) },
		Endings: func() map[string]int64 {
			endings := make(map[string]int64)
			for _, cause := range scenecast.Causes() {
				endings[cause.String()] = 0 // a series that is there from the start can be counted from the start
			}
			for _, loop := range s.loops {
				for cause, n := range loop.Endings() {
					endings[cause.String()] += n
				}
			}
			return endings
		},
		TurnedAway:   func() int64 { return s.overLoops((*socket.Loop).OutOfDescriptors) },
		Refused:      func() map[string]int64 { return s.refusals.count(s.refusals.pages) },
		CallsRefused: func() map[string]int64 { return s.refusals.count(s.refusals.calls) },
	})
}

// overLoops adds up a figure of all loops.
func (s *Server) overLoops(figure func(*socket.Loop) int64) (sum int64) {
	for _, loop := range s.loops {
		sum += figure(loop)
	}
	return sum
}
