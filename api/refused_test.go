package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"scenecast/problem"
)

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
