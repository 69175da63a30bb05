// Package httpapi is the HTTP API of the Pusher protocol, below /apps/{id}/: backends publish events, ask who is in which channel, and
// disconnect users. Requests are signed with the secret of a key of the app. What is wrong with one is answered in plain text.
// https://pusher.com/docs/channels/library_auth_reference/rest-api
package httpapi

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"scenecast"
	"scenecast/access"
	"scenecast/presence"
	"scenecast/problem"
	"scenecast/protocol/pusher/app"
	"scenecast/protocol/pusher/signature"
	"scenecast/push"
	"scenecast/tracing"
)

// Pusher takes events, each channel's as one push; *push.Service does.
type Pusher interface {
	Check(c access.Caller, r push.Request) error
	Submit(ctx context.Context, c access.Caller, r push.Request) (push.Pending, error)
}

// Presence knows who is in which channel; *presence.Service does.
type Presence interface {
	Scene(id presence.SceneID, after string, limit int) ([]presence.Member, presence.Scene)
	Scenes(app, key, after string, limit int) ([]presence.Scene, int)
}

// Options configure the API.
type Options struct {
	FindApp  func(id string) *app.App // nil: there is none
	MaxBody  int64                    // bytes of a request's body
	Pusher   Pusher
	Asker    access.Asker
	Presence Presence
	// MaxTTL bounds for how long a cache channel keeps its newest event, which is otherwise channel.CacheTTL.
	MaxTTL time.Duration
	// Retained is the newest push of an app with a retain key that lasts; nil: there is none.
	Retained func(ctx context.Context, app, key string) (*scenecast.Push, error)

	Logger *slog.Logger // gets the causes of internal errors, which clients are not told
	Audit  *slog.Logger // gets a line for each call that disconnects. Nil: there are none

	// CheckClient says why a request may not show a key at all, as one without a client's certificate; nil: any may.
	CheckClient func(r *http.Request) error
	// Refused is told of each request that is not let in, before it is answered; any goroutine may call it. Nil: nobody asks.
	Refused func(r *http.Request, p *problem.Problem)
	// Timeout is how long a call may take, whether its client waits for it or not.
	Timeout time.Duration
	// Calls ends when the server has to stop: those that are under way are cut. Nil: none are.
	Calls context.Context
}

// API answers requests below /apps/. Its methods may be called concurrently.
type API struct {
	o      Options
	engine access.Engine
}

// New makes the API.
func New(o Options) *API {
	return &API{o: o, engine: access.Engine{Queries: o.Asker}}
}

// base is what stands before the id of an app.
const base = "/apps/"

// route is a call of the API.
type route struct {
	method string
	path   string // below the app: {} is a part of its own
	handle func(a *API, r *request) (any, error)
}

// routes are all calls.
var routes = []route{
	{http.MethodPost, "events", (*API).event},
	{http.MethodPost, "batch_events", (*API).batch},
	{http.MethodGet, "channels", (*API).channels},
	{http.MethodGet, "channels/{}", (*API).channel},
	{http.MethodGet, "channels/{}/users", (*API).users},
	{http.MethodPost, "users/{}/terminate_connections", (*API).terminate},
}

// Route is a call of the API.
type Route struct{ Method, Path string }

// Routes are all calls; {} in a path is a channel or a user.
func Routes() []Route {
	list := make([]Route, len(routes))
	for i, r := range routes {
		list[i] = Route{r.method, base + "{id}/" + r.path}
	}
	return list
}

// request is a request that was let in.
type request struct {
	*http.Request
	w      http.ResponseWriter
	app    *app.App
	key    *signature.Key
	caller access.Caller
	query  signature.Query
	name   string // the channel or the user that the path names
	body   []byte
}

// Serves reports whether a request is for the API: below /apps/, or below that of an app behind its path_prefix.
func (a *API) Serves(r *http.Request) bool {
	prefix, below, ok := strings.Cut(r.URL.EscapedPath(), base)
	if !ok || prefix == "" {
		return ok
	}
	id, _, _ := strings.Cut(below, "/")
	found := a.o.FindApp(id)
	return found != nil && found.PathPrefix == prefix
}

// ServeHTTP implements http.Handler, for requests that it Serves. A call does not end with its request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := push.CallContext(r.Context(), a.o.Calls, a.o.Timeout)
	defer cancel()
	call := &request{Request: r.WithContext(ctx), w: w}
	answer, err := a.call(call)
	r.Pattern = call.Pattern
	if err != nil {
		a.Refuse(w, r, err)
		return
	}
	write(w, answer)
}

