package server_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"scenecast/config"
)

// presenceSettings declare a key, and tokens of two users and of nobody.
func presenceSettings(more string) map[string]string {
	return map[string]string{
		"presence":      "[{key: order, show: [name], linger: 50ms" + more + "}, {key: room, linger: 0}]",
		"client_tokens": "[" + pageToken + `, {token: ann-token, user: "1", labels: {name: Ann}}, {token: bob-token, user: "2", labels: {name: Bob, secret: x}}]`,
	}
}

// watcher is a page that says what it hears, without times.
type watcher struct {
	s *running
	*websocket.Conn
}

func (r *running) watcher(token, query string) watcher {
	r.t.Helper()
	w := watcher{r, r.native("token=" + token + "&" + query)}
	w.expect(`{"type":"welcome","id":"…","position":"…"}`)
	return w
}

var since = regexp.MustCompile(`("(?:since|position|id)":)"[^"]*"`)

// next is the next message, with … for what differs each time.
func (w watcher) next() string {
	w.s.t.Helper()
	return since.ReplaceAllString(w.s.read(w.Conn), `$1"…"`)
}

func (w watcher) expect(want ...string) {
	w.s.t.Helper()
	for _, m := range want {
		if got := w.next(); got != m {
			w.s.t.Fatalf("got  %s\nwant %s", got, m)
		}
	}
}

func (w watcher) say(message string) {
	w.s.t.Helper()
	if err := w.Write(w.s.t.Context(), websocket.MessageText, []byte(message)); err != nil {
		w.s.t.Fatal(err)
	}
}

const (
	annIn = `{"user":"1","labels":{"name":"Ann"},"since":"…"}`
	bobIn = `{"user":"2","labels":{"name":"Bob"},"since":"…"}`
)

// TestPresence is a page's whole life beside others: what it watches, what it is told, in which order.
func TestPresence(t *testing.T) {
	s := start(t, presenceSettings(""), nil)
	ann := s.watcher("ann-token", "order=7")
	ann.say(`{"type":"watch","id":1,"key":"order"}`)
	ann.expect(`{"type":"watch","id":1,"position":"…"}`,
		`{"type":"presence","key":"order","value":"7","count":1,"anonymous":0,"members":[`+annIn+`]}`)

	// Another user is one member, however many tabs it has, and shows what is trusted and declared.
	bob := s.watcher("bob-token", "order=7&page=x")
	ann.expect(`{"type":"joined","key":"order","value":"7","members":[` + bobIn + `]}`)
	second := s.watcher("bob-token", "order=7")
	nobody := s.watcher(pageToken, "order=7&name=Eve")
	ann.expect(`{"type":"count","key":"order","value":"7","count":2,"anonymous":1}`)
	_ = bob.Close(websocket.StatusNormalClosure, "")
	s.awaitConnections(3)
	if status, answer := s.call("POST", "/v1/labels", apiKey, "application/json", `{"to": {"@user": "2"}, "set": {"name": "Robert"}}`); status != 200 {
		t.Fatal(answer)
	}
	ann.expect(`{"type":"updated","key":"order","value":"7","members":[{"user":"2","labels":{"name":"Robert"},"since":"…"}]}`)
	_ = second.Close(websocket.StatusNormalClosure, "")
	ann.expect(`{"type":"left","key":"order","value":"7","members":[{"user":"2"}]}`)

	// Another scene takes the watch along, also where the backend moves the page; unwatch ends it.
	ann.say(`{"type":"set","id":2,"labels":{"order":"8"}}`)
	ann.expect(`{"type":"set","id":2,"position":"…"}`, `{"type":"unwatched","key":"order","value":"7"}`,
		`{"type":"presence","key":"order","value":"8","count":1,"anonymous":0,"members":[`+annIn+`]}`)
	if status, answer := s.call("POST", "/v1/labels", apiKey, "application/json", `{"to": {"@user": "1"}, "set": {"order": ["7", "9"]}}`); status != 200 {
		t.Fatal(answer)
	}
	ann.expect(`{"type":"unwatched","key":"order","value":"8"}`,
		`{"type":"presence","key":"order","value":"7","count":1,"anonymous":1,"members":[`+annIn+`]}`,
		`{"type":"presence","key":"order","value":"9","count":1,"anonymous":0,"members":[`+annIn+`]}`)
	ann.say(`{"type":"unwatch","key":"order"}`)
	ann.expect(`{"type":"unwatch","position":"…"}`, `{"type":"unwatched","key":"order","value":"7"}`, `{"type":"unwatched","key":"order","value":"9"}`)
	_ = nobody.Close(websocket.StatusNormalClosure, "")
	ann.say(`{"type":"ping"}`)
	ann.expect(`{"type":"pong","position":"…"}`)
}

