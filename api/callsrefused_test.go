package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"scenecast"
	"scenecast/problem"
)

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
