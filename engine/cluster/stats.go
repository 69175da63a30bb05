package cluster

import (
	"sync/atomic"

	"scenecast"
)

// LogInformer is a backend that can say how its log stands.
type LogInformer interface {
	// LogInfo says how the log stands, how far this node is behind it, and how many records this node has read from the log by itself,
	// because it had not been told of them when they were stored. It may be called concurrently, and from Events.
	LogInfo() (log scenecast.LogInfo, lag scenecast.Lag, readOn int64)
}

// Stats are an engine's figures: counts since its start, and how things stand now.
type Stats struct {
	Appended      int64 // records
	AppendedAgain int64 // attempts to append a record once more: an earlier one had failed, or the log had lost the record
	ReadOn        int64 // records that were read from the log, because this node had not been told of them
	Refused       int64 // pushes that were not published, because the engine was out of order
	Uncertain     int64 // pushes of which their publisher was told that it is not known whether they are published
	TalliesLate   int64 // of a node, for one push, that came when nobody waited for it any more

	Known int // nodes, this one among them
	Late  int // of those, the ones that nobody waits for
	Log   scenecast.LogInfo
	Lag   scenecast.Lag
}

// counts are the figures that only rise.
type counts struct {
	appended, appendedAgain, refused, uncertain, talliesLate atomic.Int64
}

// Stats returns the figures.
func (e *Engine) Stats() Stats {
	s := Stats{
		Appended:      e.counts.appended.Load(),
		AppendedAgain: e.counts.appendedAgain.Load(),
		Refused:       e.counts.refused.Load(),
		Uncertain:     e.counts.uncertain.Load(),
		TalliesLate:   e.counts.talliesLate.Load(),
	}
	s.Log, s.Lag, s.ReadOn = e.logInfo()
	e.mu.Lock()
	defer e.mu.Unlock()
	s.Known = e.members.known()
	for _, m := range e.members.byID {
		if m.late {
			s.Late++
		}
	}
	return s
}

// logInfo is what the backend says of its log, if it can.
func (e *Engine) logInfo() (log scenecast.LogInfo, lag scenecast.Lag, readOn int64) {
	if b, ok := e.backend.(LogInformer); ok {
		return b.LogInfo()
	}
	return log, lag, 0
}
