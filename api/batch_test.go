package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"scenecast"
	"scenecast/api"
)

const ndjson = "application/x-ndjson"

func refusal(detail, where string) string {
	b, _ := json.Marshal(detail)
	b = bytes.ReplaceAll(b, []byte(`\u0026`), []byte(`&`))
	if where != "" {
		where = `,"where":"` + where + `"`
	}
	return `{"title":"Bad Request","status":400,"kind":"invalid","detail":` + string(b) + where + `}`
}

// TestPushFields are those of a push beside the audience and the message.
func TestPushFields(t *testing.T) {
	const length = `takes a length of time, as in "90s" or "1h30m"`
	for _, c := range []struct{ body, asked, answer string }{
		{`{"to":"*","message":1,"except":"7.1"}`, `shop: push 1 to *, except @id == "7.1"`, pushed},
		{`{"to":"*","message":1,"except":"page == \"home\""}`, `shop: push 1 to *, except page == "home"`, pushed},
		{`{"to":"*","message":1,"except":{"page":["a","b"]}}`, `shop: push 1 to *, except page in ["a", "b"]`, pushed},
		{`{"to":"*","message":1,"event":"order.shipped"}`, `shop: push 1 to *, event "order.shipped"`, pushed},
		{`{"to":"*","message":1,"except":null}`, ``, refusal("an audience is an object of labels or a string, not null; everybody is spelled \"*\"", "except")},
		{`{"to":"*","message":1,"except":7.1}`, ``, refusal("an audience is an object of labels or a string, not the number 7.1; everybody is spelled \"*\"", "except")},
		{`{"to":"*","message":1,"event":7}`, ``, refusal("takes a text", "event")},
		{`{"to":"*","message":1,"ttl":"1m30s"}`, `shop: push 1 to *, ttl 1m30s`, pushed},
		{`{"to":"*","message":1,"coalesce":"c","retain":"r"}`, `shop: push 1 to *, coalesce "c", retain "r"`, pushed},
		{`{"to":"*","message":1,"receipt":"acked"}`, `shop: push 1 to *, receipt acked within 0s`, pushed},
		{`{"to":"*","message":1,"receipt":"written","timeout":"250ms"}`, `shop: push 1 to *, receipt written within 250ms`, pushed},
		{`{"to":"*","message":1,"id":"order-7"}`, `shop: push 1 to *, id order-7`, pushed},
		{`{"to":"*","message":1,"ttl":60}`, ``, refusal(length, "ttl")},
		{`{"to":"*","message":1,"ttl":"60"}`, ``, refusal(length, "ttl")},
		{`{"to":"*","message":1,"ttl":"0s"}`, ``, refusal(length, "ttl")},
		{`{"to":"*","message":1,"ttl":"-1s"}`, ``, refusal(length, "ttl")},
		{`{"to":"*","message":1,"ttl":null}`, ``, refusal(length, "ttl")},
		{`{"to":"*","message":1,"timeout":"soon"}`, ``, refusal(length, "timeout")},
		{`{"to":"*","message":1,"receipt":"Acked"}`, ``, refusal("takes one of queued, written, acked", "receipt")},
		{`{"to":"*","message":1,"receipt":1}`, ``, refusal("takes one of queued, written, acked", "receipt")},
		{`{"to":"*","message":1,"receipt":null}`, ``, refusal("takes one of queued, written, acked", "receipt")},
		{`{"to":"*","message":1,"id":7}`, ``, refusal("takes a text", "id")},
		{`{"to":"*","message":1,"event":null}`, ``, refusal("takes a text", "event")},
	} {
		f := newFixture(t)
		w := f.call("POST", "/v1/push", "all", strings.NewReader(c.body))
		checkAnswer(t, c.body, w, map[bool]int{true: 200, false: 400}[c.asked != ""], c.answer)
		if asked := strings.Join(f.asked(), "\n"); asked != c.asked {
			t.Errorf("%s asked for\n\t%s, want\n\t%s", c.body, asked, c.asked)
		}
	}
}

