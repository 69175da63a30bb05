// Package api is the HTTP API for backends, under /v1/, and the endpoints for the machinery around the server. Requests
// carry `Authorization: Bearer KEY`; what is wrong with one is answered as an RFC 9457 problem document.
package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"scenecast"
	"scenecast/auth"
	"scenecast/label"
	"scenecast/problem"
	"scenecast/push"
)

// Pusher takes what backends ask for; *push.Service does.
type Pusher interface {
	Submit(c push.Caller, r push.Request) (push.Pending, error)
	Trigger(ctx context.Context, c push.Caller, name, key string, args push.Args) (push.Result, error)
}

// Asker answers queries for all nodes; a scenecast.Engine does.
type Asker interface {
	Ask(ctx context.Context, q scenecast.Query) (scenecast.Reply, error)
}

// Options configure the API.
type Options struct {
	FindKey func(secret string) (auth.Key, bool) // who may use it, and for which app
	MaxBody int64                                // bytes of a request's body
	Rules   func(app string) label.Rules         // of labels; those that the backend sets have limits, too
	Pusher  Pusher                               // does what is asked for
	Asker   Asker                                // knows who is connected
	Log     scenecast.Log                        // knows what was pushed
	Ready   func(context.Context) error          // why this server should get no traffic, or nil
	Metrics http.Handler                         // what Prometheus is told
	Logger  *slog.Logger                         // gets what strangers are not told

	// Timeout is how long a call may take, whether its client waits for it or not: longer than a push's receipt may be waited
	// for. Defaults to DefaultTimeout.
	Timeout time.Duration
}

// DefaultTimeout is how long a call may take where nothing else is configured.
const DefaultTimeout = 40 * time.Second

// API serves /v1/, /healthz, /readyz and /metrics, and answers 404 to everything else. It describes itself at /v1/openapi.json, which
// people read at /v1/docs.
type API struct {
	o   Options
	mux *http.ServeMux
}

// route is a call of the API.
type route struct {
	method string
	path   string
	scope  auth.Scope // that its key needs; empty: it needs none
	query  []string   // the parameters that it takes; of a call without a scope, any are ignored
	answer func(a *API, r *request) (any, error)
}

// routes are all calls; openapi.json describes them, and a test holds it to this table.
var routes = []route{
	{http.MethodPost, "/v1/push", auth.Push, nil, (*API).push},
	{http.MethodPost, "/v1/triggers/{name}", auth.Trigger, nil, (*API).trigger},
	{http.MethodGet, "/v1/pushes", auth.Read, []string{"limit", "since", "to"}, (*API).pushes},
	{http.MethodGet, "/v1/pushes/{id}", auth.Read, nil, (*API).pushOf},
	{http.MethodPost, "/v1/audience", auth.Read, nil, (*API).audience},
	{http.MethodGet, "/v1/connections", auth.Read, []string{"after", "limit", "to"}, (*API).connections},
	{http.MethodGet, "/v1/connections/{id}", auth.Read, nil, (*API).connection},
	{http.MethodGet, "/v1/labels", auth.Read, []string{"key", "limit"}, (*API).labels},
	{http.MethodPost, "/v1/labels", auth.Manage, nil, (*API).relabel},
	{http.MethodPost, "/v1/disconnect", auth.Manage, nil, (*API).disconnect},
	{http.MethodGet, "/v1/connect", "", nil, (*API).connect},
	{http.MethodGet, "/v1/openapi.json", "", nil, asset("openapi.json")},
	{http.MethodGet, "/v1/docs", "", nil, asset("docs/index.html")},
	{http.MethodGet, "/v1/docs/docs.css", "", nil, asset("docs/docs.css")},
	{http.MethodGet, "/v1/docs/docs.js", "", nil, asset("docs/docs.js")},
	{http.MethodGet, "/v1/docs/icon.svg", "", nil, asset("docs/icon.svg")},
	{http.MethodGet, "/healthz", "", nil, (*API).health},
	{http.MethodGet, "/readyz", "", nil, (*API).ready},
	{http.MethodGet, "/metrics", auth.Read, nil, (*API).metrics},
}

// request is a request whose key and query have been checked.
type request struct {
	*http.Request
	w      http.ResponseWriter
	caller push.Caller // whose key it shows
	params parameters  // in the query
}

