package server

import (
	"context"
	"net/http"
	"time"

	"scenecast/protocol/pusher/httpapi"
)

// pusherAPI makes the HTTP API of the Pusher protocol.
func (s *Server) pusherAPI(calls context.Context, timeout time.Duration) *httpapi.API {
	c := s.options.Config
	return httpapi.New(httpapi.Options{
		FindApp:  s.apps.pusherApp,
		MaxBody:  int64(c.HTTP.MaxBody),
		MaxTTL:   time.Duration(c.Push.MaxTTL),
		Pusher:   s.pushes,
		Asker:    s.engine,
		Presence: s.presence,
		Retained: s.hub.Retained,

		CheckClient: s.apps.checkClient,
		Refused:     s.refusals.call,
		Timeout:     timeout,
		Calls:       calls,
		Logger:      s.log,
		Audit:       s.log,
	})
}

// withPusher has the HTTP API of the Pusher protocol answer what is for it, where there is an app of that, and another handler everything
// else.
func (s *Server) withPusher(pusher *httpapi.API, next http.Handler) http.Handler {
	guarded := s.onceStarted(s.checkAddress(pusher, pusher.Refuse), pusher.Refuse)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(s.apps.Load().pusher.byID) > 0 && pusher.Serves(r) {
			guarded.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