// TestReceipts: the answer has what the receipt asks for, zeros too.
func TestReceipts(t *testing.T) {
	for receipt, want := range []string{
		pushed,
		`{"id":"abc","position":"10-17","matched":3,"queued":2,"dropped":1,"written":0,"timed_out":2,"nodes":1,"nodes_known":3}`,
		`{"id":"abc","position":"10-17","matched":3,"queued":2,"dropped":1,"written":0,"acked":0,"timed_out":2,"nodes":1,"nodes_known":3}`,
	} {
		f := newFixture(t)
		f.pusher.result.Receipt = scenecast.Receipt(receipt)
		f.pusher.result.Tally.TimedOut = 2
		checkAnswer(t, want, f.call("POST", "/v1/push", "all", strings.NewReader(`{}`)), 200, want)
	}
}

// TestIdempotencyKey: the header goes with one push or trigger, and a replay is told in the answer and its header.
func TestIdempotencyKey(t *testing.T) {
	replayed := strings.Replace(pushed, `"nodes":1,"nodes_known":3`, `"nodes":1,"nodes_known":3,"replayed":true`, 1)
	for _, c := range []struct {
		path, body string
		replayed   bool
		asked      string
		status     int
		answer     string
	}{
		{"/v1/push", `{"to":"*"}`, false, "shop: push  to *, key k-1", 200, pushed},
		{"/v1/push", `{"to":"*","id":"k-1"}`, true, "shop: push  to *, id k-1, key k-1", 200, replayed},
		{"/v1/triggers/x", `{"order":"7"}`, true, `shop: trigger "x k-1" with order "7", <nil>`, 200, replayed},
		{"/v1/push", `[{"to":"*"}]`, false, "", 400, refusal("is for one push; each push of a batch may have an id", "Idempotency-Key")},
	} {
		f := newFixture(t)
		f.pusher.result.Replayed = c.replayed
		r := httptest.NewRequest("POST", c.path, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer all")
		r.Header.Set("Idempotency-Key", "k-1")
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		checkAnswer(t, c.path+" "+c.body, w, c.status, c.answer)
		if asked := strings.Join(f.asked(), "\n"); asked != c.asked {
			t.Errorf("%s %s asked for %s, want %s", c.path, c.body, asked, c.asked)
		}
		if got, want := w.Header().Get("Idempotency-Replayed"), map[bool]string{true: "true"}[c.replayed]; got != want {
			t.Errorf("%s %s: Idempotency-Replayed is %q, want %q", c.path, c.body, got, want)
		}
	}
}

// TestBatches: every push has its answer in its place, and one that is refused leaves the others alone.
func TestBatches(t *testing.T) {
	const (
		a, b   = `{"to":{"page":"a"},"message":1}`, `{"to":{"page":"b"},"message":2}`
		toA    = `shop: push 1 to page == "a"`
		toB    = `shop: push 2 to page == "b"`
		counts = `{"matched":3,"queued":2,"dropped":1,"nodes":1,"nodes_known":3,"dry_run":true}`
	)
	unknown := refusal("unknown field; there are coalesce, dry_run, event, except, id, message, receipt, retain, timeout, to, ttl", "too")
	noObject := refusal("takes a JSON object", "")
	bad := func(line, column int, what string) string {
		return refusal(fmt.Sprintf("the body is not valid JSON: line %d, column %d: %s", line, column, what), "")
	}
	for _, c := range []struct {
		media, body string
		asked       []string
		answer      string
	}{
		{"", `[]`, nil, "[]\n"},
		{"", " [ ]\n", nil, "[]\n"},
		{"", `[` + a + `]`, []string{toA}, `[` + pushed + "]\n"},
		{"application/json", "\n[" + a + ",\n" + b + "]", []string{toA, toB}, `[` + pushed + `,` + pushed + "]\n"},
		{"", `[` + a + `,{"too":1},` + b + `]`, []string{toA, toB}, `[` + pushed + `,` + unknown + `,` + pushed + "]\n"},
		{"", `[` + a + `,7,null,[` + a + `],` + b + `]`, []string{toA, toB},
			`[` + pushed + `,` + noObject + `,` + noObject + `,` + noObject + `,` + pushed + "]\n"},
		{"", `[{"to":"*","to":"*"},{"to":"*","dry_run":true}]`, []string{"shop: push  to *, dry run"},
			`[` + refusal("there twice", "to") + `,` + counts + "]\n"},

		{"", `[{"to":"*","id":"a"},{"to":"*","receipt":"written","timeout":"2s"}]`,
			[]string{"shop: push  to *, id a", "shop: push  to *, receipt written within 2s"}, `[` + pushed + `,` + pushed + "]\n"},

		{ndjson, ``, nil, ""},
		{ndjson, "\n \r\n", nil, ""},
		{ndjson, a, []string{toA}, pushed + "\n"},
		{ndjson, a + "\n", []string{toA}, pushed + "\n"},
		{ndjson + "; charset=utf-8", a + "\r\n\r\n  " + b + "\r\n", []string{toA, toB}, pushed + "\n" + pushed + "\n"},
		{ndjson, a + "\n{\"too\":1}\n" + b, []string{toA, toB}, pushed + "\n" + unknown + "\n" + pushed + "\n"},
		{ndjson, a + "\n\n {\"to\":x}\n" + b, []string{toA, toB}, pushed + "\n" + bad(3, 8, "unexpected 'x'") + "\n" + pushed + "\n"},
		{ndjson, "{\n" + a, []string{toA}, bad(1, 2, "it breaks off") + "\n" + pushed + "\n"},
		{ndjson, a + a + "\n" + b, []string{toB}, bad(1, 32, "it goes on behind its end") + "\n" + pushed + "\n"},
		{ndjson, "{\"to\":\"\xff\"}\n" + b, []string{toB}, bad(1, 8, "not UTF-8") + "\n" + pushed + "\n"},
		{ndjson, "[" + a + "]\n" + b, []string{toB}, noObject + "\n" + pushed + "\n"},
	} {
		f := newFixture(t)
		w := f.callWith("POST", "/v1/push", "push", c.media, strings.NewReader(c.body))
		if w.Code != 200 || w.Body.String() != c.answer {
			t.Errorf("%s %q: %d\n%s, want\n%s", c.media, c.body, w.Code, w.Body, c.answer)
		}
		want := "application/json"
		if strings.HasPrefix(c.media, ndjson) {
			want = ndjson
		}
		if h := w.Header(); h.Get("Content-Type") != want || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %q: the headers are %v", c.media, c.body, h)
		}
		if asked := f.asked(); !slices.Equal(asked, c.asked) {
			t.Errorf("%s %q asked for\n\t%q, want\n\t%q", c.media, c.body, asked, c.asked)
		}
	}
}

