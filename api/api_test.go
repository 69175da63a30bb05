package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"scenecast"
	"scenecast/api"
	"scenecast/auth"
	"scenecast/problem"
	"scenecast/push"
)

// pusher writes down what it is asked for, and answers as it is told to.
type pusher struct {
	asked  []string
	result push.Result
	err    error
}

func (p *pusher) Push(_ context.Context, app string, r push.Request) (push.Result, error) {
	p.asked = append(p.asked, fmt.Sprintf("%s: push %s to %s, dry run %v", app, r.Message, r.To, r.DryRun))
	if r.DryRun {
		return push.Result{Tally: p.result.Tally}, p.err
	}
	return p.result, p.err
}

func (p *pusher) Trigger(_ context.Context, app, name string, args push.Args) (push.Result, error) {
	order, err := args.String("order")
	p.asked = append(p.asked, fmt.Sprintf("%s: trigger %q with order %q, %v", app, name, order, err))
	return p.result, p.err
}

// fixture is an API with three keys: all, trigger and none, named after what they may do.
type fixture struct {
	*api.API
	pusher pusher
	ready  error
	log    bytes.Buffer
}

const maxBody = 256

func newFixture() *fixture {
	f := &fixture{pusher: pusher{result: push.Result{
		ID:       "abc",
		Position: scenecast.Position{Epoch: 36, Seq: 17},
		Tally:    scenecast.Tally{Matched: 3, Queued: 2, Dropped: 1, Nodes: 1},
	}}}
	keys := new(auth.Keys)
	keys.Add(auth.Key{Name: "a", Scopes: auth.Scopes}, "all")
	keys.Add(auth.Key{Name: "t", Scopes: []auth.Scope{auth.Trigger}}, "trigger")
	keys.Add(auth.Key{Name: "n"}, "none")
	f.API = api.New(api.Options{
		App:     "shop",
		Keys:    keys,
		MaxBody: maxBody,
		Pusher:  &f.pusher,
		Ready:   func(context.Context) error { return f.ready },
		Logger:  slog.New(slog.NewTextHandler(&f.log, nil)),
	})
	return f
}

// call sends a request, with the key unless that is empty, and returns the answer.
func (f *fixture) call(method, path, key string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, body)
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
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
	if got, want := w.Header().Get("WWW-Authenticate"), map[bool]string{true: "Bearer"}[status == 401]; got != want {
		t.Errorf("%s: WWW-Authenticate is %q, want %q", name, got, want)
	}
}

const pushed = `{"id":"abc","position":"10-17","matched":3,"queued":2,"dropped":1,"nodes":1}`

func TestTaken(t *testing.T) {
	for _, c := range []struct {
		path, body string
		asked      string
		answer     string
	}{
		{"/v1/push", `{"to":{"page":["home","list"],"plan":"pro"},"message":{"b": 1.0,"a":"<\u4e2d>"}}`,
			`shop: push {"b": 1.0,"a":"<\u4e2d>"} to page in ["home", "list"] && plan == "pro", dry run false`, pushed},
		{"/v1/push", ` {"message": null, "to": "*", "dry_run": false} ` + "\n",
			`shop: push null to *, dry run false`, pushed},
		{"/v1/push", `{"to":"page == \"home\"","dry_run":true}`,
			`shop: push  to page == "home", dry run true`, `{"matched":3,"queued":2,"dropped":1,"nodes":1,"dry_run":true}`},
		{"/v1/push", `{"to":"*","message":{},"dry_run":true}`,
			`shop: push {} to *, dry run true`, `{"matched":3,"queued":2,"dropped":1,"nodes":1,"dry_run":true}`},
		// What is missing is for the push service to say.
		{"/v1/push", `{}`, `shop: push  to , dry run false`, pushed},
		{"/v1/push", ``, `shop: push  to , dry run false`, pushed},

		{"/v1/triggers/orderShipped", `{"order":"7"}`, `shop: trigger "orderShipped" with order "7", <nil>`, pushed},
		{"/v1/triggers/orderShipped", `{"order":7}`, `shop: trigger "orderShipped" with order "", order: not of the type that it takes: string`, pushed},
		{"/v1/triggers/pushHomeLogic", ``, `shop: trigger "pushHomeLogic" with order "", order: missing: this trigger takes the parameter order (string)`, pushed},
		{"/v1/triggers/a%2Fb%20%E8%AE%A2", `{"order":""}`, `shop: trigger "a/b 订" with order "", <nil>`, pushed},
	} {
		f := newFixture()
		name := c.path + " " + c.body
		checkAnswer(t, name, f.call("POST", c.path, "all", strings.NewReader(c.body)), 200, c.answer)
		if len(f.pusher.asked) != 1 || f.pusher.asked[0] != c.asked {
			t.Errorf("%s asked for\n\t%q, want\n\t%q", name, f.pusher.asked, c.asked)
		}
	}
}

