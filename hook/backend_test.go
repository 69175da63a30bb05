package hook_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scenecast/auth"
	"scenecast/hook"
	"scenecast/hook/webhook"
	"scenecast/label"
	"scenecast/problem"
)

func newBackend(post func(context.Context) ([]byte, error), concurrency int) *hook.Backend {
	return hook.NewBackend(hook.BackendOptions{
		Name: "connect", App: "a", Timeout: time.Second, Concurrency: concurrency,
		Post:   func(ctx context.Context, _ string, _ []byte) ([]byte, error) { return post(ctx) },
		NewID:  func() string { return "id" },
		Logger: slog.New(slog.DiscardHandler),
	})
}

// TestBreaker: a backend that fails again and again is left alone, but for one call after a while; when that is answered all are made again.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down, calls := true, 0
		b := newBackend(func(context.Context) ([]byte, error) {
			calls++
			if down {
				return nil, errors.New("down")
			}
			return []byte(`{}`), nil
		}, 1)
		ask := func() error {
			_, err := b.Ask(t.Context(), "connect", nil)
			return err
		}
		for i := range 8 {
			if err := ask(); problem.Of(err).Kind != problem.Unavailable {
				t.Errorf("call %d: %v", i, err)
			}
		}
		if calls != 5 {
			t.Errorf("%d calls were made", calls)
		}
		time.Sleep(6 * time.Second)
		_ = ask()
		_ = ask()
		if calls != 6 {
			t.Errorf("%d calls were made after the pause, want one more", calls)
		}
		down = false
		time.Sleep(6 * time.Second)
		if err := ask(); err != nil {
			t.Error(err)
		}
		if got := b.Outcomes(); got["failed"] != 6 || got["skipped"] != 4 || got["answered"] != 1 {
			t.Errorf("the outcomes are %v", got)
		}
	})
}

// TestAbandonedCalls: pages that leave before the backend has answered do not open the breaker, nor do those that leave while they wait for
// their turn, and they do not keep the one call from being made that looks whether the backend has recovered.
func TestAbandonedCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := false
		b := newBackend(func(ctx context.Context) ([]byte, error) {
			if fails {
				return nil, errors.New("down")
			}
			select {
			case <-time.After(500 * time.Millisecond):
				return []byte(`{}`), nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}, 1)
		leave := func() {
			ctx, gone := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer gone()
			if _, err := b.Ask(ctx, "connect", nil); problem.Of(err).Kind != problem.Unavailable {
				t.Errorf("a page that has left: %v", err)
			}
		}
		var leaving sync.WaitGroup
		for range 10 { // at once, so that all but one wait for their turn
			leaving.Go(leave)
		}
		leaving.Wait()
		for range 10 {
			leave()
		}
		if _, err := b.Ask(t.Context(), "connect", nil); err != nil {
			t.Errorf("a page that waits: %v", err)
		}
		fails = true
		for range 5 {
			_, _ = b.Ask(t.Context(), "connect", nil)
		}
		fails = false
		time.Sleep(6 * time.Second)
		leave()
		if _, err := b.Ask(t.Context(), "connect", nil); err != nil {
			t.Errorf("after the pause: %v", err)
		}
		if got := b.Outcomes(); got["abandoned"] != 21 || got["answered"] != 2 || got["failed"] != 5 || got["busy"] != 0 || got["skipped"] != 0 {
			t.Errorf("the outcomes are %v", got)
		}
	})
}

// TestRefusalsAreAnswers: a backend that says that calls are wrong is well.
func TestRefusalsAreAnswers(t *testing.T) {
	b := newBackend(func(context.Context) ([]byte, error) { return nil, &webhook.StatusError{Status: 403} }, 1)
	for range 20 {
		var status *webhook.StatusError
		if _, err := b.Ask(t.Context(), "connect", nil); !errors.As(err, &status) {
			t.Fatalf("%v", err)
		}
	}
}

// TestConcurrency: calls over it wait for their turn, and no longer than a call may take.
func TestConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		under, most := 0, 0
		b := newBackend(func(ctx context.Context) ([]byte, error) {
			mu.Lock()
			under++
			most = max(most, under)
			mu.Unlock()
			<-ctx.Done()
			mu.Lock()
			under--
			mu.Unlock()
			return nil, ctx.Err()
		}, 2)
		var asking sync.WaitGroup
		for range 4 {
			asking.Go(func() {
				begun := time.Now()
				if _, err := b.Ask(t.Context(), "connect", nil); err == nil || time.Since(begun) > time.Second {
					t.Errorf("%v after %v", err, time.Since(begun))
				}
			})
		}
		asking.Wait()
		if got := b.Outcomes(); most != 2 || got["failed"]+got["busy"] != 4 || got["failed"] < 2 {
			t.Errorf("%d at a time; the outcomes are %v", most, got)
		}
	})
}