// TestBatchesRefused: what is no batch at all.
func TestBatchesRefused(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`[{"to":"*"}`, refusal("the body is not valid JSON: line 1, column 12: it breaks off", "")},
		{"[\n{\"to\":\"*\",}]", refusal("the body is not valid JSON: line 2, column 11: unexpected '}'", "")},
		{`[] []`, refusal("the body is not valid JSON: line 1, column 4: it goes on behind its end", "")},
		{"[\"\xff\"]", refusal("the body is not valid JSON: line 1, column 3: not UTF-8", "")},
		// Lines that do not say what they are.
		{"{\"to\":\"*\",\"message\":1}\n{\"to\":\"*\",\"message\":2}", refusal("the body is not valid JSON: line 2, column 1: it goes on behind its end", "")},
	} {
		f := newFixture(t)
		checkAnswer(t, c.body, f.call("POST", "/v1/push", "all", strings.NewReader(c.body)), 400, c.want)
		if asked := f.asked(); len(asked) > 0 {
			t.Errorf("%s asked for %q", c.body, asked)
		}
	}
}

// TestBatchLimit: the limit itself is let in, and nothing of one over it is done.
func TestBatchLimit(t *testing.T) {
	for media, batch := range map[string]func(n int) string{
		"":     func(n int) string { return "[" + strings.Repeat("{},", n-1) + "{}]" },
		ndjson: func(n int) string { return strings.Repeat("{}\n", n) },
	} {
		f := newFixture(t)
		if w := f.callWith("POST", "/v1/push", "all", media, strings.NewReader(batch(api.MaxBatch))); w.Code != 200 || len(f.asked()) != api.MaxBatch {
			t.Errorf("%s: a batch of %d: %d, asked %d times", media, api.MaxBatch, w.Code, len(f.asked()))
		}
		f = newFixture(t)
		checkAnswer(t, media, f.callWith("POST", "/v1/push", "all", media, strings.NewReader(batch(api.MaxBatch+1))), 400,
			`{"title":"Bad Request","status":400,"kind":"limit_exceeded","detail":"a batch of 1001 pushes, and it may have 1000"}`)
		if asked := f.asked(); len(asked) > 0 {
			t.Errorf("%s: a batch over the limit asked for %q", media, asked)
		}
	}
}