func TestRefused(t *testing.T) {
	const (
		unauthorized = `{"title":"Unauthorized","status":401,"kind":"unauthorized","detail":"the header ` + "`Authorization: Bearer KEY`" +
			` is missing or names no API key","setting":"api_keys"}`
		noPush    = `{"title":"Forbidden","status":403,"kind":"forbidden","detail":"this API key lacks the scope \"push\"","setting":"api_keys"}`
		noTrigger = `{"title":"Forbidden","status":403,"kind":"forbidden","detail":"this API key lacks the scope \"trigger\"","setting":"api_keys"}`
		notFound  = `{"title":"Not Found","status":404,"kind":"not_found","detail":"there is nothing at this path"}`
		ok        = `{"to":"*","message":1}`
	)
	invalid := func(detail, where string) string {
		b, _ := json.Marshal(detail)
		if where != "" {
			where = `,"where":"` + where + `"`
		}
		return `{"title":"Bad Request","status":400,"kind":"invalid","detail":` + string(b) + where + `}`
	}
	notAllowed := func(detail string) string {
		return `{"title":"Method Not Allowed","status":405,"kind":"method_not_allowed","detail":"` + detail + `"}`
	}
	tooLarge := `{"title":"Request Entity Too Large","status":413,"kind":"too_large","detail":"the body is over 256 bytes","setting":"http.max_body"}`

	for _, c := range []struct {
		method, path, key, body string
		status                  int
		answer                  string
	}{
		{"POST", "/v1/push", "", ok, 401, unauthorized},
		{"POST", "/v1/push", "nonsense", ok, 401, unauthorized},
		{"POST", "/v1/push", "none", ok, 403, noPush},
		{"POST", "/v1/push", "trigger", ok, 403, noPush},
		{"POST", "/v1/triggers/x", "", ok, 401, unauthorized},
		{"POST", "/v1/triggers/x", "none", ok, 403, noTrigger},
		{"POST", "/v1/push", "", `{`, 401, unauthorized}, // who may not push is not told what is wrong with it

		{"GET", "/v1/push", "all", "", 405, notAllowed("/v1/push takes POST")},
		{"HEAD", "/v1/push", "all", "", 405, notAllowed("/v1/push takes POST")},
		{"PUT", "/v1/push", "", ok, 405, notAllowed("/v1/push takes POST")},
		{"DELETE", "/v1/triggers/x", "all", "", 405, notAllowed("/v1/triggers/x takes POST")},
		{"POST", "/healthz", "", "", 405, notAllowed("/healthz takes GET")},
		{"POST", "/readyz", "all", "", 405, notAllowed("/readyz takes GET")},

		{"GET", "/", "", "", 404, notFound},
		{"GET", "/v1", "all", "", 404, notFound},
		{"GET", "/v1/", "all", "", 404, notFound},
		{"POST", "/v1/pushes", "all", ok, 404, notFound},
		{"POST", "/v1/push/", "all", ok, 404, notFound},
		{"POST", "/v1/Push", "all", ok, 404, notFound},
		{"POST", "/v1/triggers", "all", ok, 404, notFound},
		{"POST", "/v1/triggers/", "all", ok, 404, notFound},
		{"POST", "/v1/triggers/x/y", "all", ok, 404, notFound},
		{"GET", "/healthz/", "", "", 404, notFound},

		{"POST", "/v1/push", "all", `{"tö":"*"}`, 400, invalid("unknown field: a push takes to, message and dry_run", "tö")},
		{"POST", "/v1/push", "all", `{"To":"*","message":1}`, 400, invalid("unknown field: a push takes to, message and dry_run", "To")},
		{"POST", "/v1/push", "all", `{"z":1,"a":1,"dry_run":2}`, 400, invalid("unknown field: a push takes to, message and dry_run", "a")},
		{"POST", "/v1/push", "all", `{"to":"*","message":1,"to":"*"}`, 400, invalid("there twice", "to")},
		{"POST", "/v1/push", "all", `{"dry_run":1}`, 400, invalid("takes true or false", "dry_run")},
		{"POST", "/v1/push", "all", `{"dry_run":"true"}`, 400, invalid("takes true or false", "dry_run")},
		{"POST", "/v1/push", "all", `{"dry_run":null}`, 400, invalid("takes true or false", "dry_run")},
		{"POST", "/v1/push", "all", "{\n\"to\": home}", 400, invalid("the body is not valid JSON: line 2, column 7: unexpected 'h'", "")},
		{"POST", "/v1/push", "all", "to=*&message=1", 400, invalid("the body is not valid JSON: line 1, column 2: unexpected 'o'", "")},
		{"POST", "/v1/push", "all", `{"to":"*"`, 400, invalid("the body is JSON that breaks off", "")},
		{"POST", "/v1/push", "all", ok + ok, 400, invalid("the body goes on behind the JSON object", "")},
		{"POST", "/v1/push", "all", `[` + ok + `]`, 400, invalid("the body must be a JSON object", "")},
		{"POST", "/v1/push", "all", "{\"message\":\"\xff\"}", 400, invalid("the body is not valid UTF-8", "")},
		{"POST", "/v1/push", "all", strings.Repeat(" ", maxBody+1), 413, tooLarge},
		{"POST", "/v1/triggers/x", "trigger", `{"order":"` + strings.Repeat("x", maxBody) + `"}`, 413, tooLarge},
		{"POST", "/v1/triggers/x", "trigger", `{"order":1,"order":2}`, 400, invalid("there twice", "order")},
		{"POST", "/v1/triggers/x", "trigger", `["7"]`, 400, invalid("the body must be a JSON object", "")},
	} {
		f := newFixture()
		name := fmt.Sprintf("%s %s %.80q with the key %q", c.method, c.path, c.body, c.key)
		w := f.call(c.method, c.path, c.key, strings.NewReader(c.body))
		checkAnswer(t, name, w, c.status, c.answer)
		if len(f.pusher.asked) > 0 {
			t.Errorf("%s was refused, and yet asked for %q", name, f.pusher.asked)
		}
		if f.log.Len() > 0 {
			t.Errorf("%s is the stranger's fault, and yet logged: %s", name, &f.log)
		}
		if got := w.Header().Get("Allow"); (got != "") != (c.status == 405) {
			t.Errorf("%s: Allow is %q", name, got)
		}
	}
}

