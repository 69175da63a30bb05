package server

import (
	"fmt"
	"net/http"
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

// followCalls has spans be made of the calls of backends. While nothing wants to know of them, they pass as they are.
func (s *Server) followCalls(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.tracing.On() {
			next.ServeHTTP(w, r)
			return
		}
		call, r := tracing.NewCall(s.tracing, r, s.apps.proxies().Origin(r))
		answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() { call.End(answer.status) }()
		next.ServeHTTP(answer, r)
	})
}
