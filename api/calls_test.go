package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/auth"
	"scenecast/label"
	"scenecast/problem"
)

// requests are one that is taken for each call, with the scope that it needs.
var requests = []struct {
	method, target, body string
	scope                auth.Scope
}{
	{"POST", "/v1/push", `{"to":"*","message":1}`, auth.Push},
	{"POST", "/v1/triggers/x", `{}`, auth.Trigger},
	{"GET", "/v1/pushes/x", ``, auth.Read},
	{"POST", "/v1/audience", `{"to":"*"}`, auth.Read},
	{"POST", "/v1/audience/explain", `{"to":"*","connection":"7.1"}`, auth.Read},
	{"GET", "/v1/connections", ``, auth.Read},
	{"GET", "/v1/connections/7.1", ``, auth.Read},
	{"GET", "/v1/labels?key=page", ``, auth.Read},
	{"POST", "/v1/labels", `{"to":"*","set":{"a":"b"}}`, auth.Manage},
	{"POST", "/v1/disconnect", `{"to":"*"}`, auth.Manage},
}

// TestScopes: each call needs its scope, and no other.
func TestScopes(t *testing.T) {
	for _, c := range requests {
		name := c.method + " " + c.target
		for _, scope := range auth.Scopes {
			f := newFixture(t)
			f.asker.reply.Connections = someConnections(1)
			f.pushes.write(t, `shop *`)
			f.pushes.record.Push = f.pushes.pushes[0]
			w := f.call(c.method, c.target, string(scope), strings.NewReader(c.body))
			if scope == c.scope {
				if w.Code != 200 || len(f.asked()) != 1 {
					t.Errorf("%s with the scope %s: %d %s, asked %q", name, scope, w.Code, w.Body, f.asked())
				}
				continue
			}
			checkAnswer(t, name, w, 403, fmt.Sprintf(
				`{"title":"Forbidden","status":403,"kind":"forbidden","detail":"this API key lacks the scope \"%s\"","setting":"api_keys"}`, c.scope))
			if asked := f.asked(); len(asked) > 0 {
				t.Errorf("%s with the scope %s asked for %q", name, scope, asked)
			}
		}
		for _, key := range []string{"", "nonsense", "none"} {
			f := newFixture(t)
			want := 401
			if key == "none" {
				want = 403
			}
			if w := f.call(c.method, c.target, key, strings.NewReader(c.body)); w.Code != want || len(f.asked()) > 0 {
				t.Errorf("%s with the key %q: %d, asked %q", name, key, w.Code, f.asked())
			}
		}
	}
}

// TestApps: a key reaches its own app, whatever is called.
func TestApps(t *testing.T) {
	for _, c := range requests {
		for key, app := range map[string]string{"all": "shop", "other": "other"} {
			f := newFixture(t)
			f.call(c.method, c.target, key, strings.NewReader(c.body))
			if asked := f.asked(); len(asked) != 1 || !strings.HasPrefix(asked[0], app+": ") {
				t.Errorf("%s %s with the key %s asked for %q", c.method, c.target, key, asked)
			}
		}
	}
}

// TestUnknownParameters: also of calls that take none: a dry_run in the URL must not be sent.
func TestUnknownParameters(t *testing.T) {
	for _, c := range requests {
		f := newFixture(t)
		target := c.target + "?dry_run=true"
		if strings.Contains(c.target, "?") {
			target = c.target + "&dry_run=true"
		}
		w := f.call(c.method, target, "all", strings.NewReader(c.body))
		if w.Code != 400 || !strings.Contains(w.Body.String(), `"where":"dry_run"`) || len(f.asked()) > 0 {
			t.Errorf("%s %s: %d %s, asked %q", c.method, target, w.Code, w.Body, f.asked())
		}
	}
}

