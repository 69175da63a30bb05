package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"scenecast/hook/event"
)

// feedStream is a stream of GET /v1/feed, as an HTTP client reads it.
type feedStream struct {
	t    testing.TB
	head *http.Response
	in   *bufio.Reader
	id   string // of the last event, or of what moves it on
}

// feed opens a stream by a key, behind the event with this ID, if it is not empty.
func (r *running) feed(key, query, id string) *feedStream {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+r.addr+"/v1/feed?"+query, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	if id != "" {
		request.Header.Set("Last-Event-ID", id)
	}
	head, err := new(http.Transport).RoundTrip(request)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = head.Body.Close() })
	if head.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(head.Body)
		r.t.Fatalf("%s %s", head.Status, body)
	}
	return &feedStream{t: r.t, head: head, in: bufio.NewReader(head.Body)}
}

// next is the next event: its name and its data.
func (s *feedStream) next() (name, data string) {
	s.t.Helper()
	late := time.AfterFunc(patience, s.close)
	defer late.Stop()
	for {
		block, err := readEvent(s.in)
		if err != nil {
			s.t.Fatalf("%q, %v", block, err)
		}
		for line := range strings.SplitSeq(block, "\n") {
			field, value, _ := strings.Cut(line, ": ")
			switch field {
			case "id":
				s.id = value
			case "event":
				name = value
			case "data":
				data = value
			}
		}
		if name != "" {
			return name, data
		}
	}
}

// ready reads events until the stream is live, and returns them in words.
func (s *feedStream) ready() (told []string) {
	s.t.Helper()
	for {
		name, data := s.next()
		if name == "ready" {
			return told
		}
		told = append(told, s.words(name, data))
	}
}

func (s *feedStream) words(name, data string) string {
	if name == "missed" || name == "close" {
		return name
	}
	var e event.Event
	if err := json.Unmarshal([]byte(data), &e); err != nil || string(e.Type) != name || e.ID == "" || e.At.IsZero() {
		s.t.Errorf("%s %s: %v", name, data, err)
	}
	return words(e)
}

func (s *feedStream) expect(want ...string) {
	s.t.Helper()
	for _, w := range want {
		if got := s.words(s.next()); got != w {
			s.t.Fatalf("got %s, want %s", got, w)
		}
	}
}

func (s *feedStream) close() { _ = s.head.Body.Close() }

// TestFeed: a backend listens to what happens, to some of it if it likes, and a stream goes on where another has ended.
func TestFeed(t *testing.T) {
	s := start(t, map[string]string{"presence": "[{key: order, linger: 0}]"}, nil)
	all := s.feed(apiKey, "", "")
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no",
	} {
		if got := all.head.Header.Get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	all.ready()
	some := s.feed(apiKey, "events=disconnected,relabelled&to="+url.QueryEscape(`page == "list"`), "")
	some.ready()

	page := s.native("token=" + pageToken + "&page=home")
	all.expect("connected of default with [home]")
	if err := page.Write(t.Context(), websocket.MessageText, []byte(`{"type":"set","labels":{"page":"list"}}`)); err != nil {
		t.Fatal(err)
	}
	all.expect("relabelled of default with [list], before [home]")
	from := all.id
	all.close()
	_ = page.Close(websocket.StatusNormalClosure, "")
	some.expect("relabelled of default with [list], before [home]", "disconnected of default with [list]: page_closed 1000")

	again := s.feed(apiKey, "", from)
	if got := again.ready(); !slices.Equal(got, []string{"disconnected of default with [list]: page_closed 1000"}) {
		t.Errorf("behind the last event there are %q", got)
	}
	bySince := s.feed(apiKey, "since="+url.QueryEscape(from)+"&events=disconnected", "")
	if got := bySince.ready(); len(got) != 1 {
		t.Errorf("by since: %q", got)
	}
	old := s.feed(apiKey, "since=2026-01-02T15:04:05Z", "")
	if got := old.ready(); len(got) != 4 || got[0] != "missed" {
		t.Errorf("since long ago: %q", got)
	}
	s.expectMetrics(map[string]string{"scenecast_feed_cut_total": "0"})

	for query, want := range map[string]string{
		"events=joined,gone": `"where":"events"`, "since=x": `"where":"since"`, "since=": `"where":"since"`, "to=a%20b": `"where":"to.column 3"`, "limit=3": `"where":"limit"`,
	} {
		if status, answer := s.call("GET", "/v1/feed?"+query, apiKey, "", ""); status != 400 || !strings.Contains(answer, want) {
			t.Errorf("%s: %d %s", query, status, answer)
		}
	}
	if r, _ := s.response("HEAD", "/v1/feed", map[string]string{"Authorization": "Bearer " + apiKey}, ""); r.StatusCode != 200 {
		t.Errorf("HEAD: %s", r.Status)
	}
}