// TestBatchFails: the cause is for the log, also in a batch.
func TestBatchFails(t *testing.T) {
	const internal = `{"title":"Internal Server Error","status":500,"kind":"internal","detail":"internal error"}`
	for media, c := range map[string]struct{ body, want string }{
		"":     {`[{},{}]`, "[" + internal + "," + internal + "]\n"},
		ndjson: {"{}\n{}", internal + "\n" + internal + "\n"},
	} {
		f := newFixture(t)
		f.pusher.err = errors.New("hunter2")
		w := f.callWith("POST", "/v1/push", "all", media, strings.NewReader(c.body))
		if w.Code != 200 || w.Body.String() != c.want || strings.Count(f.log.String(), "hunter2") != 2 {
			t.Errorf("%s: %d %s, and the log says %s", media, w.Code, w.Body, &f.log)
		}
	}
}

// TestLinesAreFlushed: a line is answered before the next is looked at.
func TestLinesAreFlushed(t *testing.T) {
	f := newFixture(t)
	w := &flushes{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest("POST", "/v1/push", strings.NewReader("{}\n{}\n{}"))
	r.Header.Set("Authorization", "Bearer all")
	r.Header.Set("Content-Type", ndjson)
	f.ServeHTTP(w, r)
	if want := []int{len(pushed) + 1, 2 * (len(pushed) + 1), 3 * (len(pushed) + 1)}; !slices.Equal(w.at, want) {
		t.Errorf("flushed at %d bytes, want %d", w.at, want)
	}
}

type flushes struct {
	*httptest.ResponseRecorder
	at []int
}

func (f *flushes) Flush() { f.at = append(f.at, f.Body.Len()) }

// FuzzPushBody: whatever the body, the answer is one that openapi.json knows, each push has one answer in its place, and
// what was not refused has been pushed.
func FuzzPushBody(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `[]`, `{"to":"*","message":1}`, `[{"to":"*","message":1},{"too":1},7]`, `{"to":{"page":["a","b"]},"except":"7.1","message":null}`,
		"{\"to\":\"*\"}\n\n{\"to\":\r\n[]\n", "[\xff", `[[[`, `{"to":"*","except":null}`, `{"event":"\ud800","dry_run":true}`, `[1,2`, "\ufeff{}", `{} {}`,
		strings.Repeat("[", 20_000),
	} {
		f.Add([]byte(body), false)
		f.Add([]byte(body), true)
	}
	description := api.ReadDescription(f)
	f.Fuzz(func(t *testing.T, body []byte, lines bool) {
		x := newFixture(t)
		r := httptest.NewRequest("POST", "/v1/push", bytes.NewReader(body))
		r.Header.Set("Authorization", "Bearer push")
		if lines {
			r.Header.Set("Content-Type", ndjson)
		}
		w := httptest.NewRecorder()
		x.ServeHTTP(w, r)
		description.CheckAnswer(t, "POST", "/v1/push", w)
		if x.log.Len() > 0 {
			t.Errorf("%q: the log says %s", body, &x.log)
		}
		var items []json.RawMessage
		var want int // of answers to pushes
		switch isArray := json.Unmarshal(body, &items) == nil; {
		case w.Code != 200:
			if asked := x.asked(); len(asked) > 0 {
				t.Errorf("%q: %d, and yet asked for %q", body, w.Code, asked)
			}
			return
		case lines:
			for line := range bytes.SplitSeq(body, []byte("\n")) {
				if len(bytes.TrimRight(line, " \t\r")) > 0 {
					want++
				}
			}
			items = nil
			for line := range bytes.Lines(w.Body.Bytes()) {
				items = append(items, line)
			}
		case isArray:
			want = len(items)
			items = nil
			if err := json.Unmarshal(w.Body.Bytes(), &items); err != nil {
				t.Fatal(err)
			}
		default:
			want, items = 1, []json.RawMessage{w.Body.Bytes()}
		}
		taken := 0
		for _, answer := range items {
			if !bytes.Contains(answer, []byte(`"kind":`)) {
				taken++
			}
		}
		if len(items) != want || taken != len(x.asked()) {
			t.Errorf("%q: %d pushes have %d answers, %d of them good, and %d were pushed", body, want, len(items), taken, len(x.asked()))
		}
	})
}