// TestAskerFails as TestPusherFails.
func TestAskerFails(t *testing.T) {
	for _, c := range requests {
		if c.scope != auth.Read && c.scope != auth.Manage {
			continue
		}
		f := newFixture(t)
		f.pushes.err = errors.New("dial redis://:hunter2@10.0.0.1: refused")
		f.asker.err = f.pushes.err
		w := f.call(c.method, c.target, "all", strings.NewReader(c.body))
		checkAnswer(t, c.target, w, 500, `{"title":"Internal Server Error","status":500,"kind":"internal","detail":"internal error"}`)
		if !strings.Contains(f.log.String(), "hunter2") {
			t.Errorf("%s: the log says %q", c.target, &f.log)
		}
		f.asker.err = problem.New(problem.Unavailable, "no leader")
		f.pushes.err = f.asker.err
		w = f.call(c.method, c.target, "all", strings.NewReader(c.body))
		checkAnswer(t, c.target, w, 503, `{"title":"Service Unavailable","status":503,"kind":"unavailable","detail":"no leader"}`)
	}
}

// someConnections are n, with the IDs 7.1, 7.2 …
func someConnections(n int) (list []scenecast.Connection) {
	for i := range n {
		list = append(list, scenecast.Connection{
			ID:     scenecast.ConnID{Node: 7, Seq: uint64(i + 1)},
			Labels: label.New(label.Label{Key: "page", Value: "home"}, label.Label{Key: "tag", Value: "a"}, label.Label{Key: "tag", Value: "<b>"}),
		})
	}
	return list
}

const labelsOfSome = `{"page":"home","tag":["\u003cb\u003e","a"]}`

func query(pairs ...string) string {
	values := make(url.Values)
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return "?" + values.Encode()
}