// TestFeedAndTheEnd: when the server drains, streams are told of the pages that it closes, and why they end.
func TestFeedAndTheEnd(t *testing.T) {
	s := start(t, nil, nil)
	stream := s.feed(apiKey, "events=disconnected", "")
	stream.ready()
	page := s.page("page=home")
	go func() { _, _, _ = page.Read(t.Context()) }() // answers the close frame
	s.stop()
	stream.expect("disconnected of default with [home]: draining 4503")
	if name, data := stream.next(); name != "close" || data != `{"type":"close","kind":"unavailable","reason":"the server is going away; come back"}` {
		t.Errorf("the end is %s %s", name, data)
	}
	if rest, err := io.ReadAll(stream.in); len(rest) > 0 || err != nil {
		t.Errorf("then %q, %v", rest, err)
	}
}

// TestFeedAndItsKey: when a reload takes a key away, or changes what it reaches, its streams end before the next event; those of others go on.
func TestFeedAndItsKey(t *testing.T) {
	keys := func(more string) map[string]string {
		return map[string]string{"api_keys": "[{name: all, key: " + apiKey + "}, {name: admin, key: " + adminKey + ", allow: [admin]}" + more + "]"}
	}
	s := startReloadable(t, keys(", {name: gone, key: "+tenantKey+"}, {name: less, key: "+otherTenantKey+"}"))
	gone, less, stays := s.feed(tenantKey, "", ""), s.feed(otherTenantKey, "", ""), s.feed(apiKey, "", "")
	for _, stream := range []*feedStream{gone, less, stays} {
		stream.ready()
	}
	s.reload(keys(", {name: less, key: " + otherTenantKey + ", within: 'page == \"home\"'}"))
	s.page("page=home")
	for name, stream := range map[string]*feedStream{"gone": gone, "less": less} {
		if of, data := stream.next(); of != "close" || !strings.Contains(data, `"kind":"unauthorized"`) {
			t.Errorf("the stream of the key %s is told %s %s", name, of, data)
		}
		if rest, err := io.ReadAll(stream.in); len(rest) > 0 || err != nil {
			t.Errorf("then %q, %v", rest, err)
		}
	}
	stays.expect("connected of default with [home]")
}

// TestFeedOfAConfinedKey: it hears of its pages, and nothing by which others could be told: no node, no count, no labels from outside.
func TestFeedOfAConfinedKey(t *testing.T) {
	w := newWorld(t, 1)
	stream := w.feed(tenantKey, "", "")
	stream.ready()
	for i := range 20 {
		w.connect(uint64(2000+2*i), "page-of-8", "page=home")
	}
	w.connect(1, "page-of-7", "page=home&order=7")
	name, data := stream.next()
	if name != "connected" || !strings.Contains(data, `"tenant":"7"`) || strings.Contains(data, `"node"`) {
		t.Errorf("told %s %s", name, data)
	}
	from := stream.id
	stream.close()
	w.connect(2, "page-of-9", "page=home")
	w.connect(3, "page-of-7", "page=list")
	again := w.feed(tenantKey, "", from)
	if got := again.ready(); !slices.Equal(got, []string{"connected of default with [list]"}) {
		t.Errorf("behind it: %q", got)
	}
	if status, answer := w.call("GET", "/v1/feed?events=connected,joined", tenantKey, "", ""); status != 403 || !strings.Contains(answer, `"setting":"api_keys"`) {
		t.Errorf("joined: %d %s", status, answer)
	}
	outside := w.feed(tenantKey, "events=connected&to="+url.QueryEscape(`tenant == "8"`), from)
	if got := outside.ready(); len(got) > 0 {
		t.Errorf("of others: %q", got)
	}
}

// take reads events behind those that it has, until there are so many, closes the stream and returns its last ID. Where it is told that some are missed,
// as on a machine that lets a node wait for seconds, it reads them once more, from the beginning, which all nodes still keep.
func (s *feedStream) take(from *running, told []string, count int, begin string) (_ []string, last string) {
	s.t.Helper()
	for tries := 0; ; tries++ {
		for len(told) < count && !slices.Contains(told, "missed") {
			told = append(told, s.words(s.next()))
		}
		s.close()
		if !slices.Contains(told, "missed") {
			return told, s.id
		}
		if tries == 5 {
			s.t.Fatalf("told that events are missed, each time: %q", told)
		}
		s = from.feed(apiKey, "events=connected,disconnected", begin)
		told = s.ready()
	}
}

// TestFeedOfACluster: a stream at one node hears of all, each event once, and goes on at another node.
func TestFeedOfACluster(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, 3, map[string]string{"presence": "[{key: order, linger: 0}]"})
	stream := nodes[0].feed(apiKey, "events=connected,disconnected", "")
	stream.ready()
	begin := stream.id
	var want []string
	connect := func(from, to int) {
		for i := from; i < to; i++ {
			nodes[i%3].page(fmt.Sprintf("page=p%02d", i))
			want = append(want, fmt.Sprintf("connected of default with [p%02d]", i))
		}
	}
	connect(0, 30)
	got, from := stream.take(nodes[0], nil, 30, begin)
	connect(30, 45)
	again := nodes[2].feed(apiKey, "events=connected,disconnected", from)
	more := again.ready()
	connect(45, 60)
	more, _ = again.take(nodes[2], more, 30, from)
	got = append(got, more...)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("told\n%q, want\n%q", got, want)
	}
}
