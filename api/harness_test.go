package api_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"scenecast"
	"scenecast/access"
	"scenecast/api"
	"scenecast/auth"
	"scenecast/label"
	"scenecast/problem"
	"scenecast/push"
)

// pusher writes down what it is asked for, and answers as it is told to.
type pusher struct {
	asked  []string
	result push.Result
	err    error
	submit func(ctx context.Context, c access.Caller, r push.Request) (push.Pending, error) // takes the place of Submit, unless it is nil
	wait   func(context.Context) error                                                      // called by Trigger, unless it is nil

	trigger func(ctx context.Context, c access.Caller, name, key string, args push.Args) (push.Result, error) // takes the place of Trigger
}

// submitted is a push of which all is known.
type submitted push.Result

// Wait implements push.Pending.
func (s submitted) Wait(context.Context) (push.Result, error) { return push.Result(s), nil }

// WaitQueued implements push.Pending.
func (s submitted) WaitQueued(context.Context) error { return nil }

func (p *pusher) Submit(ctx context.Context, c access.Caller, r push.Request) (push.Pending, error) {
	if p.submit != nil {
		return p.submit(ctx, c, r)
	}
	var more string
	if !r.Except.IsZero() {
		more += ", except " + r.Except.String()
	}
	if r.Event != "" {
		more += fmt.Sprintf(", event %q", r.Event)
	}
	if r.TTL > 0 {
		more += fmt.Sprintf(", ttl %v", r.TTL)
	}
	if r.Coalesce != "" || r.Retain != "" {
		more += fmt.Sprintf(", coalesce %q, retain %q", r.Coalesce, r.Retain)
	}
	if r.Receipt != 0 || r.Timeout != 0 {
		more += fmt.Sprintf(", receipt %s within %v", r.Receipt, r.Timeout)
	}
	if r.ID != "" {
		more += ", id " + r.ID
	}
	if r.IdempotencyKey != "" {
		more += ", key " + r.IdempotencyKey
	}
	if r.DryRun {
		more += ", dry run"
	}
	p.asked = append(p.asked, fmt.Sprintf("%s: push %s to %s%s", c.App, r.Message, r.To, more))
	if r.DryRun {
		return submitted{Tally: p.result.Tally, Known: p.result.Known}, p.err
	}
	return submitted(p.result), p.err
}

func (p *pusher) Trigger(ctx context.Context, c access.Caller, name, key string, args push.Args) (push.Result, error) {
	if p.trigger != nil {
		return p.trigger(ctx, c, name, key, args)
	}
	if p.wait != nil {
		return p.result, p.wait(ctx)
	}
	order, err := args.String("order")
	if key != "" {
		name += " " + key
	}
	p.asked = append(p.asked, fmt.Sprintf("%s: trigger %q with order %q, %v", c.App, name, order, err))
	return p.result, p.err
}

// asker does the same with queries.
type asker struct {
	asked []string
	reply scenecast.Reply
	err   error
	ask   func(ctx context.Context, q scenecast.Query) (scenecast.Reply, error) // takes the place of Ask, unless it is nil
}

func (a *asker) Ask(ctx context.Context, q scenecast.Query) (scenecast.Reply, error) {
	if a.ask != nil {
		return a.ask(ctx, q)
	}
	what := "count"
	switch {
	case q.List != nil && q.List.From.IsValid():
		what = fmt.Sprintf("list %d behind %s from %s of", q.List.Limit, q.List.After, q.List.From)
	case q.List != nil:
		what = fmt.Sprintf("list %d behind %s of", q.List.Limit, q.List.After)
	case q.Relabel != nil:
		what = fmt.Sprintf("relabel by %q", q.Relabel.Change)
	case q.Disconnect != nil:
		what = fmt.Sprintf("disconnect with %d %q", q.Disconnect.Ending.Code, q.Disconnect.Ending.Detail)
	case q.Values != nil:
		what = fmt.Sprintf("values of %s of", q.Values.Key)
	case q.Keys != nil:
		what = "keys of"
	case q.Endings != nil:
		what = fmt.Sprintf("endings of %s by %s", q.Endings.Page, q.Endings.Identity)
	}
	a.asked = append(a.asked, fmt.Sprintf("%s: %s %s", q.App, what, q.To))
	return a.reply, a.err
}

