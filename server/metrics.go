package server

import (
	"net/http"

	"scenecast"
	"scenecast/engine/cluster"
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
		Limited:      s.limited,
		PageRequests: func() map[string]int64 { return s.native.Refused() },
		CallsRefused: func() map[string]int64 { return s.refusals.count(s.refusals.calls) },
		Engine:       s.engineFigures,
		Registry:     s.registryFigures,
		Presence:     func() metrics.Presence { return metrics.Presence(s.presence.Stats()) },
		Hooks:        s.hooks.figures,
		Feed:         s.hooks.feed.Stats,
		ConnectHooks: func() map[string]int64 { return s.backends.outcomes(connectHook) },
		Handovers:    s.handovers.figures,
		Draining:     func() bool { return s.draining.Load() || s.drains.begun() },
		CallHooks:    func() map[string]int64 { return s.backends.outcomes(callHook) },
		Spans: func() map[string]int64 {
			stats := s.tracing.Stats()
			return map[string]int64{"exported": stats.Exported, "dropped": stats.Dropped, "failed": stats.Failed}
		},
		AccessLost: func() int64 { return s.access.Lost() },
		SockJS: func() metrics.SockJS {
			stats := s.sessions.Stats()
			return metrics.SockJS{Sessions: stats.Open, Misrouted: stats.Misrouted}
		},
	})
}

// overLoops adds up a figure of all loops.
func (s *Server) overLoops(figure func(*socket.Loop) int64) (sum int64) {
	for _, loop := range s.loops {
		sum += figure(loop)
	}
	return sum
}

// statsTeller is an engine whose nodes share a log.
type statsTeller interface{ Stats() cluster.Stats }

var _ statsTeller = (*cluster.Engine)(nil)

// engineFigures are the engine's.
func (s *Server) engineFigures() metrics.Engine {
	e, ok := s.engine.(statsTeller)
	if !ok {
		return metrics.Engine{Nodes: 1}
	}
	f := e.Stats()
	return metrics.Engine{
		Nodes:             f.Known,
		LateNodes:         f.Late,
		Shared:            true,
		LagRecords:        f.Lag.Records,
		LagSeconds:        f.Lag.Time.Seconds(),
		Leads:             f.Log.Leads,
		Replicas:          f.Log.Replicas,
		InSync:            f.Log.InSync,
		Appended:          f.Appended,
		AppendedAgain:     f.AppendedAgain,
		ReadOn:            f.ReadOn,
		PushesUnavailable: f.Refused,
		PushesUncertain:   f.Uncertain,
		TalliesLate:       f.TalliesLate,
	}
}
