package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// TestJSONSnippets: each block of JSON is compared with what a server says, by a test of its document.
func TestJSONSnippets(t *testing.T) {
	t.Parallel()
	compared := map[string]witness{
		"docs/hooks.md":    {"e2e/snippets_json_test.go", []string{"func TestHooksDocument(", `"../docs/hooks.md"`}},
		"docs/registry.md": {"server/registry_test.go", []string{"func TestRegistryDocumentShowsAValue(", `documented(t, "registry.md", "json", `}},
	}
	total := 0
	for _, document := range documents(t) {
		for _, s := range snippetsOf(t, document) {
			if s.language != "json" {
				continue
			}
			total++
			w, known := compared[strings.TrimPrefix(document, "../")]
			switch {
			case s.mark == "other": // of another product
				if !json.Valid([]byte(s.code)) {
					t.Errorf("%s: no JSON:\n%s", s.place, s.code)
				}
			case strings.HasPrefix(document, "../docs/tutorial-"):
				witness{"cmd/scenecast/tutorials_test.go", []string{"func TestTutorials(", `case language == "json"`}}.check(t)
			case known:
				w.check(t)
			default:
				t.Errorf("%s: this test does not know what to compare it with:\n%s", s.place, s.code)
			}
		}
	}
	if total < 15 {
		t.Errorf("found only %d blocks of JSON: this test does not read the documents any more", total)
	}
}

// shapeOf is a JSON value without the values of its strings, numbers and booleans: which keys it has, and of which type each is.
func shapeOf(value any) string {
	switch value := value.(type) {
	case map[string]any:
		var members []string
		for _, key := range slices.Sorted(maps.Keys(value)) {
			members = append(members, key+": "+shapeOf(value[key]))
		}
		return "{" + strings.Join(members, ", ") + "}"
	case []any:
		var elements []string
		for _, element := range value {
			if shape := shapeOf(element); !slices.Contains(elements, shape) {
				elements = append(elements, shape)
			}
		}
		return "[" + strings.Join(elements, ", ") + "]"
	}
	return fmt.Sprintf("%T", value)
}

// shapeOfText is that of JSON.
func shapeOfText(t *testing.T, text string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("no JSON: %v\n%s", err, text)
	}
	return shapeOf(value)
}

// TestHooksDocument: what docs/hooks.md shows of what a backend gets has the keys that it really gets, each of that type: of a page that asks to
// be let in, of one that calls, of one that has connected; and so has the stream of the feed.
func TestHooksDocument(t *testing.T) {
	t.Parallel()
	bodies := make(chan string, 100)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies <- string(body)
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(backend.Close)
	b := serveWith(t, anyPort, map[string]string{
		"client_tokens":        `[{token: free, labels: {plan: free}}, {token: of-42, user: "42"}, nobody]`,
		"http.allowed_origins": "https://shop.example.com",
		"hooks.connect":        fmt.Sprintf(`{url: %q, headers: [Cookie]}`, backend.URL),
		"hooks.call":           fmt.Sprintf(`{url: %q}`, backend.URL),
		"hooks.events":         fmt.Sprintf(`[{name: orders, url: %q, events: [connected], to: '!has(@user) && !has(plan)', batch: 1}]`, backend.URL),
	})
	feed := openFeed(t, b)
	ready := feed.next()
	documented := make(map[string]string) // shapes of bodies by type
	var stream string
	for _, s := range snippetsOf(t, "../docs/hooks.md") {
		switch {
		case s.language == "json":
			var body struct{ Type string }
			if err := json.Unmarshal([]byte(s.code), &body); err != nil {
				t.Fatalf("%s: %v", s.place, err)
			}
			documented[body.Type] = shapeOfText(t, s.code)
		case strings.HasPrefix(s.code, "retry: "):
			stream = s.code
		}
	}
	if types := slices.Sorted(maps.Keys(documented)); !slices.Equal(types, []string{"call", "connect", "events"}) {
		t.Fatalf("docs/hooks.md shows calls of the types %q", types)
	}

	b.openSocket(t, "token=free&page=order&order=7&page_id=kq1", "Cookie", "session=1")
	expectBody(t, bodies, "connect", documented)
	b.openSocket(t, "token=of-42&page=order", "", "").say(t, `{"type":"call","id":1,"method":"stock","data":{"product":7}}`)
	expectBody(t, bodies, "call", documented)
	shown := regexp.MustCompile(`\n\n`).Split(strings.TrimSpace(stream), -1)
	feed.next() // that the other two have connected
	feed.next()
	b.openSocket(t, "token=nobody&page=order", "", "")
	expectBody(t, bodies, "events", documented)
	if len(shown) != 3 {
		t.Fatalf("docs/hooks.md shows the stream\n%s", stream)
	}
	for i, really := range []string{ready, feed.next()} {
		want := shown[i+1]
		if i == 0 {
			want = shown[0] + "\n\n" + want
		}
		if got, want := shapeOfEvent(t, really), shapeOfEvent(t, want); got != want {
			t.Errorf("the stream has\n%s\nand docs/hooks.md shows\n%s", got, want)
		}
	}
}

