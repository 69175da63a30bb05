package server

import (
	"net/http"

	"scenecast/config"
	"scenecast/presence"
)

// Leases is how many pages are counted: those whose sockets are not gone.
func (s *Server) Leases() (n int) {
	for _, pages := range s.quota.ByApp() {
		n += pages
	}
	return n
}

// SetPortable has the server give every socket goroutines, as it does on systems other than Linux.
func (o *Options) SetPortable(on bool) { o.portable = on }

// SetNumber has connections numbered by this function of how many there were.
func (o *Options) SetNumber(number func(count uint64) uint64) { o.number = number }

// DrainPort refuses pages and cuts unfinished requests, as Run does before it tells the pages that there are.
func (s *Server) DrainPort() { s.listener.Drain() }

// Unread is how many requests have come whose bodies have not, not whole.
func (s *Server) Unread() int { return s.listener.Unread() }

// Config is the configuration in force.
func (s *Server) Config() config.Config { return s.reload.config() }

// MetricsHandler tells the metrics, also when the server has stopped.
func (s *Server) MetricsHandler() http.Handler { return s.metrics() }

// TopHandler is /debug/top.
func (s *Server) TopHandler() http.Handler { return http.HandlerFunc(s.top) }

// KnowsPusherKey reports whether an app of the Pusher protocol has a key, by which pages may be here.
func (s *Server) KnowsPusherKey(id, key string) bool {
	a := s.apps.pusherApp(id)
	return a != nil && a == s.apps.pusherKey(key) && s.apps.admits(a.Name, a.Credential(key))
}

// InScene is how many connections of all nodes this node knows to be in a scene.
func (s *Server) InScene(key, value string) int {
	_, of := s.presence.Scene(presence.SceneID{App: "default", Key: key, Value: value}, "", 0)
	return of.Connections
}

// HoldLoop has the last of the loops do nothing until it is released.
func (s *Server) HoldLoop() (release func()) {
	held := make(chan struct{})
	s.loops[len(s.loops)-1].Post(func() { <-held })
	return func() { close(held) }
}