// TestAnswered are calls that are taken: what the asker is asked, and the answer.
func TestAnswered(t *testing.T) {
	const (
		counted  = `{"matched":3,"by_node":[{"node":7,"matched":1},{"node":9,"matched":2}],"nodes":2,"nodes_known":4}`
		sampled  = `{"matched":3,"by_node":[{"node":7,"matched":1},{"node":9,"matched":2}],"sample":[],"nodes":2,"nodes_known":4}`
		nobody   = `{"connections":[],"matched":3,"nodes":2,"nodes_known":4}`
		first    = `{"id":"7.1","labels":` + labelsOfSome + `}`
		second   = `{"id":"7.2","labels":` + labelsOfSome + `}`
		relabels = `{"matched":3,"changed":2,"nodes":2,"nodes_known":4}`
		closes   = `{"matched":3,"nodes":2,"nodes_known":4}`
	)
	for _, c := range []struct {
		method, target, body string
		connections          int // of the asker's reply
		asked                string
		answer               string
	}{
		{"POST", "/v1/audience", `{"to":{"page":"home"}}`, 0, `shop: count page == "home"`, counted},
		{"POST", "/v1/audience", `{"to":"*","sample":0}`, 0, `shop: count *`, counted},
		{"POST", "/v1/audience", `{"to":"*","sample":2}`, 0, `shop: list 2 behind 0.0 of *`, sampled},
		{"POST", "/v1/audience", `{"to":"*","sample":1}`, 2, `shop: list 1 behind 0.0 of *`, strings.Replace(sampled, `[]`, `[`+first+`]`, 1)},
		{"POST", "/v1/audience", `{"to":"*","sample":100}`, 1, `shop: list 100 behind 0.0 of *`, strings.Replace(sampled, `[]`, `[`+first+`]`, 1)},
		{"POST", "/v1/audience", `{"to":"has(a)","except":"7.1"}`, 0, `shop: count has(a) && @id != "7.1"`, counted},
		{"POST", "/v1/audience", `{"to":"*","except":{"page":"home"}}`, 0, `shop: count page != "home"`, counted},

		{"POST", "/v1/audience/explain", `{"to":"page == \"home\" && has(b)","except":"7.2","connection":"7.1"}`, 1, `shop: list 1 behind 0.0 of @id == "7.1"`,
			`{"matches":false,"explanation":{"text":"page == \"home\" && has(b) && @id != \"7.2\"","matches":false,"of":[{"text":"page == \"home\"","matches":true,"why":"page = home"},` +
				`{"text":"has(b)","matches":false,"why":"no label b"},{"text":"@id != \"7.2\"","matches":true,"why":"no label @id"}]},"labels":` + labelsOfSome + `,"nodes":2,"nodes_known":4}`},

		{"GET", "/v1/connections", ``, 0, `shop: list 101 behind 0.0 of *`, nobody},
		{"GET", "/v1/connections" + query("to", `page == "home"`), ``, 0, `shop: list 101 behind 0.0 of page == "home"`, nobody},
		{"GET", "/v1/connections" + query("to", ` {"page":["a","b"]}`), ``, 0, `shop: list 101 behind 0.0 of page in ["a", "b"]`, nobody},
		{"GET", "/v1/connections?limit=1000", ``, 0, `shop: list 1001 behind 0.0 of *`, nobody},
		{"GET", "/v1/connections?limit=1&after=7.1", ``, 0, `shop: list 2 behind 7.1 of *`, nobody},
		{"GET", "/v1/connections?limit=1", ``, 1, `shop: list 2 behind 0.0 of *`, `{"connections":[` + first + `],"matched":3,"nodes":2,"nodes_known":4}`},
		{"GET", "/v1/connections?limit=1", ``, 2, `shop: list 2 behind 0.0 of *`, `{"connections":[` + first + `],"next":"7.1","matched":3,"nodes":2,"nodes_known":4}`},
		{"GET", "/v1/connections?limit=1", ``, 4, `shop: list 2 behind 0.0 of *`, `{"connections":[` + first + `],"next":"7.1","matched":3,"nodes":2,"nodes_known":4}`},
		{"GET", "/v1/connections?limit=2", ``, 3, `shop: list 3 behind 0.0 of *`, `{"connections":[` + first + `,` + second + `],"next":"7.2","matched":3,"nodes":2,"nodes_known":4}`},

		{"GET", "/v1/connections?address=203.0.113.7&limit=1", ``, 2, `shop: list 2 behind 0.0 from 203.0.113.7/32 of *`, `{"connections":[` + first + `],"next":"7.1","matched":3,"nodes":2,"nodes_known":4}`},
		{"GET", "/v1/connections?address=::ffff:203.0.113.7&to=has(a)&after=7.1", ``, 0, `shop: list 101 behind 7.1 from 203.0.113.7/32 of has(a)`, nobody},
		{"GET", "/v1/connections?address=10.0.0.0/8", ``, 0, `shop: list 101 behind 0.0 from 10.0.0.0/8 of *`, nobody},
		{"GET", "/v1/connections?address=2001:db8::/32", ``, 0, `shop: list 101 behind 0.0 from 2001:db8::/32 of *`, nobody},
		{"GET", "/v1/connections?address=2001:DB8::1", ``, 0, `shop: list 101 behind 0.0 from 2001:db8::1/128 of *`, nobody},

		{"GET", "/v1/connections/7.1", ``, 1, `shop: list 1 behind 0.0 of @id == "7.1"`, `{"id":"7.1","labels":` + labelsOfSome + `,"node":7,"wire":"","nodes":2,"nodes_known":4}`},

		{"GET", "/v1/labels?key=page", ``, 0, `shop: values of page of *`, `{"key":"page","values":[{"value":"home","connections":5},{"value":"","connections":2},{"value":"list","connections":2}],"distinct":3,"nodes":2,"nodes_known":4}`},
		{"GET", "/v1/labels" + query("key", "page", "to", `{"plan":"pro"}`), ``, 0, `shop: values of page of plan == "pro"`, `{"key":"page","values":[{"value":"home","connections":5},{"value":"","connections":2},{"value":"list","connections":2}],"distinct":3,"nodes":2,"nodes_known":4}`},
		{"GET", "/v1/labels", ``, 0, `shop: keys of *`, `{"keys":[{"key":"@id","connections":5},{"key":"page","connections":3},{"key":"plan","connections":3}],"distinct":3,"nodes":2,"nodes_known":4}`},
		{"GET", "/v1/labels?limit=2&to=has(a)", ``, 0, `shop: keys of has(a)`, `{"keys":[{"key":"@id","connections":5},{"key":"page","connections":3}],"distinct":3,"nodes":2,"nodes_known":4}`},
		{"GET", "/v1/labels?key=@user&limit=1", ``, 0, `shop: values of @user of *`, `{"key":"@user","values":[{"value":"home","connections":5}],"distinct":3,"nodes":2,"nodes_known":4}`},

		{"POST", "/v1/labels", `{"to":"*","set":{"page":"list","tag":["a","b"]}}`, 0, `shop: relabel by map["page":["list"] "tag":["a" "b"]] *`, relabels},
		{"POST", "/v1/labels", `{"to":"*","remove":["order","page"]}`, 0, `shop: relabel by map["order":[] "page":[]] *`, relabels},
		{"POST", "/v1/labels", `{"to":{"a":"b"},"set":{"page":""},"remove":["order"]}`, 0, `shop: relabel by map["order":[] "page":[""]] a == "b"`, relabels},
		{"POST", "/v1/labels", `{"to":"*","remove":["longer-than-a-key-may-be"]}`, 0, `shop: relabel by map["longer-than-a-key-may-be":[]] *`, relabels},

		{"POST", "/v1/disconnect", `{"to":{"user":42}}`, 0, `shop: disconnect with 1000 "" user == "42"`, closes},
		{"POST", "/v1/disconnect", `{"to":"*","code":3000,"reason":"再见"}`, 0, `shop: disconnect with 3000 "再见" *`, closes},
		{"POST", "/v1/disconnect", `{"to":"*","code":4999,"reason":""}`, 0, `shop: disconnect with 4999 "" *`, closes},
		{"POST", "/v1/disconnect", `{"to":"*","reason":"` + strings.Repeat("x", 123) + `"}`, 0, `shop: disconnect with 1000 "` + strings.Repeat("x", 123) + `" *`, closes},
	} {
		f := newFixture(t)
		f.asker.reply.Connections = someConnections(c.connections)
		f.asker.reply.Values = map[string]int{"list": 2, "home": 5, "": 2}
		f.asker.reply.Keys = map[string]int{"plan": 3, "@id": 5, "page": 3}
		f.asker.reply.Filtered = true
		name := fmt.Sprintf("%s %s %s of %d", c.method, c.target, c.body, c.connections)
		checkAnswer(t, name, f.call(c.method, c.target, "all", strings.NewReader(c.body)), 200, c.answer)
		if asked := f.asked(); !slices.Equal(asked, []string{c.asked}) {
			t.Errorf("%s asked for\n\t%q, want\n\t%q", name, asked, c.asked)
		}
	}
}