// expectBody reads bodies until one is of a type, and compares it with what is documented. Events of other pages may come before it.
func expectBody(t *testing.T, bodies <-chan string, kind string, documented map[string]string) {
	t.Helper()
	late := time.After(patience)
	for {
		var text string
		select {
		case text = <-bodies:
		case <-late:
			t.Fatalf("the backend gets no call of the type %s", kind)
		}
		var body struct{ Type string }
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if body.Type != kind {
			continue
		}
		if got := shapeOfText(t, text); got != documented[kind] {
			t.Errorf("the backend gets\n%s\nand docs/hooks.md shows\n%s", got, documented[kind])
		}
		return
	}
}

// socket is a page on the native wire.
type socket struct{ io.ReadWriter }

// openSocket opens one, with a header if that has a name, and waits until it is welcome.
func (b *backend) openSocket(t *testing.T, query, header, value string) socket {
	t.Helper()
	dialer := ws.Dialer{Protocols: []string{"scenecast.v1"}}
	if header != "" {
		dialer.Header = ws.HandshakeHeaderHTTP{header: {value}}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, buffered, _, err := dialer.Dial(ctx, "ws://"+b.addr+"/v1/connect?"+query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s := socket{conn}
	if buffered != nil {
		s.ReadWriter = struct {
			io.Reader
			io.Writer
		}{buffered, conn}
	}
	text, err := wsutil.ReadServerText(s)
	if err != nil || !strings.HasPrefix(string(text), `{"type":"welcome"`) {
		t.Fatalf("%s: %s, %v", query, text, err)
	}
	return s
}

func (s socket) say(t *testing.T, text string) {
	t.Helper()
	if err := wsutil.WriteClientText(s, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// events is a stream of events.
type events struct {
	t    *testing.T
	body *bufio.Reader
}

func openFeed(t *testing.T, b *backend) events {
	t.Helper()
	return openEvents(t, b.url("/v1/feed?events=connected,disconnected"), demoKey)
}

func openEvents(t *testing.T, url, token string) events {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return events{t, bufio.NewReader(answer.Body)}
}

// next is the next event that has data, with lines of the stream before it.
func (e events) next() (text string) {
	e.t.Helper()
	for !strings.Contains(text, "data: ") || !strings.HasSuffix(text, "\n\n") {
		line, err := e.body.ReadString('\n')
		if err != nil {
			e.t.Fatalf("the stream has ended behind %q: %v", text, err)
		}
		text += line
	}
	return text
}

// shapeOfEvent is the fields of an event, without the values of IDs and of retry, and with the shape of its data.
func shapeOfEvent(t *testing.T, event string) (shape string) {
	t.Helper()
	for line := range strings.Lines(strings.TrimSpace(event)) {
		line = strings.TrimSuffix(line, "\n")
		field, value, _ := strings.Cut(line, ": ")
		switch field {
		case "data":
			line = field + ": " + shapeOfText(t, value)
		case "id", "retry":
			line = field
		}
		shape += line + "\n"
	}
	return shape
}