// call makes a call, if the request is signed, and returns its answer.
func (a *API) call(r *request) (any, error) {
	if a.o.CheckClient != nil {
		if err := a.o.CheckClient(r.Request); err != nil {
			return nil, a.refused(r, err)
		}
	}
	to, err := a.authorize(r)
	if err != nil {
		return nil, a.refused(r, err)
	}
	if !r.app.Enabled {
		return nil, a.refused(r, problem.New(problem.Forbidden, "the app is disabled").DecidedBy(app.SettingEnabled))
	}
	if to == nil {
		return nil, problem.New(problem.NotFound, "there is no such call")
	}
	tracing.SetRoute(r.Context(), base+"{id}/"+to.path)
	tracing.Authorized(r.Context(), r.app.Name, r.caller.Credential, false)
	if method := r.Method; method != to.method && (method != http.MethodHead || to.method != http.MethodGet) {
		r.w.Header().Set("Allow", to.method)
		return nil, problem.New(problem.MethodNotAllowed, "this call takes %s", to.method)
	}
	if to.method == http.MethodPost {
		if err := a.readBody(r); err != nil {
			return nil, err
		}
	}
	answer, err := to.handle(a, r)
	if p := problem.Of(err); p != nil && p.Kind == problem.TooMany {
		return nil, a.refused(r, err)
	}
	return answer, err
}

// authorize finds the app and the call that a path names, and who has signed the request. The call is nil where there is none; who has not
// signed does not learn that.
func (a *API) authorize(r *request) (*route, error) {
	escaped := r.URL.EscapedPath()
	prefix, below, _ := strings.Cut(escaped, base)
	id, call, _ := strings.Cut(below, "/")
	found := a.o.FindApp(id)
	if found == nil || prefix != "" && prefix != found.PathPrefix {
		return nil, problem.New(problem.Unauthorized, "there is no app with the id %.80q", id)
	}
	r.app = found
	to := find(call, &r.name)
	if to != nil {
		r.Pattern = base + "{id}/" + to.path
	}
	query, err := signature.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, problem.New(problem.Invalid, "%v", err)
	}
	r.query = query
	path := r.URL.Path[len(prefix):] // the prefix has nothing to escape
	signed := signature.Request{Method: r.Method, Path: path, Query: query}
	if raw := escaped[len(prefix):]; raw != path {
		signed.Also = append(signed.Also, raw)
	}
	if found.PathPrefix != "" {
		signed.Also = append(signed.Also, found.PathPrefix+path)
	}
	if r.key, err = found.Keys.Verify(signed, time.Now()); err != nil {
		return nil, err
	}
	r.caller = access.Caller{App: found.Name, Credential: "pusher " + found.ID}
	return to, nil
}

// find is the call of a path below an app, whose one part that may be any is put into name; nil: there is none.
func find(path string, name *string) *route {
	for i := range routes {
		before, after, has := strings.Cut(routes[i].path, "{}")
		if !has {
			if path == before {
				return &routes[i]
			}
			continue
		}
		part, ok := strings.CutPrefix(path, before)
		if !ok {
			continue
		}
		if part, ok = strings.CutSuffix(part, after); !ok || part == "" || strings.Contains(part, "/") {
			continue
		}
		if unescaped, err := url.PathUnescape(part); err == nil {
			*name = unescaped
			return &routes[i]
		}
	}
	return nil
}

func (a *API) refused(r *request, err error) error {
	if p := problem.Of(err); a.o.Refused != nil && p.Kind != problem.Internal {
		a.o.Refused(r.Request, p)
	}
	return err
}

// ask asks all nodes about the app of the call.
func (a *API) ask(r *request, q scenecast.Query) (scenecast.Reply, error) {
	reply, err := a.engine.Ask(r.Context(), r.caller, q)
	switch {
	case err != nil && r.Context().Err() != nil:
		return reply, problem.New(cmp.Or(r.late(), problem.Unavailable), "not every node has answered in time")
	case err != nil:
		return reply, err
	}
	return reply, nil
}

// late is what a call that changes something is whose end is not known.
func (r *request) late() problem.Kind {
	if r.Method == http.MethodPost {
		return problem.Uncertain
	}
	return ""
}
