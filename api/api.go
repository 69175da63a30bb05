// Package api is the HTTP API for backends, under /v1/, and the endpoints for load balancers and monitoring. Requests carry
// `Authorization: Bearer KEY`; what is wrong with one is answered as an RFC 9457 problem document.
package api

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"scenecast"
	"scenecast/access"
	"scenecast/auth"
	"scenecast/hook"
	"scenecast/hook/feed"
	"scenecast/label"
	"scenecast/language"
	"scenecast/problem"
	"scenecast/push"
	"scenecast/tracing"
)

// Pusher takes what backends push; *push.Service does. Its methods are called concurrently.
type Pusher interface {
	Submit(ctx context.Context, c access.Caller, r push.Request) (push.Pending, error)
	Trigger(ctx context.Context, c access.Caller, name, key string, args push.Args) (push.Result, error)
}

// Options are what the API answers from. New keeps them; its functions are called concurrently.
type Options struct {
	FindKey  func(secret string) (auth.Key, bool) // the API key with this secret
	Rules    func(app string) label.Rules         // the limits of labels, which those that a backend sets have, too
	MaxBody  int64                                // bytes of a request's body
	Pusher   Pusher
	Publish  access.Submitter // takes revocations; a scenecast.Engine does
	Rates    *access.Rates    // of API keys, which revocations count for; nil: those that count nothing else
	Asker    access.Asker
	Log      scenecast.Log
	Ready    func(context.Context) error   // why this server should get no traffic, or nil
	Nodes    func() scenecast.Nodes        // which there are
	Hooks    func(app string) []hook.Stats // those of an app that are told of events
	Retry    func(app, name string) bool   // has one be called at once; false: there is none
	Ports    func() *Ports                 // where the dashboard has a port of its own; nil: it has none
	Reload   func(context.Context) (Reloaded, error)
	Settings SettingsReader
	Drainer  Drainer
	// Feed tells what happens to pages.
	Feed *feed.Feed
	// Presence knows who is in which scene; nil: that is not known.
	Presence Presence

	// MayRevoke reports whether another revocation may be in force, and TokenLifetime is how long after its making a page's token can be
	// good, at most.
	MayRevoke     func(r scenecast.Revocation) bool
	TokenLifetime func(app string) time.Duration

	Metrics http.Handler // answers /metrics, when the key has been checked
	Logger  *slog.Logger // gets the causes of internal errors, which clients are not told
	Audit   *slog.Logger // gets a line for each call of the scopes manage and admin. Nil: there are none

	// CheckClient says why a request may not show an API key at all, as one without a client's certificate; nil: any may.
	CheckClient func(r *http.Request) error

	// Origin is the address that a request comes from, by what proxies say that are believed; the zero address: it cannot be told.
	Origin func(r *http.Request) netip.Addr

	// Refused is told of each request whose API key is unknown or lacks the scope, and of each trigger that cannot be run, before
	// it is answered; any goroutine may call it. Nil: nobody asks.
	Refused func(r *http.Request, p *problem.Problem)

	// Timeout is how long a call may take, whether its client waits for it or not: longer than a push's receipt may be waited
	// for. Defaults to DefaultTimeout.
	Timeout time.Duration

	// Calls ends when the server has to stop: those that are under way are cut. Nil: none are.
	Calls context.Context
}

// DefaultTimeout is how long a call may take where nothing else is configured.
const DefaultTimeout = 40 * time.Second

// API serves /v1/, /healthz, /readyz and /metrics, and answers 404 to everything else. It describes itself at /v1/openapi.json, which
// people read at /v1/docs.
type API struct {
	o      Options // without Asker and Log, which no call may use but by way of engine
	engine access.Engine
	rates  pushRates
	mux    *http.ServeMux
}

// route is a call of the API.
type route struct {
	method string
	path   string
	scope  auth.Scope                            // that its key needs; empty: it needs none
	whole  whole                                 // what it is about, where that is not the pages of an audience
	query  []string                              // the parameters that it takes; of a call without a scope, any are ignored
	handle func(a *API, r *request) (any, error) // returns the value to be answered as JSON, or written{}
	stream bool                                  // the answer goes on until its reader goes
}

// whole names what a call is about that is not about the pages of an audience. With the prefix ofApp it is of one app, for keys that reach
// all of that. Otherwise it is of all apps, for keys of the operator's app that are not confined. Empty: any key with the scope will do.
type whole string

const ofApp whole = "app: "

// wholeNames are what problems call each whole.
var wholeNames = map[string]language.Text{
	"hooks":    language.Textf("hooks"),
	"metrics":  language.Textf("metrics"),
	"nodes":    language.Textf("nodes"),
	"settings": language.Textf("settings"),
	"stats":    language.Textf("figures"),
}

// written is what a call returns that has written its answer itself.
type written struct{}