// TestAudienceRefused: the place says that it is the audience, and where in it. The words are package audience's.
func TestAudienceRefused(t *testing.T) {
	for body, where := range map[string]string{
		`{"to":null,"message":1}`:                "to",
		`{"to":{},"message":1}`:                  "to",
		`{"to":{"page":null},"message":1}`:       "to.page",
		`{"to":"page = \"home\"","message":1}`:   "to.column 6",
		`{"to":"page == $page","message":1}`:     "to.column 9",
		`{"to":{"page":"a","page":"b"},"x":"y"}`: "to.page",
	} {
		f := newFixture()
		w := f.call("POST", "/v1/push", "all", strings.NewReader(body))
		var answer struct{ Kind, Detail, Where string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		if w.Code != 400 || answer.Kind != "invalid" || answer.Where != where || answer.Detail == "" || len(f.pusher.asked) > 0 {
			t.Errorf("%s: %d %s, want a problem at %s", body, w.Code, w.Body, where)
		}
	}
}

func TestAllow(t *testing.T) {
	for path, want := range map[string]string{"/v1/push": "POST", "/v1/triggers/x": "POST", "/healthz": "GET, HEAD", "/readyz": "GET, HEAD"} {
		for _, method := range []string{"PATCH", "OPTIONS"} {
			if got := newFixture().call(method, path, "all", nil).Header().Get("Allow"); got != want {
				t.Errorf("%s %s: Allow is %q, want %q", method, path, got, want)
			}
		}
	}
}

// TestLongestBody: the limit itself is still let in.
func TestLongestBody(t *testing.T) {
	const frame = `{"to":"*","message":""}`
	body := strings.Replace(frame, `""`, `"`+strings.Repeat("x", maxBody-len(frame))+`"`, 1)
	if w := newFixture().call("POST", "/v1/push", "all", strings.NewReader(body)); w.Code != 200 || len(body) != maxBody {
		t.Errorf("a body of %d bytes: %d %s", len(body), w.Code, w.Body)
	}
}

// TestBodyBreaks: the connection fails while the body comes in.
func TestBodyBreaks(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		answer string
	}{
		{os.ErrDeadlineExceeded, 408,
			`{"title":"Request Timeout","status":408,"kind":"timeout","detail":"the body did not come in time","setting":"http.body_timeout"}`},
		{io.ErrUnexpectedEOF, 400,
			`{"title":"Bad Request","status":400,"kind":"invalid","detail":"the body broke off"}`},
	} {
		f := newFixture()
		body := io.MultiReader(strings.NewReader(`{"to":"*"`), iotest.ErrReader(c.err))
		checkAnswer(t, c.err.Error(), f.call("POST", "/v1/push", "all", body), c.status, c.answer)
	}
}