// TestDecide: what a backend answers, and what becomes of the page.
func TestDecide(t *testing.T) {
	page := auth.Page{App: "a", Labels: label.New(label.Label{Key: "plan", Value: "free"})}
	status := func(code int, body string) error { return &webhook.StatusError{Status: code, Body: body} }
	for name, c := range map[string]struct {
		answer string
		err    error
		allow  bool // on_error
		token  bool
		want   string // the labels and what it may set; of a refusal its kind and text
	}{
		"an empty object":      {answer: `{}`, want: `{} null`},
		"nothing":              {answer: ``, want: `{} null`},
		"labels":               {answer: `{"labels":{"plan":"pro","tag":["a","b"]},"user":"42"}`, want: `{"@user":"42","plan":"pro","tag":["a","b"]} null`},
		"may set nothing":      {answer: `{"may_set":[]}`, want: `{} []`},
		"may set some":         {answer: `{"may_set":["page"]}`, want: `{} ["page"]`},
		"refused":              {answer: `{"refuse":"no subscription"}`, want: "forbidden: no subscription"},
		"403":                  {err: status(403, `{"message":"banned"}`), want: "forbidden: banned"},
		"401 without a reason": {err: status(401, `<html>`), want: "forbidden: the backend does not let this page in"},
		"404":                  {err: status(404, `db: hunter2`), token: true, want: "unavailable: the backend has not decided about the page"},
		"down":                 {err: errors.New("no answer in time"), token: true, want: "unavailable: the backend does not answer"},
		"down, allow":          {err: errors.New("no answer in time"), token: true, allow: true, want: `{} null`},
		"down, allow, but no token": {err: errors.New("no answer in time"), allow: true,
			want: "unavailable: the backend does not answer"},
		"garbage":          {answer: `<html>`, want: "unavailable: the backend's answer cannot be read"},
		"not UTF-8":        {answer: "{\"user\":\"\xff\"}", want: "unavailable: the backend's answer cannot be read"},
		"a misspelt field": {answer: `{"refused":"x"}`, want: "unavailable: the backend's answer cannot be read"},
		"two objects":      {answer: `{} {}`, want: "unavailable: the backend's answer cannot be read"},
		"a label of ours":  {answer: `{"labels":{"@id":"1.1"}}`, want: "unavailable: the backend's answer cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			connect := hook.Connect{Backend: newBackend(func(context.Context) ([]byte, error) { return []byte(c.answer), c.err }, 1), AllowOnError: c.allow}
			decided, err := connect.Decide(t.Context(), hook.ConnectQuestion{App: "a"}, page, c.token)
			got := ""
			if err != nil {
				p := problem.Of(err)
				got = string(p.Kind) + ": " + p.Detail
			} else {
				labels, _ := json.Marshal(decided.Backend.Labels)
				maySet, _ := json.Marshal(decided.Backend.MaySet)
				got = string(labels) + " " + string(maySet)
				if !decided.Labels.Equal(page.Labels) {
					t.Errorf("the labels of the token have become %v", decided.Labels)
				}
			}
			if !strings.HasPrefix(got, c.want) || strings.Contains(got, "hunter2") {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestCall: what a backend answers, and what the page gets.
func TestCall(t *testing.T) {
	status := func(code int, body string) error { return &webhook.StatusError{Status: code, Body: body} }
	for name, c := range map[string]struct {
		answer string
		err    error
		want   string
	}{
		"JSON":             {answer: `{"a": 1.10}`, want: `{"a": 1.10}`},
		"nothing":          {want: `null`},
		"not UTF-8":        {answer: "\"\xff\"", want: "unavailable: the backend's answer is not JSON"},
		"no JSON":          {answer: `<html>`, want: "unavailable: the backend's answer is not JSON"},
		"422":              {err: status(422, `{"message":"the name is missing"}`), want: "invalid: the name is missing"},
		"404":              {err: status(404, ``), want: "not_found: the backend refuses the call"},
		"403":              {err: status(403, `{"detail":"not yours"}`), want: "forbidden: not yours"},
		"500":              {err: status(500, `{"message":"Whoops: password=1"}`), want: "unavailable: the backend does not answer"},
		"no answer at all": {err: errors.New("EOF"), want: "unavailable: the backend does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			calls := hook.Calls{Backend: newBackend(func(context.Context) ([]byte, error) { return []byte(c.answer), c.err }, 1)}
			answer, err := calls.Call(t.Context(), hook.CallQuestion{Method: "m"})
			got := string(answer)
			if err != nil {
				p := problem.Of(err)
				got = string(p.Kind) + ": " + p.Detail
			}
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
