package api_test

import (
	"errors"
	"fmt"
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