// TestPresenceRefusals: each says what is wrong, and the page stays.
func TestPresenceRefusals(t *testing.T) {
	s := start(t, presenceSettings(""), nil)
	p := s.watcher("ann-token", "page=home")
	for message, want := range map[string]string{
		`{"type":"watch","key":"page"}`:              `{"type":"error","kind":"not_found","detail":"\"page\" is no key whose presence can be watched","where":"key","setting":"presence"}`,
		`{"type":"watch","key":"@user"}`:             `{"type":"error","kind":"not_found","detail":"\"@user\" is no key whose presence can be watched","where":"key","setting":"presence"}`,
		`{"type":"watch","key":"order"}`:             `{"type":"error","kind":"invalid","detail":"a page sees who is in its own scenes, and this one has no label order","where":"key"}`,
		`{"type":"unwatch","key":"order"}`:           `{"type":"error","kind":"invalid","detail":"the page does not watch order","where":"key"}`,
		`{"type":"set","labels":{"@watch":"order"}}`: `{"type":"error","kind":"forbidden","detail":"label keys with @ are the server's own","where":"labels.@watch"}`,
	} {
		p.say(message)
		p.expect(want)
	}
	s.expectMetrics(map[string]string{
		`scenecast_page_requests_refused_total{type="watch"}`: "3", `scenecast_page_requests_refused_total{type="unwatch"}`: "1",
		`scenecast_page_requests_refused_total{type="set"}`: "1", `scenecast_page_requests_refused_total{type="call"}`: "0",
	})
	// A page that watches more keys than it has labels of is refused those, and told of the others.
	more := s.watcher("ann-token", "page=home&room=a")
	for _, key := range []string{"room", "order", "page"} {
		more.say(`{"type":"watch","id":"` + key + `","key":"` + key + `"}`)
	}
	more.expect(`{"type":"watch","id":"…","position":"…"}`,
		`{"type":"error","id":"…","kind":"invalid","detail":"a page sees who is in its own scenes, and this one has no label order","where":"key"}`,
		`{"type":"error","id":"…","kind":"not_found","detail":"\"page\" is no key whose presence can be watched","where":"key","setting":"presence"}`,
		`{"type":"presence","key":"room","value":"a","count":1,"anonymous":0,"members":[{"user":"1","since":"…"}]}`)
	s.expectMetrics(map[string]string{`scenecast_page_requests_refused_total{type="watch"}`: "5"})
	for query, want := range map[string]string{
		"watch=order&order=7&@watch":             "403 forbidden",
		"watch=" + strings.Repeat("a", 257):      "400 invalid",
		strings.Repeat("watch=order&", 17) + "a": "400 limit_exceeded",
	} {
		status, answer := s.call("GET", "/v1/events?token=ann-token&"+query, "", "", "")
		var p struct{ Kind string }
		if _ = json.Unmarshal([]byte(answer), &p); fmt.Sprint(status, " ", p.Kind) != want {
			t.Errorf("%s: %d %s, want %s", query, status, answer, want)
		}
	}
	s.expectMetrics(map[string]string{`scenecast_refused_total{reason="forbidden"}`: "1", `scenecast_refused_total{reason="invalid"}`: "1"})
}