// routes are all calls; openapi.json describes them, and tests hold it, and who is let in, to this table.
var routes = []route{
	{http.MethodPost, "/v1/push", auth.Push, "", nil, (*API).push, false},
	{http.MethodPost, "/v1/triggers/{name}", auth.Trigger, "", nil, (*API).trigger, false},
	{http.MethodGet, "/v1/pushes", auth.Read, "", []string{"before", "connection", "limit", "order", "since", "to"}, (*API).pushes, false},
	{http.MethodGet, "/v1/pushes/{id}", auth.Read, "", nil, (*API).pushByID, false},
	{http.MethodPost, "/v1/audience", auth.Read, "", nil, (*API).audience, false},
	{http.MethodPost, "/v1/audience/explain", auth.Read, "", nil, (*API).explain, false},
	{http.MethodGet, "/v1/connections", auth.Read, "", []string{"address", "after", "limit", "to"}, (*API).connections, false},
	{http.MethodGet, "/v1/connections/{id}", auth.Read, "", nil, (*API).connection, false},
	{http.MethodGet, "/v1/labels", auth.Read, "", []string{"key", "limit", "to"}, (*API).labels, false},
	{http.MethodGet, "/v1/scenes", auth.Read, "", []string{"by", "limit", "to"}, (*API).scenes, false},
	{http.MethodGet, "/v1/presence", auth.Read, "", []string{"after", "key", "limit", "value"}, (*API).presence, false},
	{http.MethodPost, "/v1/labels", auth.Manage, "", nil, (*API).relabel, false},
	{http.MethodPost, "/v1/disconnect", auth.Manage, "", nil, (*API).disconnect, false},
	{http.MethodPost, "/v1/revoke", auth.Manage, "", nil, (*API).revoke, false},
	{http.MethodGet, "/v1/settings", auth.Admin, "settings", []string{"key"}, (*API).settings, false},
	{http.MethodPost, "/v1/reload", auth.Admin, "settings", nil, (*API).reload, false},
	{http.MethodPost, "/v1/drain", auth.Admin, "nodes", nil, (*API).drain, false},
	{http.MethodGet, "/v1/drain", auth.Admin, "nodes", nil, (*API).draining, false},
	{http.MethodDelete, "/v1/drain", auth.Admin, "nodes", nil, (*API).undrain, false},
	{http.MethodGet, "/v1/nodes", auth.Read, "nodes", nil, (*API).nodes, false},
	{http.MethodGet, "/v1/stats", auth.Read, ofApp + "stats", []string{"window"}, (*API).stats, false},
	{http.MethodGet, "/v1/self", auth.AnyScope, "", nil, (*API).self, false},
	{http.MethodGet, "/v1/address", auth.Read, "", nil, (*API).address, false},
	{http.MethodGet, "/v1/hooks", auth.Read, ofApp + "hooks", nil, (*API).hooks, false},
	{http.MethodPost, "/v1/hooks/{name}/retry", auth.Manage, ofApp + "hooks", nil, (*API).retryHook, false},
	{http.MethodGet, "/v1/feed", auth.Read, "", []string{"events", "since", "to"}, (*API).feed, true},
	{http.MethodGet, "/v1/connect", "", "", nil, (*API).connect, false},
	{http.MethodGet, "/v1/openapi.json", "", "", nil, asset("openapi.json"), false},
	{http.MethodGet, "/v1/docs", "", "", nil, docs(), false},
	{http.MethodGet, "/v1/docs/docs.css", "", "", nil, asset("docs/docs.css"), false},
	{http.MethodGet, "/v1/docs/docs.js", "", "", nil, asset("docs/docs.js"), false},
	{http.MethodGet, "/v1/docs/openapi.zh-CN.json", "", "", nil, asset("openapi.zh-CN.json"), false},
	{http.MethodGet, "/v1/docs/icon.svg", "", "", nil, asset("docs/icon.svg"), false},
	{http.MethodGet, "/healthz", "", "", nil, (*API).health, false},
	{http.MethodGet, "/readyz", "", "", nil, (*API).ready, false},
	{http.MethodGet, "/metrics", auth.Read, "metrics", nil, (*API).metrics, false},
}

// Route is a call of the API, as far as it concerns who may make it.
type Route struct {
	Method, Path string
	Scope        auth.Scope // empty: anybody may
	OfApp        bool       // of all pages of an app: for keys that are not confined
	OfAll        bool       // of all apps: for keys of the operator's that are not confined
}

// Routes are all calls.
func Routes() []Route {
	list := make([]Route, len(routes))
	for i, r := range routes {
		of := strings.HasPrefix(string(r.whole), string(ofApp))
		list[i] = Route{r.method, r.path, r.scope, of, r.whole != "" && !of}
	}
	return list
}

// request is a request whose key and query have been checked.
type request struct {
	*http.Request
	w      http.ResponseWriter
	key    auth.Key
	caller access.Caller // by the key
	params parameters    // of the query
	audit  []any         // what a call that changes something has to tell of it: attributes of a line of the log
	dry    bool          // it is a push that only counts
}

