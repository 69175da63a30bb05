package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"reflect"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/admission"
	"scenecast/auth"
	"scenecast/config"
	"scenecast/hook"
	"scenecast/hook/webhook"
	"scenecast/protocol/native"
	"scenecast/tracing"
)

// backends are those of the apps that are asked: whether a page may come in, and what pages ask of them. It is the Decider of admission and
// the Backend of the native wire.
type backends struct {
	newID   func() string
	version string
	log     *slog.Logger
	proxies func() admission.Proxies
	tracing *tracing.Tracing
	current atomic.Pointer[map[string]appBackend] // by app
}

// appBackend is an app's. Its hooks are nil where it has none.
type appBackend struct {
	settings    config.Hooks
	connect     *hook.Connect
	calls       *hook.Calls
	connectHTTP *webhook.Client
	callHTTP    *webhook.Client
}

// put makes the backends those of a configuration. What an app's backend was known to be, it is still, unless its settings are others.
func (b *backends) put(c config.Config) {
	before := map[string]appBackend{}
	if current := b.current.Load(); current != nil {
		before = *current
	}
	next := make(map[string]appBackend)
	for _, app := range c.Apps() {
		next[app.Name] = b.newBackend(app, before[app.Name])
	}
	b.current.Store(&next)
}

func (b *backends) newBackend(app config.App, old appBackend) appBackend {
	settings := app.Hooks
	settings.Events = nil
	if reflect.DeepEqual(old.settings, settings) {
		return old
	}
	a := appBackend{settings: settings}
	if h := settings.Connect; h.URL != "" {
		var asked *hook.Backend
		asked, a.connectHTTP = b.ask("connect", app, h.URL, h.Secret, h.Timeout, h.Concurrency)
		a.connect = &hook.Connect{Backend: asked, AllowOnError: h.OnError == config.OnErrorAllow, Headers: h.Headers}
	}
	if h := settings.Call; h.URL != "" {
		var asked *hook.Backend
		asked, a.callHTTP = b.ask("call", app, h.URL, h.Secret, h.Timeout, h.Concurrency)
		a.calls = &hook.Calls{Backend: asked}
	}
	old.connectHTTP.Close()
	old.callHTTP.Close()
	return a
}

func (b *backends) ask(name string, app config.App, url config.HookURL, secret config.HookSecrets, timeout config.Duration, concurrency int) (*hook.Backend, *webhook.Client) {
	client := webhook.NewClient(webhook.Options{
		URL:         string(url),
		Secrets:     secret.Parsed(),
		Timeout:     time.Duration(timeout),
		DenyPrivate: app.Hooks.DenyPrivate,
		UserAgent:   userAgent(b.version),
		Transport:   b.tracing.Hook(name, app.Name),
	})
	return hook.NewBackend(hook.BackendOptions{
		Name:        name,
		App:         app.Name,
		Post:        client.Post,
		NewID:       b.newID,
		Timeout:     time.Duration(timeout),
		Concurrency: concurrency,
		Logger:      b.log,
	}), client
}

func (b *backends) of(app string) appBackend { return (*b.current.Load())[app] }

// close closes the connections to the backends that are idle.
func (b *backends) close() {
	for _, a := range *b.current.Load() {
		a.connectHTTP.Close()
		a.callHTTP.Close()
	}
}

// Decides implements admission.Decider.
func (b *backends) Decides(app string) bool { return b.of(app).connect != nil }

// Decide implements admission.Decider.
func (b *backends) Decide(r *http.Request, page auth.Page, hasToken bool, params admission.ConnectParams) (auth.Page, error) {
	if scenecast.IsOnLoop(r.Context()) {
		return auth.Page{}, scenecast.ErrDeferred
	}
	connect := b.of(page.App).connect
	if connect == nil { // since a reload
		return page, nil
	}
	query := r.URL.Query()
	query.Del(admission.TokenParam)
	headers := make(map[string][]string)
	for _, name := range connect.Headers {
		if values := r.Header.Values(name); len(values) > 0 {
			headers[name] = values
		}
	}
	return connect.Decide(b.tracing.FromPage(r.Context(), r.Header), hook.ConnectQuestion{
		App:     page.App,
		Path:    r.URL.Path,
		Address: b.proxies().Origin(r).String(),
		Query:   query,
		Headers: headers,
		Labels:  params.Labels,
		Trusted: page.Labels,
		PageID:  params.PageID,
	}, page, hasToken)
}

// Calls implements native.Backend.
func (b *backends) Calls(c scenecast.Conn, method string, data json.RawMessage) (func(context.Context) (json.RawMessage, error), error) {
	calls := b.of(c.App()).calls
	if calls == nil {
		return nil, native.ErrNothingToCall
	}
	labels := c.Labels()
	q := hook.CallQuestion{App: c.App(), Connection: c.ID(), Labels: labels, Method: method, Data: data}
	if user := labels.Values(scenecast.LabelUser); len(user) > 0 {
		q.User = user[0]
	}
	return func(ctx context.Context) (json.RawMessage, error) { return calls.Call(ctx, q) }, nil
}

// connectHook and callHook are the hooks of an app, nil where it has none.
func connectHook(a appBackend) *hook.Backend {
	if a.connect == nil {
		return nil
	}
	return a.connect.Backend
}

func callHook(a appBackend) *hook.Backend {
	if a.calls == nil {
		return nil
	}
	return a.calls.Backend
}

// outcomes are how the calls of one hook of all apps have ended, for metrics.
func (b *backends) outcomes(of func(appBackend) *hook.Backend) map[string]int64 {
	sum := make(map[string]int64)
	for _, a := range *b.current.Load() {
		if h := of(a); h != nil {
			for outcome, n := range h.Outcomes() {
				sum[outcome] += n
			}
		}
	}
	return sum
}