// TestConnectionInDetail: what the node of a connection tells, and all nodes of the page's connections before.
func TestConnectionInDetail(t *testing.T) {
	at := time.Date(2026, 1, 2, 16, 4, 5, 0, time.FixedZone("CET", 3600))
	f := newFixture(t)
	f.asker.reply.Connections = someConnections(1)
	f.asker.reply.Detail = &scenecast.Detail{
		Sources: map[string]scenecast.LabelSource{"page": scenecast.FromPage, "tag": scenecast.FromBackend}, Since: at, From: netip.MustParseAddr("203.0.113.7"),
		OutboxBytes: 70, OutboxFrames: 2, CatchingUp: true, Page: "p1", Identity: "@42",
	}
	for i := range 7 {
		e := scenecast.PastEnding{At: at.Add(time.Duration(i%4) * time.Minute), Cause: "disconnected", Code: scenecast.CloseCode(4000 + i)}
		if i == 3 {
			e.Cause, e.Code = "reset", 0
		}
		f.asker.reply.Endings = append(f.asker.reply.Endings, e)
	}
	checkAnswer(t, "in detail", f.call("GET", "/v1/connections/7.1", "read", nil), 200, `{"id":"7.1","labels":`+labelsOfSome+
		`,"sources":{"page":"page","tag":"backend"},"node":7,"wire":"","since":"2026-01-02T15:04:05Z","remote":"203.0.113.7",`+
		`"outbox":{"bytes":70,"frames":2},"catching_up":true,"endings":[{"at":"2026-01-02T15:07:05Z","cause":"reset"},`+
		`{"at":"2026-01-02T15:06:05Z","cause":"disconnected","code":4002},{"at":"2026-01-02T15:06:05Z","cause":"disconnected","code":4006},`+
		`{"at":"2026-01-02T15:05:05Z","cause":"disconnected","code":4001},{"at":"2026-01-02T15:05:05Z","cause":"disconnected","code":4005}],"nodes":2,"nodes_known":4}`)
	if asked, want := f.asked(), []string{`shop: list 1 behind 0.0 of @id == "7.1"`, "shop: endings of p1 by @42 "}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
}