// New makes the API.
func New(o Options) *API {
	a := &API{o: o, mux: http.NewServeMux()}
	a.o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	byPath := make(map[string]map[string]route)
	for _, r := range routes {
		if byPath[r.path] == nil {
			byPath[r.path] = make(map[string]route)
		}
		byPath[r.path][r.method] = r
	}
	for path, methods := range byPath {
		a.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, methods) })
	}
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.Refuse(w, r, problem.New(problem.NotFound, "there is nothing at this path"))
	})
	return a
}

// ServeHTTP implements http.Handler. A client that goes away, or that half-closes its connection when it has sent its request,
// ends no call: what was done would be told as not done, or be told to nobody.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), a.o.Timeout)
	defer cancel()
	a.mux.ServeHTTP(w, r.WithContext(ctx))
}

// serve answers a request to a path that takes these methods.
func (a *API) serve(w http.ResponseWriter, r *http.Request, methods map[string]route) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	to, ok := methods[method]
	if !ok {
		allowed := slices.Collect(maps.Keys(methods))
		if _, get := methods[http.MethodGet]; get {
			allowed = append(allowed, http.MethodHead)
		}
		slices.Sort(allowed)
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		a.Refuse(w, r, problem.New(problem.MethodNotAllowed, "%s takes %s", r.URL.Path, strings.Join(allowed, ", ")))
		return
	}
	value, err := a.call(to, &request{Request: r, w: w})
	if err != nil {
		a.Refuse(w, r, err)
	} else if value != (written{}) {
		writeJSON(w, http.StatusOK, "application/json", value)
	}
}

// call makes the call, if the key may, and returns its answer.
func (a *API) call(to route, r *request) (any, error) {
	if to.scope != "" {
		key, err := a.authorize(r.Request, to.scope)
		if err != nil {
			return nil, err
		}
		r.caller = push.KeyCaller(key.App, key.Name)
		if r.params, err = readParameters(r.Request, to.query); err != nil {
			return nil, err
		}
	}
	return to.answer(a, r)
}

// written is what a call returns that has written its answer itself.
type written struct{}

// ask asks all nodes about the app of the call's key.
func (a *API) ask(r *request, q scenecast.Query) (scenecast.Reply, error) {
	q.App = r.caller.App
	reply, err := a.o.Asker.Ask(r.Context(), q)
	switch {
	case err == nil || r.Context().Err() == nil:
		return reply, err
	case q.Relabel != nil || q.Disconnect != nil:
		return reply, fmt.Errorf("%w (%w)", problem.New(problem.Uncertain,
			"it is not known yet what was done: not every node has answered in time"), err)
	}
	return reply, fmt.Errorf("%w (%w)", problem.New(problem.Unavailable, "not every node has answered in time"), err)
}

func (a *API) authorize(r *http.Request, scope auth.Scope) (auth.Key, error) {
	key, ok := a.o.FindKey(auth.Bearer(r))
	if !ok {
		return auth.Key{}, problem.New(problem.Unauthorized, "the header `Authorization: Bearer KEY` is missing or names no API key").
			DecidedBy("api_keys")
	}
	if !key.May(scope) {
		return auth.Key{}, problem.New(problem.Forbidden, "this API key lacks the scope %q", scope).DecidedBy("api_keys")
	}
	return key, nil
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

// document is the error as strangers are told of it; the log is told what they are not.
func (a *API) document(r *http.Request, err error) document {
	p := problem.Of(err)
	if p.Kind == problem.Internal {
		a.o.Logger.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	status := p.Kind.Status()
	return document{
		Title:   http.StatusText(status),
		Status:  status,
		Kind:    p.Kind,
		Detail:  p.Detail,
		Where:   p.Where,
		Setting: p.Setting,
	}
}

// Refuse answers with an error, as a problem document.
func (a *API) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	d := a.document(r, err)
	switch d.Kind {
	case problem.Unauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110, 11.6.1
	case problem.UpgradeRequired:
		w.Header().Set("Upgrade", "websocket")        // RFC 9110, 15.5.22
		w.Header().Set("Sec-WebSocket-Version", "13") // RFC 6455, 4.2.2
	}
	writeJSON(w, d.Status, "application/problem+json", d)
}

func writeJSON(w http.ResponseWriter, status int, media string, value any) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // fails only when the client has gone
}
