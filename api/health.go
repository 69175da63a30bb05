package api

import (
	"scenecast/problem"
)

// connect answers a GET of /v1/connect that is no WebSocket.
func (a *API) connect(*request) (any, error) {
	return nil, problem.New(problem.UpgradeRequired, "pages open this as a WebSocket; where one has, a proxy in between drops the headers Upgrade and Connection")
}

// statusResponse is the answer of a server that is well.
type statusResponse struct {
	Status string `json:"status"`
}

// health answers GET /healthz: the process lives.
func (a *API) health(*request) (any, error) {
	return statusResponse{"ok"}, nil
}

// ready answers GET /readyz.
func (a *API) ready(r *request) (any, error) {
	if err := a.o.Ready(r.Context()); err != nil {
		return nil, problem.New(problem.Unavailable, "%v", err)
	}
	return statusResponse{"ready"}, nil
}

// metrics answers GET /metrics.
func (a *API) metrics(r *request) (any, error) {
	a.o.Metrics.ServeHTTP(r.w, r.Request)
	return written{}, nil
}