// TestPresenceOverEventStream: a stream watches by its query.
func TestPresenceOverEventStream(t *testing.T) {
	s := start(t, presenceSettings(""), nil)
	stream := s.listening("order=7&watch=order")
	stream.expect("event: scenecast\ndata: " + `{"type":"presence","key":"order","value":"7","count":0,"anonymous":1,"members":[]}`)
	s.watcher("ann-token", "order=7")
	if got := since.ReplaceAllString(stream.next(), `$1"…"`); got != "event: scenecast\ndata: "+`{"type":"joined","key":"order","value":"7","members":[`+annIn+`]}` {
		t.Errorf("got %q", got)
	}

	// A key that is not declared is told so, and one that the page has no label with may come to have one; neither keeps the stream closed.
	stream = s.listening("page=late&watch=order&watch=page")
	stream.expect("event: scenecast\ndata: " + `{"type":"error","key":"page","kind":"not_found","detail":"\"page\" is no key whose presence can be watched","setting":"presence"}`)
	if status, answer := s.call("POST", "/v1/labels", apiKey, "application/json", `{"to": {"page": "late"}, "set": {"order": "9"}}`); status != 200 {
		t.Fatal(answer)
	}
	stream.expect("event: scenecast\ndata: " + `{"type":"presence","key":"order","value":"9","count":0,"anonymous":1,"members":[]}`)
}

// TestLargeScene: over max_members there are counts, and again members when it is clearly below.
func TestLargeScene(t *testing.T) {
	settings := presenceSettings(", max_members: 2")
	tokens := strings.TrimSuffix(settings["client_tokens"], "]")
	for i := range 4 {
		tokens += fmt.Sprintf(`, {token: token-%d, user: "u%d"}`, i, i)
	}
	settings["client_tokens"] = tokens + "]"
	s := start(t, settings, nil)
	ann := s.watcher("ann-token", "order=7")
	ann.say(`{"type":"watch","key":"order"}`)
	ann.expect(`{"type":"watch","position":"…"}`, `{"type":"presence","key":"order","value":"7","count":1,"anonymous":0,"members":[`+annIn+`]}`)
	in := func(i int) string { return fmt.Sprintf(`{"user":"u%d","since":"…"}`, i) }
	s.watcher("token-0", "order=7")
	ann.expect(`{"type":"joined","key":"order","value":"7","members":[` + in(0) + `]}`)
	third := s.watcher("token-1", "order=7")
	ann.expect(`{"type":"presence","key":"order","value":"7","count":3,"anonymous":0,"partial":true,"members":[` + annIn + `,` + in(0) + `,` + in(1) + `]}`)
	fourth := s.watcher("token-2", "order=7")
	ann.expect(`{"type":"count","key":"order","value":"7","count":4,"anonymous":0}`)
	_ = fourth.Close(websocket.StatusNormalClosure, "")
	ann.expect(`{"type":"count","key":"order","value":"7","count":3,"anonymous":0}`)
	_ = third.Close(websocket.StatusNormalClosure, "")
	ann.expect(`{"type":"presence","key":"order","value":"7","count":2,"anonymous":0,"members":[` + annIn + `,` + in(0) + `]}`)
}