// New makes the API.
func New(o Options) *API {
	a := &API{o: o, engine: access.Engine{Pushes: o.Publish, Queries: o.Asker, Log: o.Log, Rates: cmp.Or(o.Rates, access.NewRates())}, mux: http.NewServeMux()}
	a.o.Asker, a.o.Log = nil, nil
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

// ServeHTTP implements http.Handler. A call does not end with its request, but for one whose answer is a stream.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

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
	ctx, cancel := a.context(r, to)
	defer cancel()
	r = r.WithContext(ctx)
	value, err := a.call(to, &request{Request: r, w: w})
	if p := problem.Of(err); p != nil && p.Kind == problem.TooMany {
		a.refused(r, p)
	}
	if err != nil {
		a.Refuse(w, r, err)
	} else if value != (written{}) {
		writeJSON(w, http.StatusOK, "application/json", value)
	}
}

// context is that of a call.
func (a *API) context(r *http.Request, to route) (context.Context, context.CancelFunc) {
	if !to.stream || r.Method == http.MethodHead {
		return push.CallContext(r.Context(), a.o.Calls, a.o.Timeout)
	}
	ctx, cancel := context.WithCancel(r.Context())
	if a.o.Calls == nil {
		return ctx, cancel
	}
	stop := context.AfterFunc(a.o.Calls, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// call makes the call, if the key may, and returns its answer.
func (a *API) call(to route, r *request) (any, error) {
	if to.scope != "" {
		key, err := a.authorize(r.Request, to.scope)
		if err != nil {
			return nil, err
		}
		r.key, r.caller = key, access.KeyCaller(key)
		tracing.Authorized(r.Context(), key.App, key.Name, false)
		if err := a.checkWhole(r, to.whole); err != nil {
			return nil, err
		}
		if r.params, err = readParameters(r.Request, to.query); err != nil {
			return nil, err
		}
	}
	value, err := to.handle(a, r)
	if r.isAudited(to) {
		a.tellAudit(r, to, err)
	}
	return value, err
}

// tellAudit logs who has made a call that changes what pages are or what the server does, and to whom; also one that has failed, which
// may have been done in part.
func (a *API) tellAudit(r *request, to route, err error) {
	if a.o.Audit == nil {
		return
	}
	attributes := []any{"call", to.method + " " + to.path, "app", r.key.App, "key", r.key.Name}
	if r.caller.Confined() {
		attributes = append(attributes, "within", r.key.Within.String())
	}
	if by := via(r.Context()); by != "" {
		attributes = append(attributes, "via", by)
	}
	attributes = append(attributes, r.audit...)
	if err != nil {
		attributes = append(attributes, "kind", problem.Of(err).Kind, "why", problem.Of(err).Error())
	}
	a.o.Audit.Info("audit", attributes...)
}

// authorize returns the API key of a request, if that has the scope.
func (a *API) authorize(r *http.Request, scope auth.Scope) (auth.Key, error) {
	if a.o.CheckClient != nil {
		if err := a.o.CheckClient(r); err != nil {
			a.refused(r, problem.Of(err))
			return auth.Key{}, err
		}
	}
	key, ok := a.o.FindKey(auth.Bearer(r))
	if ok && key.May(scope) {
		return key, nil
	}
	p := problem.New(problem.Forbidden, "this API key lacks the scope %q", scope)
	if !ok {
		p = problem.New(problem.Unauthorized, "the header `Authorization: Bearer KEY` is missing or names no API key")
	}
	p = p.DecidedBy(access.SettingKeys)
	a.refused(r, p)
	return auth.Key{}, p
}

// checkWhole refuses a call that is about a whole to a key that does not reach all of it.
func (a *API) checkWhole(r *request, w whole) error {
	what, app := strings.CutPrefix(string(w), string(ofApp))
	all := language.Textf("of all apps")
	if app {
		all = language.Textf("of all pages of the app")
	}
	var p *problem.Problem
	switch {
	case w == "":
		return nil
	case !app && r.caller.App != scenecast.DefaultApp:
		p = problem.New(problem.Forbidden, "the %s are %s, and for keys of the app named %s alone", wholeNames[what], all, scenecast.DefaultApp)
	case r.caller.Confined():
		p = problem.New(problem.Forbidden, "the %s are %s, and this API key is confined to an audience (within)", wholeNames[what], all)
	default:
		return nil
	}
	p = p.DecidedBy(access.SettingKeys)
	a.refused(r.Request, p)
	return p
}

func (a *API) refused(r *http.Request, p *problem.Problem) {
	if a.o.Refused != nil && p.Kind != problem.Internal {
		a.o.Refused(r, p)
	}
}

// ask asks all nodes about the app of the call's key.
func (a *API) ask(r *request, q scenecast.Query) (scenecast.Reply, error) {
	reply, err := a.engine.Ask(r.Context(), r.caller, q)
	if err != nil && r.Context().Err() != nil && (q.Relabel != nil || q.Disconnect != nil) {
		return reply, fmt.Errorf("%w (%w)", problem.New(problem.Uncertain,
			"it is not known yet what was done: not every node has answered in time"), err)
	}
	return reply, r.inTime(err)
}

// inTime makes the error of a call that only reads a problem if the call's time has ended.
func (r *request) inTime(err error) error {
	if err == nil || r.Context().Err() == nil {
		return err
	}
	return fmt.Errorf("%w (%w)", problem.New(problem.Unavailable, "not every node has answered in time"), err)
}