// fixture is an API with keys that are named after what they may do. All are of the app shop, but other, which may
// everything in the app other.
type fixture struct {
	*api.API
	t      testing.TB
	pusher pusher
	asker  asker
	pushes book
	ready  error
	log    bytes.Buffer

	refused func(r *http.Request, p *problem.Problem) // told of refused keys, unless it is nil
}

const maxBody = 16 << 10

func newFixture(t testing.TB) *fixture {
	f := &fixture{
		t: t,
		pusher: pusher{result: push.Result{
			ID:       "abc",
			Position: scenecast.Position{Epoch: 36, Seq: 17},
			Tally:    scenecast.Tally{Matched: 3, Queued: 2, Dropped: 1, Nodes: 1},
			Known:    3,
		}},
		asker: asker{reply: scenecast.Reply{
			Tally:   scenecast.Tally{Matched: 3, Nodes: 2},
			Known:   4,
			ByNode:  []scenecast.NodeCount{{Node: 7, Matched: 1}, {Node: 9, Matched: 2}},
			Changed: 2,
		}},
	}
	f.pushes.newest = 20
	keys := new(auth.Keys)
	keys.Add(auth.Key{App: "shop", Scopes: auth.Scopes}, "all")
	keys.Add(auth.Key{App: "other", Scopes: auth.Scopes}, "other")
	keys.Add(auth.Key{App: "shop"}, "none")
	for _, scope := range auth.Scopes {
		keys.Add(auth.Key{App: "shop", Scopes: []auth.Scope{scope}}, string(scope))
	}
	f.API = api.New(api.Options{
		FindKey: keys.Find,
		MaxBody: maxBody,
		Rules: func(string) label.Rules {
			return label.Rules{Limits: label.Limits{Count: 3, KeyBytes: 8, ValueBytes: 8}}
		},
		Pusher: &f.pusher,
		Asker:  &f.asker,
		Log:    &f.pushes,
		Ready:  func(context.Context) error { return f.ready },
		Origin: func(*http.Request) netip.Addr { return netip.MustParseAddr("203.0.113.7") },
		Refused: func(r *http.Request, p *problem.Problem) {
			if f.refused != nil {
				f.refused(r, p)
			}
		},
		Logger: slog.New(slog.NewTextHandler(&f.log, nil)),
	})
	return f
}

// asked is what the API has asked for.
func (f *fixture) asked() []string {
	return append(append(f.pusher.asked, f.asker.asked...), f.pushes.asked...)
}

// call sends a request, with the key unless that is empty, and returns the answer, which must be as openapi.json says.
func (f *fixture) call(method, target, key string, body io.Reader) *httptest.ResponseRecorder {
	f.t.Helper()
	return f.callWith(method, target, key, "", body)
}

func (f *fixture) callWith(method, target, key, media string, body io.Reader) *httptest.ResponseRecorder {
	f.t.Helper()
	r := httptest.NewRequest(method, target, body)
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	api.ReadDescription(f.t).CheckAnswer(f.t, method, target, w)
	return w
}

// checkAnswer compares a whole answer: what is told, and that it is told as JSON that nobody keeps.
func checkAnswer(t *testing.T, name string, w *httptest.ResponseRecorder, status int, body string) {
	t.Helper()
	if w.Code != status || w.Body.String() != body+"\n" {
		t.Errorf("%s: %d\n\t%s, want %d\n\t%s", name, w.Code, strings.TrimSuffix(w.Body.String(), "\n"), status, body)
	}
	media := "application/json"
	if status >= 400 {
		media = "application/problem+json"
	}
	if got := w.Header().Get("Content-Type"); got != media {
		t.Errorf("%s: Content-Type is %s, want %s", name, got, media)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("%s: Cache-Control is %q, want no-store", name, got)
	}
	if got, want := w.Header().Get("Retry-After"), map[bool]string{true: "1"}[status == 503]; got != want {
		t.Errorf("%s: Retry-After is %q, want %q", name, got, want)
	}
	if got, want := w.Header().Get("WWW-Authenticate"), map[bool]string{true: "Bearer"}[status == 401]; got != want {
		t.Errorf("%s: WWW-Authenticate is %q, want %q", name, got, want)
	}
}