// TestPresenceAfterReload: pages that are there count as soon as a key is declared, and not any more when it is not.
func TestPresenceAfterReload(t *testing.T) {
	s := start(t, presenceSettings(""), nil)
	ann := s.watcher("ann-token", "order=7&page=home")
	bob := s.watcher("bob-token", "page=home")
	ann.say(`{"type":"watch","key":"order"}`)
	ann.expect(`{"type":"watch","position":"…"}`, `{"type":"presence","key":"order","value":"7","count":1,"anonymous":0,"members":[`+annIn+`]}`)
	settings := presenceSettings("")
	settings["presence"] = "[{key: page}]"
	next, err := config.Load(config.Sources{Flags: harnessSettings(settings)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reload(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	ann.expect(`{"type":"unwatched","key":"order","value":"7"}`)
	bob.say(`{"type":"watch","key":"page"}`)
	bob.expect(`{"type":"watch","position":"…"}`)
	if got := bob.next(); !strings.HasPrefix(got, `{"type":"presence","key":"page","value":"home","count":2,`) { // in whichever order they were found
		t.Errorf("%s", got)
	}
}

// TestPresenceOnSeveralNodes: pages see members of all nodes, each once; those of a node that is gone leave.
func TestPresenceOnSeveralNodes(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, 3, presenceSettings(""))
	ann := nodes[0].watcher("ann-token", "order=7")
	bob := nodes[1].watcher("bob-token", "order=7")
	nodes[2].watcher("bob-token", "order=7")
	nodes[0].awaitScene("order", "7", 3)
	ann.say(`{"type":"watch","key":"order"}`)
	ann.expect(`{"type":"watch","position":"…"}`,
		`{"type":"presence","key":"order","value":"7","count":2,"anonymous":0,"members":[`+annIn+`,`+bobIn+`]}`)
	_ = bob.Close(websocket.StatusNormalClosure, "")
	nobody := nodes[1].watcher(pageToken, "order=7")
	ann.expect(`{"type":"count","key":"order","value":"7","count":2,"anonymous":1}`)
	_ = nobody.Close(websocket.StatusNormalClosure, "")
	ann.expect(`{"type":"count","key":"order","value":"7","count":2,"anonymous":0}`)
	nodes[2].end()
	ann.expect(`{"type":"left","key":"order","value":"7","members":[{"user":"2"}]}`)
}

// TestPresenceForBackends: any node tells who is in a scene, page by page; a key that is confined sees what it reaches.
func TestPresenceForBackends(t *testing.T) {
	settings := presenceSettings("")
	settings["api_keys"] = "[{name: all, key: " + apiKey + "}, {name: seven, key: " + tenantKey + `, within: 'page == "x"'}]`
	s := start(t, settings, nil)
	s.watcher("ann-token", "order=7&page=x")
	s.watcher("ann-token", "order=7&order=8")
	s.watcher("bob-token", "order=7&page=y")
	s.watcher(pageToken, "order=7&page=x")
	last := s.watcher(pageToken, "order=9")
	last.say(`{"type":"watch","key":"order"}`)
	last.expect(`{"type":"watch","position":"…"}`, `{"type":"presence","key":"order","value":"9","count":0,"anonymous":1,"members":[]}`) // all count
	for _, c := range []struct{ key, query, want string }{
		{apiKey, "key=order&value=7", `200 {"key":"order","value":"7","count":2,"anonymous":1,"connections":4,"members":[` +
			`{"user":"1","labels":{"name":"Ann"},"connections":2,"since":"…"},{"user":"2","labels":{"name":"Bob"},"connections":1,"since":"…"}]}`},
		{apiKey, "key=order&value=7&limit=1", `200 {"key":"order","value":"7","count":2,"anonymous":1,"connections":4,"members":[` +
			`{"user":"1","labels":{"name":"Ann"},"connections":2,"since":"…"}],"next":"1"}`},
		{apiKey, "key=order&value=7&limit=1&after=1", `200 {"key":"order","value":"7","count":2,"anonymous":1,"connections":4,"members":[` +
			`{"user":"2","labels":{"name":"Bob"},"connections":1,"since":"…"}]}`},
		{apiKey, "key=order&value=", `200 {"key":"order","value":"","count":0,"anonymous":0,"connections":0,"members":[]}`},
		{apiKey, "key=order&limit=2", `200 {"key":"order","scenes":[{"value":"7","members":2,"anonymous":1,"connections":4},` +
			`{"value":"8","members":1,"anonymous":0,"connections":1}],"distinct":3,"next":"8"}`},
		{apiKey, "key=order&after=8", `200 {"key":"order","scenes":[{"value":"9","members":0,"anonymous":1,"connections":1}],"distinct":3}`},
		{apiKey, "key=room", `200 {"key":"room","scenes":[],"distinct":0}`},
		{tenantKey, "key=order&value=7", `200 {"key":"order","value":"7","count":1,"anonymous":1,"connections":2,"members":[{"user":"1","connections":1}]}`},
		{tenantKey, "key=order", `200 {"key":"order","scenes":[{"value":"7","connections":2}],"distinct":1}`},
		{apiKey, "key=page", `404 {"title":"Not Found","status":404,"kind":"not_found","detail":"\"page\" is no key whose presence is known","where":"key","setting":"presence"}`},
		{apiKey, "value=7", `404 {"title":"Not Found","status":404,"kind":"not_found","detail":"\"\" is no key whose presence is known","where":"key","setting":"presence"}`},
		{apiKey, "key=order&limit=0", `400 {"title":"Bad Request","status":400,"kind":"invalid","detail":"takes a number from 1 to 1000","where":"limit"}`},
	} {
		status, answer := s.call("GET", "/v1/presence?"+c.query, c.key, "", "")
		if got := fmt.Sprint(status, " ", since.ReplaceAllString(answer, `$1"…"`)); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.query, got, c.want)
		}
	}
}
