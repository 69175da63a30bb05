package server

import (
	"sync"
	"time"

	"scenecast"
	"scenecast/series"
)

// recorder notes, every few seconds, how the node stands. Its figures of the last hour cost no more than that and, where there are several apps, one
// count for each push. They are not handed over to another process, which begins anew.
type recorder struct {
	series series.Recorder
	pushes appCounts
	stop   chan struct{}
	done   chan struct{}
}

// startRecorder begins to note.
func (s *Server) startRecorder() {
	r := &s.recorder
	r.stop, r.done = make(chan struct{}), make(chan struct{})
	s.record(time.Now())
	go func() {
		defer close(r.done)
		for {
			now := time.Now()
			timer := time.NewTimer(now.Truncate(series.Step).Add(series.Step).Sub(now))
			select {
			case now = <-timer.C:
				s.record(now)
			case <-r.stop:
				timer.Stop()
				return
			}
		}
	}()
}

// close ends that; nothing may have begun.
func (r *recorder) close() {
	if r.stop != nil {
		close(r.stop)
		<-r.done
	}
}

// record notes how the node stands.
func (s *Server) record(now time.Time) {
	node := series.Sample{Opened: s.hub.Opened(), Pushes: s.hub.Pushes()}
	node.Pages = int64(s.Connections()) // behind Opened, so that a page that opens meanwhile is not taken for one that has closed
	node.Closed = node.Opened - node.Pages
	for _, d := range s.hub.Deliveries() {
		node.Deliveries += d.Queued
		node.Dropped += d.Dropped
	}
	s.sampleCondition()
	s.recorder.series.Record(now, node, s.appSamples())
}

// appSamples are how the apps stand whose keys are not told of all: those but the operator's.
func (s *Server) appSamples() map[string]series.Sample {
	apps := s.apps.Load().byName
	if len(apps) <= 1 {
		return nil
	}
	pages := s.quota.ByApp()
	samples := make(map[string]series.Sample, len(apps))
	for app := range apps {
		if app != scenecast.DefaultApp {
			samples[app] = series.Sample{Pages: int64(pages[app]), Pushes: s.recorder.pushes.of(app)}
		}
	}
	return samples
}

// answerStats answers a query about the last while.
func (s *Server) answerStats(q scenecast.Query, report func(scenecast.Reply)) {
	read := s.recorder.series.Read(q.App, q.Stats.All, q.Stats.UpTo, q.Stats.Steps)
	report(scenecast.Reply{Tally: scenecast.Tally{Nodes: 1}, Stats: []scenecast.NodeStats{{Node: s.id, Series: read}}})
}

// appCounts counts by app, those but the operator's. The zero value counts nothing yet.
type appCounts struct {
	mu    sync.Mutex
	byApp map[string]int64
}

func (c *appCounts) add(app string) {
	if app == scenecast.DefaultApp {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byApp == nil {
		c.byApp = make(map[string]int64)
	}
	c.byApp[app]++
}

func (c *appCounts) of(app string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byApp[app]
}
