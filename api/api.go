// Package api is the HTTP API for backends, under /v1/, and the endpoints for the machinery around the server. Requests
// carry `Authorization: Bearer KEY`; what is wrong with one is answered as an RFC 9457 problem document.
package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"

	"scenecast/auth"
	"scenecast/problem"
	"scenecast/push"
)

// Pusher takes what backends ask for; *push.Service does.
type Pusher interface {
	Push(ctx context.Context, app string, r push.Request) (push.Result, error)
	Trigger(ctx context.Context, app, name string, args push.Args) (push.Result, error)
}

// Options configure the API.
type Options struct {
	App     string                      // whose pages the API reaches
	Keys    *auth.Keys                  // who may use it
	MaxBody int64                       // bytes of a request's body
	Pusher  Pusher                      // does what is asked for
	Ready   func(context.Context) error // why this server should get no traffic, or nil
	Logger  *slog.Logger                // gets what strangers are not told
}

// API serves /v1/, /healthz and /readyz, and answers 404 to everything else.
type API struct {
	o   Options
	mux *http.ServeMux
}

// New makes the API.
func New(o Options) *API {
	a := &API{o: o, mux: http.NewServeMux()}
	a.handle("/v1/push", http.MethodPost, auth.Push, a.push)
	a.handle("/v1/triggers/{name}", http.MethodPost, auth.Trigger, a.trigger)
	a.handle("/healthz", http.MethodGet, "", a.health)
	a.handle("/readyz", http.MethodGet, "", a.ready)
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.Refuse(w, r, problem.New(problem.NotFound, "there is nothing at this path"))
	})
	return a
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// call answers a request: with a value that is printed as JSON, or with an error.
type call func(w http.ResponseWriter, r *http.Request) (any, error)

// handle routes a path to a call that takes one method and, unless it is empty, needs one scope.
func (a *API) handle(path, method string, scope auth.Scope, answer call) {
	a.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		value, err := func() (any, error) {
			if r.Method != method && (method != http.MethodGet || r.Method != http.MethodHead) {
				allow := method
				if method == http.MethodGet {
					allow = "GET, HEAD"
				}
				w.Header().Set("Allow", allow)
				return nil, problem.New(problem.MethodNotAllowed, "%s takes %s", r.URL.Path, method)
			}
			if err := a.authorize(r, scope); err != nil {
				return nil, err
			}
			return answer(w, r)
		}()
		if err != nil {
			a.Refuse(w, r, err)
			return
		}
		writeJSON(w, http.StatusOK, "application/json", value)
	})
}

func (a *API) authorize(r *http.Request, scope auth.Scope) error {
	if scope == "" {
		return nil
	}
	key, ok := a.o.Keys.Find(auth.Bearer(r))
	if !ok {
		return problem.New(problem.Unauthorized, "the header `Authorization: Bearer KEY` is missing or names no API key").
			DecidedBy("api_keys")
	}
	if !key.May(scope) {
		return problem.New(problem.Forbidden, "this API key lacks the scope %q", scope).DecidedBy("api_keys")
	}
	return nil
}

// document is a problem as RFC 9457 prints it. Its type is about:blank, so the title is that of the status.
type document struct {
	Title   string       `json:"title"`
	Status  int          `json:"status"`
	Kind    problem.Kind `json:"kind"`
	Detail  string       `json:"detail"`
	Where   string       `json:"where,omitempty"`
	Setting string       `json:"setting,omitempty"`
}

// Refuse answers with an error, as a problem document.
func (a *API) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.Of(err)
	if p.Kind == problem.Internal {
		a.o.Logger.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if p.Kind == problem.Unauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110, 11.6.1
	}
	status := p.Kind.Status()
	writeJSON(w, status, "application/problem+json", document{
		Title:   http.StatusText(status),
		Status:  status,
		Kind:    p.Kind,
		Detail:  p.Detail,
		Where:   p.Where,
		Setting: p.Setting,
	})
}

func writeJSON(w http.ResponseWriter, status int, media string, value any) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // fails only when the client has gone
}
