package server_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"scenecast/audience"
	"scenecast/push"
)

func readAll(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const form = "application/x-www-form-urlencoded"

// TestTriggerCalls are the ways to run a trigger, and what is refused.
func TestTriggerCalls(t *testing.T) {
	s := start(t, nil, map[string]push.Trigger{
		"fails": push.TriggerFunc(func(context.Context, push.Args) (push.Request, error) {
			return push.Request{}, errors.New("the database says no: secret detail")
		}),
	})
	s.page("page=home")
	s.page("page=order&order=7")
	for _, c := range []struct {
		name, method, target, key, media, body string
		status                                 int
		answer                                 string // a part of it
	}{
		{"GET, as the tutorial's controller", "GET", "/?func=pushHomeLogic&token=" + apiKey + "&page=back", "", "", "", 200, `"matched":1}`},
		{"POST", "POST", "/?func=pushHomeLogic&token=" + apiKey, "", "", "", 200, `"matched":1}`},
		{"POST of a form", "POST", "/", "", form, "func=orderShipped&order=7&token=" + apiKey, 200, `"matched":1}`},
		{"a bearer", "GET", "/?func=pushHomeLogic", apiKey, "", "", 200, `"matched":1}`},
		{"nobody there", "GET", "/?func=orderShipped&order=8&token=" + apiKey, "", "", "", 200, `{"code":200,"message":"reached 0 pages","id":"`},
		{"JSON", "POST", "/v1/triggers/orderShipped", apiKey, "application/json", `{"order":"7"}`, 200, `"matched":1,"queued":1,"dropped":0,"nodes":1,"nodes_known":1}`},

		{"no token", "GET", "/?func=pushHomeLogic", "", "", "", 401, `{"code":401,"message":"token: an API key is missing or wrong (setting: api_keys)"}`},
		{"wrong token", "GET", "/?func=pushHomeLogic&token=wrong", "", "", "", 401, `{"code":401,`},
		{"wrong token, unknown func", "GET", "/?func=nope&token=wrong", "", "", "", 401, `{"code":401,`},
		{"a page's token", "GET", "/?func=pushHomeLogic&token=" + pageToken, "", "", "", 403, `(setting: page_token_may_trigger)"}`},
		{"a key without the scope", "GET", "/?func=pushHomeLogic&token=" + pushKey, "", "", "", 403, `lacks the scope \"trigger\"`},
		{"a key without the scope, JSON", "POST", "/v1/triggers/pushHomeLogic", pushKey, "", "", 403, `"kind":"forbidden"`},
		{"a page's token, JSON", "POST", "/v1/triggers/pushHomeLogic", pageToken, "", "", 401, `"kind":"unauthorized"`},
		{"unknown func", "GET", "/?func=nope&token=" + apiKey, "", "", "", 404, `{"code":404,"message":"there is no trigger named \"nope\""}`},
		{"unknown trigger", "POST", "/v1/triggers/nope", apiKey, "", "", 404, `"detail":"there is no trigger named \"nope\""`},
		{"no func", "POST", "/?token=" + apiKey, "", "", "", 400, `{"code":400,"message":"func: `},
		{"two funcs", "GET", "/?func=a&func=b&token=" + apiKey, "", "", "", 400, `{"code":400,"message":"func: given 2 times`},
		{"a missing parameter", "GET", "/?func=orderShipped&token=" + apiKey, "", "", "", 400, `{"code":400,"message":"order: missing`},
		{"a repeated parameter", "GET", "/?func=orderShipped&order=1&order=2&token=" + apiKey, "", "", "", 400, `{"code":400,"message":"order: given 2 times`},
		{"an ill-typed parameter", "GET", "/?func=setStock&left=many&token=" + apiKey, "", "", "", 400, `{"code":400,"message":"left: not of the type that it takes: integer`},
		{"an unknown parameter in JSON", "POST", "/v1/triggers/orderShipped", apiKey, "", `{"order":"7","oder":"8"}`, 400, `"where":"oder"`},
		{"JSON at the tutorial's endpoint", "POST", "/?func=orderShipped&token=" + apiKey, "", "application/json", `{"order":"7"}`, 415, `POST /v1/triggers/NAME`},
		{"a form over the limit", "POST", "/?token=" + apiKey, "", form, "func=" + strings.Repeat("x", 256<<10-4), 413, `(setting: http.max_body)`},
		{"a broken form", "POST", "/?func=pushHomeLogic&token=" + apiKey, "", form, "a=%zz", 400, `the form cannot be read`},
		{"DELETE", "DELETE", "/?func=pushHomeLogic&token=" + apiKey, "", "", "", 405, `{"code":405,`},
		{"HEAD", "HEAD", "/?func=pushHomeLogic&token=" + apiKey, "", "", "", 405, ``},
		{"a trigger in Go that fails", "GET", "/?func=fails&token=" + apiKey, "", "", "", 500, `{"code":500,"message":"internal error"}`},
	} {
		status, answer := s.call(c.method, c.target, c.key, c.media, c.body)
		if status != c.status || !strings.Contains(answer, c.answer) {
			t.Errorf("%s: %d %s, want %d with %s", c.name, status, answer, c.status, c.answer)
		}
	}
	if !strings.Contains(s.log.String(), "the database says no") {
		t.Error("the log does not tell why the trigger in Go failed")
	}
}

// TestIdempotencyKeyOfAnother: who may run a trigger by a page's token, which everybody can read, cannot take a backend's push away
// by using its idempotency key first; nor can one backend another's.
func TestIdempotencyKeyOfAnother(t *testing.T) {
	s := start(t, map[string]string{
		"page_token_may_trigger": "true",
		"api_keys":               "[{name: a, key: " + apiKey + ", allow: [push, trigger]}, {name: b, key: " + pushKey + ", allow: [push, trigger]}]",
	}, nil)
	page := s.page("page=home")
	for _, token := range []string{pageToken, apiKey, pushKey} {
		for range 2 { // the second is a retry
			status, answer := s.callWith("GET", "/?func=pushHomeLogic&token="+token, map[string]string{"Idempotency-Key": "k"}, "")
			if status != 200 || !strings.Contains(answer, `"matched":1}`) {
				t.Errorf("%d %s", status, answer)
			}
		}
		if token == pageToken {
			continue
		}
		status, answer := s.callWith("POST", "/v1/triggers/pushHomeLogic", map[string]string{"Idempotency-Key": "k", "Authorization": "Bearer " + token}, "")
		if status != 200 || !strings.Contains(answer, `"replayed":true}`) {
			t.Errorf("by the API: %d %s; want it to be a retry as well", status, answer)
		}
	}
	s.publish(`{"to":"*","message":"last"}`)
	for range 3 {
		if got := s.read(page); !strings.Contains(got, "后端触发了按钮 1") {
			t.Errorf("the page got %s, want the push of each of the three", got)
		}
	}
	if got := s.read(page); got != `"last"` {
		t.Errorf("the page got %s, want no push twice", got)
	}
}

// TestPush: the pages of the audience get the message verbatim, and the others do not.
func TestPush(t *testing.T) {
	s := start(t, nil, nil)
	home, list := s.page("page=home&user=42"), s.page("page=list&user=42")
	const message = `{ "b":1.10, "a":"<你好>\n" }`
	status, answer := s.push(`{"to":{"page":"home"},"message":` + message + `}`)
	if status != 200 || !strings.Contains(answer, `"matched":1,"queued":1,"dropped":0,"nodes":1,"nodes_known":1}`) || !strings.HasPrefix(answer, `{"id":"`) {
		t.Errorf("push: %d %s", status, answer)
	}
	if got := s.read(home); got != message {
		t.Errorf("home got %s, want %s", got, message)
	}
	// The sentinel is the list page's first message: the one before did not reach it. Nor did the dry run.
	if status, answer := s.push(`{"to":{"user":"42"},"dry_run":true,"message":"dry"}`); status != 200 || !strings.Contains(answer, `"matched":2`) {
		t.Errorf("dry run: %d %s", status, answer)
	}
	if status, answer := s.push(`{"to":"*","message":"sentinel"}`); status != 200 || !strings.Contains(answer, `"matched":2,"queued":2`) {
		t.Errorf("sentinel: %d %s", status, answer)
	}
	for name, c := range map[string]string{"home": s.read(home), "list": s.read(list)} {
		if c != `"sentinel"` {
			t.Errorf("%s got %s, want the sentinel", name, c)
		}
	}
}

// TestPushRefusals are those that need the whole server; package api has the others.
func TestPushRefusals(t *testing.T) {
	s := start(t, nil, nil)
	for _, c := range []struct {
		name, key, body string
		status          int
		answer          string
	}{
		{"no key", "", `{}`, 401, `"kind":"unauthorized"`},
		{"a page's token", pageToken, `{"to":"*","message":1}`, 401, `"setting":"api_keys"`},
		{"no audience", apiKey, `{"message":1}`, 400, `"where":"to"`},
		{"an empty audience", apiKey, `{"to":{},"message":1}`, 400, `"where":"to"`},
		{"no message", apiKey, `{"to":"*"}`, 400, `"where":"message"`},
		{"an unknown field", apiKey, `{"to":"*","message":1,"too":1}`, 400, `"where":"too"`},
		{"over the limit", apiKey, `{"to":"*","message":"` + strings.Repeat("x", 256<<10) + `"}`, 413, `"setting":"http.max_body"`},
	} {
		status, answer := s.call(http.MethodPost, "/v1/push", c.key, "", c.body)
		if status != c.status || !strings.Contains(answer, c.answer) {
			t.Errorf("%s: %d %s, want %d with %s", c.name, status, answer, c.status, c.answer)
		}
	}
}

// TestTriggerInGo: triggers of the program stand beside those of the configuration.
func TestTriggerInGo(t *testing.T) {
	s := start(t, nil, map[string]push.Trigger{
		"greet": push.TriggerFunc(func(_ context.Context, args push.Args) (push.Request, error) {
			name, err := args.String("name")
			return push.Request{To: audience.Everybody(), Message: []byte(`"hello ` + name + `"`)}, err
		}),
	})
	c := s.page("page=home")
	if status, answer := s.call("GET", "/?func=greet&name=world&token="+apiKey, "", "", ""); status != 200 {
		t.Errorf("%d %s", status, answer)
	}
	if got := s.read(c); got != `"hello world"` {
		t.Errorf("the page got %s", got)
	}
	if status, answer := s.call("GET", "/?func=greet&token="+apiKey, "", "", ""); status != 400 || !strings.Contains(answer, "name: missing") {
		t.Errorf("without the parameter: %d %s", status, answer)
	}
}

// TestPages: what a browser finds on the port.
func TestPages(t *testing.T) {
	s := start(t, nil, nil)
	for _, c := range []struct {
		target string
		status int
		part   string
	}{
		{"/", 200, "<h1>Scenecast is running</h1>"},
		{"/?utm_source=x", 200, "<h1>Scenecast is running</h1>"},
		{"/scenecast.js", 200, "scenecast"},
		{"/healthz", 200, `{"status":"ok"}`},
		{"/readyz", 200, `{"status":"ready"}`},
		{"/nope", 404, `"kind":"not_found"`},
		{"/v1/push", 405, `"kind":"method_not_allowed"`},
	} {
		if status, body := s.call("GET", c.target, "", "", ""); status != c.status || !strings.Contains(body, c.part) {
			t.Errorf("GET %s: %d %.200s, want %d with %s", c.target, status, body, c.status, c.part)
		}
	}
}
