package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"scenecast"
	"scenecast/audience"
	"scenecast/push"
)

// broken is an engine that is out of order: it refuses what it is given, or has taken a push and cannot say what becomes of it.
type broken struct{ submit, wait error }

func (b broken) Submit(p scenecast.Push) (scenecast.Pending, error) {
	return brokenPush{p.ID, b.wait}, b.submit
}

func (b broken) Ask(context.Context, scenecast.Query) (scenecast.Reply, error) {
	return scenecast.Reply{}, scenecast.ErrUnavailable
}

type brokenPush struct {
	id  string
	err error
}

// Wait implements scenecast.Pending.
func (p brokenPush) Wait(context.Context) (scenecast.Published, error) {
	return scenecast.Published{ID: p.id}, p.err
}

// WaitQueued implements scenecast.Pending.
func (p brokenPush) WaitQueued(context.Context) error { return p.err }

// TestEngineOutOfOrder: what was surely not done is answered 503 and when to try again; of what may have been done the answer says so,
// and how to retry.
func TestEngineOutOfOrder(t *testing.T) {
	const one, dry, many = `{"to":"*","message":1}`, `{"to":"*","dry_run":true}`, `[{"to":"*","message":1},{"to":"*","message":2}]`
	unavailable, uncertain := broken{submit: scenecast.ErrUnavailable}, broken{wait: scenecast.ErrUncertain}
	const (
		notDone = `"kind":"unavailable","detail":"the engine cannot be reached or is overloaded; nothing was published, so try again"}`
		unknown = `"kind":"uncertain","detail":"the engine has not said whether the push was published; a retry with the same idempotency key cannot publish it twice"}`
	)
	for _, c := range []struct {
		name         string
		engine       broken
		method, path string
		body         string
		status       int
		want         string
	}{
		{"refused", unavailable, "POST", "/v1/push", one, 503, notDone},
		{"taken back", broken{wait: scenecast.ErrUnavailable}, "POST", "/v1/push", one, 503, notDone},
		{"taken", uncertain, "POST", "/v1/push", one, 504, unknown},
		{"a trigger, refused", unavailable, "POST", "/v1/triggers/greet", `{}`, 503, notDone},
		{"a trigger, taken", uncertain, "POST", "/v1/triggers/greet", `{}`, 504, unknown},
		{"a dry run", unavailable, "POST", "/v1/push", dry, 503, notDone},
		{"a batch, refused", unavailable, "POST", "/v1/push", many, 200, notDone},
		{"a batch, taken", uncertain, "POST", "/v1/push", many, 200, unknown},
		{"audience", unavailable, "POST", "/v1/audience", `{"to":"*"}`, 503, notDone},
		{"connections", unavailable, "GET", "/v1/connections", ``, 503, notDone},
		{"connection", unavailable, "GET", "/v1/connections/7.1", ``, 503, notDone},
		{"labels", unavailable, "GET", "/v1/labels?key=page", ``, 503, notDone},
		{"relabel", unavailable, "POST", "/v1/labels", `{"to":"*","set":{"a":"b"}}`, 503, notDone},
		{"disconnect", unavailable, "POST", "/v1/disconnect", `{"to":"*"}`, 503, notDone},
		{"readiness", unavailable, "GET", "/readyz", ``, 503, `"kind":"unavailable","detail":"the engine cannot be reached`},
	} {
		f := newFixture(t)
		f.ready = scenecast.ErrUnavailable
		f.asker.ask = c.engine.Ask
		service := push.NewService(c.engine, push.DefaultLimits, greet)
		f.pusher.submit, f.pusher.trigger = service.Submit, service.Trigger
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer all")
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) || strings.Contains(w.Body.String(), `"matched"`) {
			t.Errorf("%s: %d %s, want %d …%s", c.name, w.Code, w.Body, c.status, c.want)
		}
		if got := w.Header().Get("Retry-After"); got != "" != (c.status == http.StatusServiceUnavailable) {
			t.Errorf("%s: %d with Retry-After %q", c.name, w.Code, got)
		}
		if f.log.Len() > 0 {
			t.Errorf("%s: the log says %s", c.name, &f.log)
		}
	}
}

// greet finds the one trigger that there is.
func greet(string, string) (push.Trigger, bool) {
	return push.TriggerFunc(func(context.Context, push.Args) (push.Request, error) {
		return push.Request{To: audience.Everybody(), Message: []byte(`1`)}, nil
	}), true
}
