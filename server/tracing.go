package server

import (
	"fmt"
	"os"

	"scenecast"
	"scenecast/config"
	"scenecast/tracing"
)

// startTracing makes what makes spans, and puts the settings in force.
func (s *Server) startTracing(c config.Config) {
	s.tracing = tracing.New(tracing.Options{Version: s.options.Version, Node: fmt.Sprint(s.id), Logger: s.log})
	s.applyTracing(c)
}

// applyTracing puts the settings of a configuration in force, and those of the environment where it has none.
func (s *Server) applyTracing(c config.Config) {
	settings, warnings := tracing.Resolve(tracing.Given{
		Endpoint:    string(c.Tracing.Endpoint),
		SampleRatio: string(c.Tracing.SampleRatio),
		Headers:     string(c.Tracing.Headers),
		ServiceName: c.Tracing.ServiceName,
	}, os.Getenv)
	for _, warning := range warnings {
		s.log.Warn("tracing: " + warning)
	}
	s.tracing.Apply(settings)
}

// Deliver implements scenecast.Node. The delivery of a push that is sampled is one span, of all pages of this node.
func (n node) Deliver(p *scenecast.Push, report func(t scenecast.Tally, done bool)) {
	n.feed.Pushed(p)
	n.server.recorder.pushes.add(p.App)
	if p.Trace == nil {
		n.Hub.Deliver(p, report)
		return
	}
	span := n.tracing.StartDelivery(p)
	n.Hub.Deliver(p, func(t scenecast.Tally, done bool) {
		span.End(t) // the first report says what is queued
		report(t, done)
	})
}