// TestPusherFails: a problem is told; anything else is for the log, and strangers do not get it.
func TestPusherFails(t *testing.T) {
	secret := errors.New("dial redis://:hunter2@10.0.0.1: refused")
	const internal = `{"title":"Internal Server Error","status":500,"kind":"internal","detail":"internal error"}`
	for _, c := range []struct {
		err    error
		status int
		answer string
		logged bool
	}{
		{problem.New(problem.NotFound, `there is no trigger named "x"`), 404,
			`{"title":"Not Found","status":404,"kind":"not_found","detail":"there is no trigger named \"x\""}`, false},
		{fmt.Errorf("push: %w", problem.New(problem.LimitExceeded, "<3 & more").At("to").DecidedBy("audience.max")), 400,
			`{"title":"Bad Request","status":400,"kind":"limit_exceeded","detail":"<3 & more","where":"to","setting":"audience.max"}`, false},
		{problem.New(problem.Unavailable, "no leader"), 503,
			`{"title":"Service Unavailable","status":503,"kind":"unavailable","detail":"no leader"}`, false},
		{secret, 500, internal, true},
		{fmt.Errorf("publish: %w", secret), 500, internal, true},
	} {
		for _, path := range []string{"/v1/push", "/v1/triggers/x"} {
			f := newFixture()
			f.pusher.err = c.err
			name := fmt.Sprintf("%s when it fails with %q", path, c.err)
			checkAnswer(t, name, f.call("POST", path, "all", nil), c.status, c.answer)
			log := f.log.String()
			if c.logged != strings.Contains(log, "hunter2") || c.logged != (log != "") || c.logged && !strings.Contains(log, "path="+path) {
				t.Errorf("%s: the log says %q, want the cause in it: %v", name, log, c.logged)
			}
		}
	}
}

func TestProbes(t *testing.T) {
	for _, c := range []struct {
		path   string
		ready  error
		status int
		answer string
	}{
		{"/healthz", nil, 200, `{"status":"ok"}`},
		{"/healthz", errors.New("the server is going away"), 200, `{"status":"ok"}`}, // not to be restarted
		{"/readyz", nil, 200, `{"status":"ready"}`},
		{"/readyz", errors.New("the server is going away"), 503,
			`{"title":"Service Unavailable","status":503,"kind":"unavailable","detail":"the server is going away"}`},
	} {
		for _, key := range []string{"", "nonsense", "all"} { // they need none
			f := newFixture()
			f.ready = c.ready
			checkAnswer(t, fmt.Sprintf("%s with the key %q", c.path, key), f.call("GET", c.path, key, nil), c.status, c.answer)
		}
	}
}

// TestHead: over the wire, a HEAD is answered as a GET without its body.
func TestHead(t *testing.T) {
	server := httptest.NewServer(newFixture())
	defer server.Close()
	for _, path := range []string{"/healthz", "/readyz"} {
		response, err := http.Head(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != 200 || len(body) != 0 || err != nil {
			t.Errorf("HEAD %s: %s %q, %v", path, response.Status, body, err)
		}
	}
}