// TestPositions: a count and a list tell at which position they were made.
func TestPositions(t *testing.T) {
	f := newFixture(t)
	f.asker.reply.Position = scenecast.Position{Epoch: 36, Seq: 17}
	for _, c := range []struct{ method, target, body, want string }{
		{"POST", "/v1/audience", `{"to":"*"}`, `{"matched":3,"by_node":[{"node":7,"matched":1},{"node":9,"matched":2}],"position":"10-17","nodes":2,"nodes_known":4}`},
		{"GET", "/v1/connections", ``, `{"connections":[],"matched":3,"position":"10-17","nodes":2,"nodes_known":4}`},
	} {
		checkAnswer(t, c.target, f.call(c.method, c.target, "all", strings.NewReader(c.body)), 200, c.want)
	}
}

// TestRefusedKeys are told to whoever counts them, with what was wrong; what is wrong with a request whose key may, is not.
func TestRefusedKeys(t *testing.T) {
	var told []string
	f := newFixture(t)
	f.refused = func(r *http.Request, p *problem.Problem) { told = append(told, r.URL.Path+" "+string(p.Kind)) }
	for _, key := range []string{"", "nonsense", "none", "read", "push"} {
		f.call("POST", "/v1/push", key, strings.NewReader(`{"too":1}`))
	}
	f.call("GET", "/healthz", "nonsense", nil)
	if want := []string{"/v1/push unauthorized", "/v1/push unauthorized", "/v1/push forbidden", "/v1/push forbidden"}; !slices.Equal(told, want) {
		t.Errorf("refused were %q, want %q", told, want)
	}
}

// TestNobodyThere: lists are never null.
func TestNobodyThere(t *testing.T) {
	f := newFixture(t)
	f.asker.reply = scenecast.Reply{ByNode: []scenecast.NodeCount{{Node: 7}}}
	for target, want := range map[string]string{
		"/v1/connections":      `{"connections":[],"matched":0,"nodes":0,"nodes_known":0}`,
		"/v1/labels?key=nokey": `{"key":"nokey","values":[],"distinct":0,"nodes":0,"nodes_known":0}`,
	} {
		checkAnswer(t, target, f.call("GET", target, "all", nil), 200, want)
	}
	for target, what := range map[string]string{"/v1/labels": "list the keys of labels", "/v1/connections?address=::1": "find connections by address"} {
		checkAnswer(t, target, f.call("GET", target, "all", nil), 503,
			`{"title":"Service Unavailable","status":503,"kind":"unavailable","detail":"no node that has answered can `+what+`: they run an older version"}`)
	}
	f.asker.reply = scenecast.Reply{Keys: make(map[string]int), Filtered: true}
	checkAnswer(t, "keys", f.call("GET", "/v1/labels", "all", nil), 200, `{"keys":[],"distinct":0,"nodes":0,"nodes_known":0}`)
	checkAnswer(t, "from", f.call("GET", "/v1/connections?address=::1", "all", nil), 200, `{"connections":[],"matched":0,"nodes":0,"nodes_known":0}`)
	checkAnswer(t, "an ID", f.call("GET", "/v1/connections/7.3", "all", nil), 404,
		`{"title":"Not Found","status":404,"kind":"not_found","detail":"no connection 7.3 is here now"}`)
	f.asker.reply = scenecast.Reply{Tally: scenecast.Tally{Nodes: 2}, Known: 3}
	checkAnswer(t, "an ID that a node which does not answer may have", f.call("GET", "/v1/connections/7.3", "all", nil), 503,
		`{"title":"Service Unavailable","status":503,"kind":"unavailable","detail":"2 of 3 nodes have answered, and the connection 7.3 is not on those"}`)
}

