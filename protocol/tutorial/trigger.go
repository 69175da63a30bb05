package tutorial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"scenecast/access"
	"scenecast/admission"
	"scenecast/auth"
	"scenecast/problem"
	"scenecast/push"
	"scenecast/tracing"
)

// SettingPageTokenMayTrigger decides whether a page's token does for a trigger.
const SettingPageTokenMayTrigger = "page_token_may_trigger"

// Triggers runs named triggers; *push.Service does.
type Triggers interface {
	Trigger(ctx context.Context, c access.Caller, name, key string, args push.Args) (push.Result, error)
}

// EndpointOptions configure the endpoint.
type EndpointOptions struct {
	FindKey             func(secret string) (auth.Key, bool) // API keys; those with the scope auth.Trigger may
	Pages               auth.PageAuthenticator               // tokens of pages, which may only where the next field says so
	PageTokenMayTrigger func(app string) bool
	MaxForm             int64 // bytes of a posted form
	Triggers            Triggers
	Landing             http.Handler // the page that says what this server is; it gets GET and HEAD only
	Logger              *slog.Logger

	// CheckClient says why a request may not show an API key at all, as one without a client's certificate; nil: any may.
	CheckClient func(r *http.Request) error

	// Refused is told of each call that is refused, before it is answered; any goroutine may call it. Nil: nobody asks.
	Refused func(r *http.Request, p *problem.Problem)

	// Timeout is how long a call may take, whether its client waits for it or not. Defaults to 40 s.
	Timeout time.Duration

	// Calls ends when the server has to stop: those that are under way are cut. Nil: none are.
	Calls context.Context
}

const defaultTimeout = 40 * time.Second

// Endpoint serves the path / to everything that is no WebSocket: with ?func=NAME it runs a trigger, without, it shows a
// page that says what this server is. Answers are {"code":…,"message":…}, as the tutorial's messages, with the code as the
// HTTP status.
type Endpoint struct{ o EndpointOptions }

// NewEndpoint makes the endpoint.
func NewEndpoint(o EndpointOptions) *Endpoint {
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	return &Endpoint{o}
}

// ServeHTTP implements http.Handler. A call does not end with its request.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := push.CallContext(r.Context(), e.o.Calls, e.o.Timeout)
	defer cancel()
	r = r.WithContext(ctx)
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		e.refuseCall(w, r, problem.New(problem.MethodNotAllowed, "/ takes GET and POST"))
		return
	}
	params, err := e.params(w, r)
	if err != nil {
		e.refuseCall(w, r, err)
		return
	}
	if r.Method != http.MethodPost && !params.Has(funcParam) {
		if err := e.checkVisit(r, params); err != nil {
			e.refuseCall(w, r, err)
			return
		}
		e.o.Landing.ServeHTTP(w, r)
		return
	}
	result, err := e.run(r, params)
	if err != nil {
		e.refuseCall(w, r, err)
		return
	}
	matched := result.Tally.Matched
	text := fmt.Sprintf("reached %d pages", matched)
	if matched == 1 {
		text = "reached 1 page"
	}
	write(w, answer{Code: http.StatusOK, Message: text, ID: result.ID, Matched: &matched})
}

func (e *Endpoint) run(r *http.Request, params url.Values) (push.Result, error) {
	if r.Method == http.MethodHead {
		return push.Result{}, problem.New(problem.MethodNotAllowed, "a trigger takes GET or POST")
	}
	caller, err := e.authorize(r, params)
	if err != nil {
		return push.Result{}, err
	}
	name := params[funcParam]
	if len(name) != 1 {
		return push.Result{}, problem.New(problem.Invalid, "given %d times: say which trigger, once", len(name)).At(funcParam)
	}
	delete(params, admission.TokenParam)
	delete(params, funcParam)
	return e.o.Triggers.Trigger(r.Context(), caller, name[0], r.Header.Get(push.IdempotencyHeader), push.URLArgs(params))
}

// authorize takes the credential from the parameter token, as in the tutorial, or from an Authorization header, and says
// whose it is.
func (e *Endpoint) authorize(r *http.Request, params url.Values) (access.Caller, error) {
	secret := auth.Bearer(r)
	if token := params[admission.TokenParam]; len(token) == 1 {
		secret = token[0]
	}
	key, ok := e.o.FindKey(secret)
	if ok && e.o.CheckClient != nil {
		if err := e.o.CheckClient(r); err != nil {
			return access.Caller{}, err
		}
	}
	if ok {
		if key.May(auth.Trigger) {
			tracing.Authorized(r.Context(), key.App, key.Name, false)
			return access.KeyCaller(key), nil
		}
		return access.Caller{}, problem.New(problem.Forbidden, "this API key may not run triggers: it lacks the scope %q", auth.Trigger).
			DecidedBy("api_keys")
	}
	page, err := e.o.Pages.AuthenticatePage(r.Context(), secret)
	switch {
	case err != nil && !errors.Is(err, auth.ErrInvalidToken):
		return access.Caller{}, fmt.Errorf("authenticate a page: %w", err)
	case err != nil:
		return access.Caller{}, problem.New(problem.Unauthorized, "an API key is missing or wrong").At(admission.TokenParam).DecidedBy("api_keys")
	case !e.o.PageTokenMayTrigger(page.App):
		return access.Caller{}, problem.New(problem.Forbidden, "this is a page's token, and those may not run triggers").
			DecidedBy(SettingPageTokenMayTrigger)
	}
	tracing.Authorized(r.Context(), page.App, "", true)
	return access.PageCaller(page.App), nil
}

// refuseCall is Refuse of what is not a page's request.
func (e *Endpoint) refuseCall(w http.ResponseWriter, r *http.Request, err error) {
	if p := problem.Of(err); e.o.Refused != nil && p.Kind != problem.Internal {
		e.o.Refused(r, p)
	}
	e.Refuse(w, r, err)
}

// Refuse answers with an error, as {"code":…,"message":…}.
func (e *Endpoint) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.Of(err)
	if p.Kind == problem.Internal {
		e.o.Logger.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	switch p.Kind {
	case problem.Unauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110, 11.6.1: a 401 says how to authenticate
	case problem.UpgradeRequired:
		w.Header().Set("Upgrade", "websocket")        // RFC 9110, 15.5.22
		w.Header().Set("Sec-WebSocket-Version", "13") // RFC 6455, 4.2.2
	}
	if after := p.RetryHeader(); after != "" {
		w.Header().Set("Retry-After", after)
	}
	write(w, answer{Code: p.Kind.Status(), Message: p.Error()})
}

func write(w http.ResponseWriter, a answer) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(a.Code)
	_, _ = w.Write(a.json())
}
