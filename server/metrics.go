package server

import (
	"context"
	"net/http"
	"time"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/histogram"
	"scenecast/hub"
	"scenecast/metrics"
	"scenecast/socket"
)

// metrics is what Prometheus is told.
func (s *Server) metrics() http.Handler { return metrics.Handler(s.figures) }

// loopsWait is how long the figures wait for loops that are busy.
const loopsWait = 250 * time.Millisecond

// figures are how the server stands.
func (s *Server) figures() metrics.Figures {
	shards := s.hub.ShardStats(loopsWait)
	f := metrics.Figures{
		Version:         s.options.Version,
		Connections:     s.quota.ByApp(),
		Pushes:          s.hub.Pushes(),
		PushTimes:       make(map[string]histogram.Snapshot),
		FramesDropped:   s.overLoops((*socket.Loop).Dropped),
		FramesCoalesced: s.overLoops((*socket.Loop).Coalesced),
		Endings:         s.endings(),
		TurnedAway:      s.overLoops((*socket.Loop).OutOfDescriptors),
		Refused:         s.refusals.count(s.refusals.pages),
		Limited:         s.limited(),
		CallsRefused:    s.refusals.count(s.refusals.calls),
		PageRequests:    s.native.Refused(),
		OutboxLimit:     int(s.options.Config.Outbox.MaxTotal),
		Replay:          replayFigures(s.hub.ReplayStats()),
		Tokens:          s.tokenFigures(),

		Ready:        s.ready(context.Background()) == nil,
		Draining:     s.draining.Load() || s.drains.begun(),
		Engine:       s.engineFigures(),
		Registry:     s.registryFigures(),
		Presence:     s.presenceFigures(),
		Hooks:        s.hooks.figures(),
		ConnectHooks: s.backends.outcomes(connectHook),
		CallHooks:    s.backends.outcomes(callHook),
	}
	for receipt, took := range s.pushes.Times() {
		f.PushTimes[receipt.String()] = took
	}
	for _, d := range s.hub.Deliveries() {
		f.Deliveries = append(f.Deliveries, metrics.Deliveries(d))
	}
	spans := s.tracing.Stats()
	f.Spans = map[string]int64{"exported": spans.Exported, "dropped": spans.Dropped, "failed": spans.Failed}
	f.AccessLost = s.access.Lost()
	f.Certificates = s.certificates()
	sessions := s.sessions.Stats()
	f.SockJS = metrics.SockJS{Sessions: sessions.Open, Misrouted: sessions.Misrouted}
	f.Requests, f.RequestTimes = s.requests.figures()
	f.Feed.Streams, f.Feed.Cut = s.hooks.feed.Stats()
	f.Handovers, f.StoodStill = s.handovers.figures()
	for i, shard := range shards {
		f.Replay.CatchingUp += shard.CatchingUp
		f.Index.Labels += shard.Labels
		f.Index.Keys += shard.Keys
		f.Index.Apps += shard.Apps
		loop := s.loops[i].Stats()
		f.Loops = append(f.Loops, metrics.Loop{
			Pages:       shard.Pages,
			OutboxBytes: s.loops[i].OutboxBytes(),
			Stalled:     loop.Stalled,
			Rounds:      loop.Rounds,
			Waits:       loop.Waits,
		})
	}
	return f
}

// endings are those of all loops, by cause.
func (s *Server) endings() map[string]int64 {
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
}

func replayFigures(r hub.ReplayStats) metrics.Replay {
	f := metrics.Replay{CatchUps: r.CatchUps, Steps: r.Steps, Bytes: r.Bytes, Gaps: make(map[string]int64)}
	for reason, n := range r.Gaps {
		f.Gaps[string(reason)] = n
	}
	return f
}

func (s *Server) tokenFigures() metrics.Tokens {
	stats := s.keySets.Stats()
	return metrics.Tokens{
		On:            s.apps.Load().signed != nil,
		Verifications: stats.Verifications,
		Times:         stats.Times,
		Refreshes:     stats.Refreshes,
		KeySetAge:     stats.Age,
	}
}

// presenceKinds are the changes of scenes in metrics.
var presenceKinds = map[scenecast.PresenceKind]string{
	scenecast.PresenceSnapshot: "snapshot",
	scenecast.PresenceJoined:   "joined",
	scenecast.PresenceLeft:     "left",
	scenecast.PresenceUpdated:  "updated",
	scenecast.PresenceCount:    "count",
	scenecast.PresenceOccupied: "occupied",
	scenecast.PresenceVacated:  "vacated",
}

func (s *Server) presenceFigures() metrics.Presence {
	stats, told := s.presence.Stats(), s.presence.Told()
	f := metrics.Presence{
		Scenes: stats.Scenes, Members: stats.Members, Watching: stats.Watching, Missed: stats.Missed, Changes: make(map[string]int64),
	}
	for kind, name := range presenceKinds {
		f.Changes[name] = told[kind]
	}
	return f
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
	healthy := true
	if engine, ok := s.engine.(scenecast.HealthChecker); ok {
		healthy = engine.CheckHealth(context.Background()) == nil
	}
	e, ok := s.engine.(statsTeller)
	if !ok {
		return metrics.Engine{Healthy: healthy, Nodes: 1}
	}
	f := e.Stats()
	return metrics.Engine{
		Healthy:           healthy,
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