// TestCallsRefused: the answer names the place, and nothing is asked.
func TestCallsRefused(t *testing.T) {
	const (
		missing = `missing: say which connections, as in {"page":"home"}; everybody is "*"`
		limit   = `takes a number from 1 to 1000`
		sample  = `takes a whole number from 0 to 100`
		code    = `takes 1000, or a code from 3000 to 4999 (RFC 6455, 7.4.2)`
		reason  = `takes a text of at most 123 bytes`
		nothing = `nothing to change: say what to set or to remove`
	)
	for _, c := range []struct {
		method, target, body string
		where, detail        string // an empty detail is another package's
	}{
		{"POST", "/v1/audience", ``, "to", missing},
		{"POST", "/v1/audience", `{"except":"*"}`, "to", missing},
		{"POST", "/v1/audience", `{"to":{}}`, "to", ""},
		{"POST", "/v1/audience", `{"to":"*","sample":-1}`, "sample", sample},
		{"POST", "/v1/audience", `{"to":"*","sample":101}`, "sample", sample},
		{"POST", "/v1/audience", `{"to":"*","sample":1.5}`, "sample", sample},
		{"POST", "/v1/audience", `{"to":"*","sample":"1"}`, "sample", sample},
		{"POST", "/v1/audience", `{"to":"*","sample":null}`, "sample", sample},
		{"POST", "/v1/audience", `{"to":"*","except":null}`, "except", ""},
		{"POST", "/v1/audience", `{"to":"*","except":"*"}`, "except", ""},
		{"POST", "/v1/audience", `{"to":"*","except":{"page":null}}`, "except.page", ""},
		{"POST", "/v1/audience", `{"to":"*","dry_run":true}`, "dry_run", "unknown field; there are except, sample, to"},
		{"POST", "/v1/audience", `[]`, "", "takes a JSON object"},

		{"POST", "/v1/audience/explain", `{"connection":"7.1"}`, "to", missing},
		{"POST", "/v1/audience/explain", `{"to":"*"}`, "", `takes one of connection, as in "5203.1", and labels, as in {"page":"home"}`},
		{"POST", "/v1/audience/explain", `{"to":"*","connection":"7.1","labels":{}}`, "", `takes one of connection, as in "5203.1", and labels, as in {"page":"home"}`},
		{"POST", "/v1/audience/explain", `{"to":"*","connection":"7"}`, "connection", `takes the ID of a connection, as in "5203.1"`},
		{"POST", "/v1/audience/explain", `{"to":"*","connection":null}`, "connection", `takes the ID of a connection, as in "5203.1"`},
		{"POST", "/v1/audience/explain", `{"to":"*","labels":null}`, "labels", "takes an object of keys and values"},
		{"POST", "/v1/audience/explain", `{"to":"*","labels":{"page":7}}`, "labels.page", ""},
		{"POST", "/v1/audience/explain", `{"to":"*","labels":{"a b":"c"}}`, "labels.a b", ""},
		{"POST", "/v1/audience/explain", `{"to":"*","labels":{"a":["1","2","3","4"]}}`, "labels", "4 labels, and a connection may have 3"},
		{"POST", "/v1/audience/explain", `{"to":"page =","labels":{}}`, "to.column 6", ""},
		{"POST", "/v1/audience/explain", `{"to":"*","except":"*","labels":{}}`, "except", ""},
		{"POST", "/v1/audience/explain", `{"to":"*","label":{}}`, "label", "unknown field; there are connection, except, labels, to"},

		{"GET", "/v1/connections?limit=0", ``, "limit", limit},
		{"GET", "/v1/connections?limit=1001", ``, "limit", limit},
		{"GET", "/v1/connections?limit=", ``, "limit", limit},
		{"GET", "/v1/connections?limit=1e2", ``, "limit", limit},
		{"GET", "/v1/connections?limit=99999999999999999999", ``, "limit", limit},
		{"GET", "/v1/connections?limit=1&limit=1", ``, "limit", "given 2 times"},
		{"GET", "/v1/connections?after=7", ``, "after", `"7" is no connection: it has the form node.number, as in 5203.17`},
		{"GET", "/v1/connections?after=", ``, "after", `"" is no connection: it has the form node.number, as in 5203.17`},
		{"GET", "/v1/connections?to=", ``, "to.column 1", ""},
		{"GET", "/v1/connections?to=page", ``, "to.column 5", ""},
		{"GET", "/v1/connections" + query("to", `{"page":null}`), ``, "to.page", ""},
		{"GET", "/v1/connections" + query("to", `{`), ``, "to.column 1", ""},
		{"GET", "/v1/connections?page=home", ``, "page", "unknown parameter; there are address, after, limit, to"},
		{"GET", "/v1/connections?to=%zz", ``, "", "the URL's query is not well-formed: key=value pairs joined by &, percent-encoded"},
		{"GET", "/v1/connections?limit=1;after=7.1", ``, "", "the URL's query is not well-formed: key=value pairs joined by &, percent-encoded"},

		{"GET", "/v1/connections/7", ``, "id", `"7" is no connection: it has the form node.number, as in 5203.17`},
		{"GET", "/v1/connections/07.1", ``, "id", `"07.1" is no connection: it has the form node.number, as in 5203.17`},
		{"GET", "/v1/connections/7.1?to=x", ``, "to", "unknown parameter; this call takes none in its URL"},

		{"GET", "/v1/connections?address=", ``, "address", `"" is no address; write it as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/64`},
		{"GET", "/v1/connections?address=localhost", ``, "address", `"localhost" is no address; write it as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/64`},
		{"GET", "/v1/connections?address=300.1.1.1", ``, "address", `"300.1.1.1" is no address; write it as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/64`},
		{"GET", "/v1/connections?address=10.0.0.1/8", ``, "address", `"10.0.0.1/8" is no address; write it as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/64`},
		{"GET", "/v1/connections?address=10.0.0.0/33", ``, "address", `"10.0.0.0/33" is no address; write it as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/64`},
		{"GET", "/v1/connections?address=10.0.0.1:80", ``, "address", `"10.0.0.1:80" is no address; write it as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/64`},
		{"GET", "/v1/connections?address=fe80::1%25eth0", ``, "address", `"fe80::1%eth0" is no address; write it as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/64`},
		{"GET", "/v1/connections?address=::ffff:10.0.0.0/104", ``, "address", `"::ffff:10.0.0.0/104" is no address; write it as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/64`},
		{"GET", "/v1/connections?address=::1&address=::2", ``, "address", "given 2 times"},

		{"GET", "/v1/labels?limit=0", ``, "limit", limit},
		{"GET", "/v1/labels?to=page", ``, "to.column 5", ""},
		{"GET", "/v1/labels?key=", ``, "key", "takes a label's key, as in ?key=page"},
		{"GET", "/v1/labels?key=a.b", ``, "key", "takes a label's key, as in ?key=page"},
		{"GET", "/v1/labels?key=a&limit=-1", ``, "limit", limit},

		{"POST", "/v1/labels", `{"set":{"a":"b"}}`, "to", missing},
		{"POST", "/v1/labels", `{"to":"*"}`, "", nothing},
		{"POST", "/v1/labels", `{"to":"*","set":{},"remove":[]}`, "", nothing},
		{"POST", "/v1/labels", `{"to":"*","set":null}`, "set", "takes an object of keys and values"},
		{"POST", "/v1/labels", `{"to":"*","set":"page"}`, "set", "takes an object of keys and values"},
		{"POST", "/v1/labels", `{"to":"*","set":{"page":7}}`, "set.page", ""},
		{"POST", "/v1/labels", `{"to":"*","set":{"page":null}}`, "set.page", "has no value; a key is taken away by remove"},
		{"POST", "/v1/labels", `{"to":"*","set":{"page":[]}}`, "set.page", "has no value; a key is taken away by remove"},
		{"POST", "/v1/labels", `{"to":"*","set":{"page":"a","page":"b"}}`, "set.page", "there twice"},
		{"POST", "/v1/labels", `{"to":"*","set":{"page":"a"},"remove":["page"]}`, "remove", "page is to be changed twice"},
		{"POST", "/v1/labels", `{"to":"*","remove":["page","page"]}`, "remove", "page is to be changed twice"},
		{"POST", "/v1/labels", `{"to":"*","remove":["a.b"]}`, "remove", `"a.b" is no label key`},
		{"POST", "/v1/labels", `{"to":"*","remove":[""]}`, "remove", `"" is no label key`},
		{"POST", "/v1/labels", `{"to":"*","remove":"page"}`, "remove", "takes an array of keys"},
		{"POST", "/v1/labels", `{"to":"*","set":{"@id":"7.1"}}`, "set", `"@id": label keys with @ are the server's own`},
		{"POST", "/v1/labels", `{"to":"*","remove":["@user"]}`, "remove", `"@user": label keys with @ are the server's own`},
		{"POST", "/v1/labels", `{"to":"*","set":{"a b":"c"}}`, "set.a b", ""},
		{"POST", "/v1/labels", `{"to":"*","set":{"a":["1","2","3","4"]}}`, "set", "4 labels, and a connection may have 3"},
		{"POST", "/v1/labels", `{"to":"*","set":{"a":"123456789"}}`, "set.a", "the value has 9 bytes, and may have 8"},
		{"POST", "/v1/labels", `{"to":"*","set":{"abcdefghi":"1"}}`, "set", ""},

		{"POST", "/v1/disconnect", `{"code":4000}`, "to", missing},
		{"POST", "/v1/disconnect", `{"to":"*","code":999}`, "code", code},
		{"POST", "/v1/disconnect", `{"to":"*","code":1001}`, "code", code},
		{"POST", "/v1/disconnect", `{"to":"*","code":2999}`, "code", code},
		{"POST", "/v1/disconnect", `{"to":"*","code":5000}`, "code", code},
		{"POST", "/v1/disconnect", `{"to":"*","code":70000}`, "code", code},
		{"POST", "/v1/disconnect", `{"to":"*","code":"4000"}`, "code", code},
		{"POST", "/v1/disconnect", `{"to":"*","reason":7}`, "reason", reason},
		{"POST", "/v1/disconnect", `{"to":"*","reason":"` + strings.Repeat("再", 42) + `"}`, "reason", reason},
	} {
		f := newFixture(t)
		name := fmt.Sprintf("%s %s %s", c.method, c.target, c.body)
		w := f.call(c.method, c.target, "all", strings.NewReader(c.body))
		var got struct{ Kind, Detail, Where string }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if w.Code != http.StatusBadRequest || got.Where != c.where || got.Detail == "" || c.detail != "" && got.Detail != c.detail {
			t.Errorf("%s: %d %s\n\twant at %q: %s", name, w.Code, w.Body, c.where, c.detail)
		}
		if asked := f.asked(); len(asked) > 0 || f.log.Len() > 0 {
			t.Errorf("%s was refused, and yet asked for %q and logged %q", name, asked, &f.log)
		}
	}
}

// TestConnectWithoutUpgrade: what a page opens is no call.
func TestConnectWithoutUpgrade(t *testing.T) {
	w := newFixture(t).call("GET", "/v1/connect?token=x&page=home", "", nil)
	checkAnswer(t, "GET /v1/connect", w, 426,
		`{"title":"Upgrade Required","status":426,"kind":"upgrade_required","detail":"pages open this as a WebSocket; where one has, a proxy in between drops the headers Upgrade and Connection"}`)
	if h := w.Header(); h.Get("Upgrade") != "websocket" || h.Get("Sec-WebSocket-Version") != "13" {
		t.Errorf("the headers are %v", h)
	}
}
