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
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/iotest"

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

const pushed = `{"id":"abc","position":"10-17","matched":3,"queued":2,"dropped":1,"nodes":1,"nodes_known":3}`

func TestTaken(t *testing.T) {
	for _, c := range []struct {
		path, body string
		asked      string
		answer     string
	}{
		{"/v1/push", `{"to":{"page":["home","list"],"plan":"pro"},"message":{"b": 1.0,"a":"<\u4e2d>"}}`,
			`shop: push {"b": 1.0,"a":"<\u4e2d>"} to page in ["home", "list"] && plan == "pro"`, pushed},
		{"/v1/push", ` {"message": null, "to": "*", "dry_run": false} ` + "\n",
			`shop: push null to *`, pushed},
		{"/v1/push", `{"to":"page == \"home\"","dry_run":true}`,
			`shop: push  to page == "home", dry run`, `{"matched":3,"queued":2,"dropped":1,"nodes":1,"nodes_known":3,"dry_run":true}`},
		{"/v1/push", `{"to":"*","message":{},"dry_run":true}`,
			`shop: push {} to *, dry run`, `{"matched":3,"queued":2,"dropped":1,"nodes":1,"nodes_known":3,"dry_run":true}`},
		// What is missing is for the push service to say.
		{"/v1/push", `{}`, `shop: push  to `, pushed},
		{"/v1/push", ``, `shop: push  to `, pushed},

		{"/v1/triggers/orderShipped", `{"order":"7"}`, `shop: trigger "orderShipped" with order "7", <nil>`, pushed},
		{"/v1/triggers/orderShipped", `{"order":7}`, `shop: trigger "orderShipped" with order "7", <nil>`, pushed},
		{"/v1/triggers/orderShipped", `{"order":true}`, `shop: trigger "orderShipped" with order "", order: not of the type that it takes: string`, pushed},
		{"/v1/triggers/pushHomeLogic", ``, `shop: trigger "pushHomeLogic" with order "", order: missing: this trigger takes the parameter order (string)`, pushed},
		{"/v1/triggers/a%2Fb%20%E8%AE%A2", `{"order":""}`, `shop: trigger "a/b 订" with order "", <nil>`, pushed},
	} {
		f := newFixture(t)
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
	tooLarge := `{"title":"Request Entity Too Large","status":413,"kind":"too_large","detail":"the body is over 16384 bytes","setting":"http.max_body"}`

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
		{"POST", "/healthz", "", "", 405, notAllowed("/healthz takes GET, HEAD")},
		{"POST", "/readyz", "all", "", 405, notAllowed("/readyz takes GET, HEAD")},

		{"GET", "/", "", "", 404, notFound},
		{"GET", "/v1", "all", "", 404, notFound},
		{"GET", "/v1/", "all", "", 404, notFound},
		{"POST", "/v1/pushes", "all", ok, 405, notAllowed("/v1/pushes takes GET, HEAD")},
		{"POST", "/v1/push/", "all", ok, 404, notFound},
		{"POST", "/v1/Push", "all", ok, 404, notFound},
		{"POST", "/v1/triggers", "all", ok, 404, notFound},
		{"POST", "/v1/triggers/", "all", ok, 404, notFound},
		{"POST", "/v1/triggers/x/y", "all", ok, 404, notFound},
		{"GET", "/healthz/", "", "", 404, notFound},

		{"POST", "/v1/push", "all", `{"tö":"*"}`, 400, invalid("unknown field; there are coalesce, dry_run, event, except, id, message, receipt, retain, timeout, to, ttl", "tö")},
		{"POST", "/v1/push", "all", `{"To":"*","message":1}`, 400, invalid("unknown field; there are coalesce, dry_run, event, except, id, message, receipt, retain, timeout, to, ttl", "To")},
		{"POST", "/v1/push", "all", `{"z":1,"a":1,"dry_run":2}`, 400, invalid("unknown field; there are coalesce, dry_run, event, except, id, message, receipt, retain, timeout, to, ttl", "a")},
		{"POST", "/v1/push", "all", `{"to":"*","message":1,"to":"*"}`, 400, invalid("there twice", "to")},
		{"POST", "/v1/push", "all", `{"dry_run":1}`, 400, invalid("takes true or false", "dry_run")},
		{"POST", "/v1/push", "all", `{"dry_run":"true"}`, 400, invalid("takes true or false", "dry_run")},
		{"POST", "/v1/push", "all", `{"dry_run":null}`, 400, invalid("takes true or false", "dry_run")},
		{"POST", "/v1/push", "all", "{\n\"to\": home}", 400, invalid("the body is not valid JSON: line 2, column 7: unexpected 'h'", "")},
		{"POST", "/v1/push", "all", "to=*&message=1", 400, invalid("the body is not valid JSON: line 1, column 2: unexpected 'o'", "")},
		{"POST", "/v1/push", "all", `{"to":"*"`, 400, invalid("the body is not valid JSON: line 1, column 10: it breaks off", "")},
		{"POST", "/v1/push", "all", ok + ok, 400, invalid("the body is not valid JSON: line 1, column 23: it goes on behind its end", "")},
		{"POST", "/v1/push", "all", `"*"`, 400, invalid("takes a JSON object", "")},
		{"POST", "/v1/push", "all", "{\"message\":\"\xff\"}", 400, invalid("the body is not valid JSON: line 1, column 13: not UTF-8", "")},
		{"POST", "/v1/push", "all", strings.Repeat(" ", maxBody+1), 413, tooLarge},
		{"POST", "/v1/triggers/x", "trigger", `{"order":"` + strings.Repeat("x", maxBody) + `"}`, 413, tooLarge},
		{"POST", "/v1/triggers/x", "trigger", `{"order":1,"order":2}`, 400, invalid("there twice", "order")},
		{"POST", "/v1/triggers/x", "trigger", `["7"]`, 400, invalid("takes a JSON object", "")},
	} {
		f := newFixture(t)
		name := fmt.Sprintf("%s %s %.80q with the key %q", c.method, c.path, c.body, c.key)
		w := f.call(c.method, c.path, c.key, strings.NewReader(c.body))
		checkAnswer(t, name, w, c.status, c.answer)
		if asked := f.asked(); len(asked) > 0 {
			t.Errorf("%s was refused, and yet asked for %q", name, asked)
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
		f := newFixture(t)
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
	for path, want := range map[string]string{
		"/v1/push": "POST", "/v1/triggers/x": "POST", "/v1/audience": "POST", "/v1/disconnect": "POST",
		"/v1/connections": "GET, HEAD", "/v1/connections/1.2": "GET, HEAD", "/v1/labels": "GET, HEAD, POST",
		"/v1/openapi.json": "GET, HEAD", "/v1/docs": "GET, HEAD", "/healthz": "GET, HEAD", "/readyz": "GET, HEAD",
	} {
		for _, method := range []string{"PATCH", "OPTIONS", "DELETE"} {
			w := newFixture(t).call(method, path, "all", nil)
			if got := w.Header().Get("Allow"); got != want || w.Code != 405 {
				t.Errorf("%s %s: %d, Allow is %q, want %q", method, path, w.Code, got, want)
			}
		}
	}
}

// TestLongestBody: the limit itself is still let in.
func TestLongestBody(t *testing.T) {
	const frame = `{"to":"*","message":""}`
	body := strings.Replace(frame, `""`, `"`+strings.Repeat("x", maxBody-len(frame))+`"`, 1)
	if w := newFixture(t).call("POST", "/v1/push", "all", strings.NewReader(body)); w.Code != 200 || len(body) != maxBody {
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
		f := newFixture(t)
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
		{problem.New(problem.Conflict, `said <otherwise>`), 409,
			`{"title":"Conflict","status":409,"kind":"conflict","detail":"said <otherwise>"}`, false},
		{fmt.Errorf("push: %w", problem.New(problem.LimitExceeded, "<3 & more").At("to").DecidedBy("audience.max")), 400,
			`{"title":"Bad Request","status":400,"kind":"limit_exceeded","detail":"<3 & more","where":"to","setting":"audience.max"}`, false},
		{problem.New(problem.Unavailable, "no leader"), 503,
			`{"title":"Service Unavailable","status":503,"kind":"unavailable","detail":"no leader"}`, false},
		{secret, 500, internal, true},
		{fmt.Errorf("publish: %w", secret), 500, internal, true},
	} {
		for _, path := range []string{"/v1/push", "/v1/triggers/x"} {
			f := newFixture(t)
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
			f := newFixture(t)
			f.ready = c.ready
			checkAnswer(t, fmt.Sprintf("%s with the key %q", c.path, key), f.call("GET", c.path, key, nil), c.status, c.answer)
		}
	}
}

// TestHead: over the wire, a HEAD is answered as a GET without its body.
func TestHead(t *testing.T) {
	server := httptest.NewServer(newFixture(t))
	defer server.Close()
	for _, path := range []string{"/healthz", "/readyz", "/v1/docs", "/v1/openapi.json"} {
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
