package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// asked is a backend that is asked: a real HTTP server that checks signatures, and answers by a function.
type asked struct {
	*httptest.Server
	mu        sync.Mutex
	questions []string // the data of each
}

func newAsked(t *testing.T, answer func(w http.ResponseWriter, kind string, data map[string]any)) *asked {
	a := new(asked)
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		wh, err := standardwebhooks.NewWebhook(hookSecret)
		if err != nil {
			t.Error(err)
			return
		}
		if err := wh.Verify(body, r.Header); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		var question struct {
			Type      string
			Timestamp time.Time
			Data      map[string]any
		}
		if err := json.Unmarshal(body, &question); err != nil || question.Timestamp.IsZero() {
			t.Errorf("%s: %v", body, err)
		}
		data, _ := json.Marshal(question.Data)
		a.mu.Lock()
		a.questions = append(a.questions, question.Type+" "+string(data))
		a.mu.Unlock()
		answer(w, question.Type, question.Data)
	}))
	t.Cleanup(a.Close)
	return a
}

// last is the last question.
func (a *asked) last() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.questions[len(a.questions)-1]
}

// hookedPage connects a page of the native wire and takes its welcome; of one that is refused it returns the close frame.
func (r *running) hookedPage(query string, header http.Header) (*websocket.Conn, string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+r.addr+"/v1/connect?"+query, &websocket.DialOptions{Subprotocols: []string{"scenecast.v1"}, HTTPHeader: header})
	if err != nil {
		r.t.Fatalf("page %s: %v", query, err)
	}
	r.t.Cleanup(func() { _ = c.CloseNow() })
	_, message, err := c.Read(ctx)
	if err != nil {
		return nil, err.Error()
	}
	return c, string(message)
}

// ask sends a message of the native wire and returns the next one.
func (r *running) ask(c *websocket.Conn, message string) string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
		r.t.Fatal(err)
	}
	return r.read(c)
}

// TestConnectHook: the backend decides by a page's cookie who it is, which labels it has and may set, and whether it may come in; on all wires.
func TestConnectHook(t *testing.T) {
	backend := newAsked(t, func(w http.ResponseWriter, _ string, data map[string]any) {
		headers, _ := data["headers"].(map[string]any)
		switch fmt.Sprint(headers["Cookie"]) {
		case "[session=alice]":
			_, _ = io.WriteString(w, `{"user":"42","labels":{"plan":"pro"},"may_set":["page"]}`)
		case "[session=banned]":
			_, _ = io.WriteString(w, `{"refuse":"you are banned"}`)
		default:
			http.Error(w, `{"message":"sign in first"}`, http.StatusForbidden)
		}
	})
	s := start(t, map[string]string{
		"hooks.connect":        fmt.Sprintf("{url: %q, secret: %s, headers: [cookie]}", backend.URL, hookSecret),
		"http.allowed_origins": "https://a.example",
	}, nil)
	as := func(session string) http.Header { return http.Header{"Cookie": {"session=" + session}} }

	page, why := s.hookedPage("page=home&plan=free", as("alice")) // no token at all; what the backend says counts
	if page == nil {
		t.Fatal(why)
	}
	_, answer := s.call(http.MethodGet, "/v1/connections?to=plan%20%3D%3D%20%22pro%22", apiKey, "", "")
	for _, want := range []string{`"@user":"42"`, `"plan":"pro"`, `"page":"home"`} {
		if !strings.Contains(answer, want) {
			t.Errorf("the connections are %s, want %s in it", answer, want)
		}
	}
	if got := s.ask(page, `{"type":"set","id":1,"labels":{"plan":"free"}}`); !strings.Contains(got, `"kind":"forbidden"`) {
		t.Errorf("it has set what the backend gave: %s", got)
	}
	if got := s.ask(page, `{"type":"set","id":1,"labels":{"order":"7"}}`); !strings.Contains(got, `"kind":"forbidden"`) {
		t.Errorf("it has set what the backend does not let it: %s", got)
	}
	if got := s.ask(page, `{"type":"set","id":1,"labels":{"page":"list"}}`); !strings.Contains(got, `"type":"set"`) {
		t.Errorf("it may not set what the backend lets it: %s", got)
	}
	for _, want := range []string{`"app":"default"`, `"path":"/v1/connect"`, `"query":{"page":["home"],"plan":["free"]}`, `"headers":{"Cookie":["session=alice"]}`, `"address":"127.0.0.1"`} {
		if got := backend.last(); !strings.Contains(got, want) {
			t.Errorf("asked %s, want %s in it", got, want)
		}
	}
	if _, why := s.hookedPage("page=home", as("banned")); !strings.Contains(why, "4403") || !strings.Contains(why, "you are banned") {
		t.Errorf("a page that is banned: %s", why)
	}
	if _, why := s.hookedPage("page=home", nil); !strings.Contains(why, "4403") || !strings.Contains(why, "sign in first") {
		t.Errorf("a page without a session: %s", why)
	}
	if _, why := s.hookedPage("page=home&token=wrong", as("alice")); !strings.Contains(why, "4401") {
		t.Errorf("a page with a wrong token: %s", why)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tutorialPage, _, err := websocket.Dial(ctx, "ws://"+s.addr+"/?page=home", &websocket.DialOptions{HTTPHeader: as("alice")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tutorialPage.CloseNow() }()
	s.read(tutorialPage)
	status, answer := s.callWith(http.MethodGet, "/v1/events?page=home", map[string]string{"Cookie": "session=banned"}, "")
	if status != http.StatusForbidden || !strings.Contains(answer, "you are banned") {
		t.Errorf("an event stream: %d %s", status, answer)
	}
	if s.Connections() != 2 {
		t.Errorf("%d connections", s.Connections())
	}
}

// TestConnectHookThatFails: pages are refused, or those whose token is good let in, as the settings say; a backend that hangs delays no page
// that it is not asked about.
func TestConnectHookThatFails(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	backend := newAsked(t, func(http.ResponseWriter, string, map[string]any) { <-hang })
	defer close(hang)
	settings := func(more string) map[string]string {
		return map[string]string{
			"hooks.connect": fmt.Sprintf("{url: %q, secret: %s, timeout: 200ms%s}", backend.URL, hookSecret, more),
			"apps":          "{shop: {client_tokens: [shop-page-token]}}",
		}
	}
	s := start(t, settings(""), nil)
	refused := make(chan string)
	go func() {
		_, why := s.hookedPage("token="+pageToken, nil)
		refused <- why
	}()
	s.pageAs("shop-page-token", "page=home")
	if why := <-refused; !strings.Contains(why, "4503") {
		t.Errorf("refused: %s", why)
	}
	s.expectMetrics(map[string]string{`scenecast_connect_hook_calls_total{outcome="failed"}`: "1", `scenecast_connect_hook_calls_total{outcome="answered"}`: "0"})
	s = start(t, settings(", on_error: allow"), nil)
	if page, why := s.hookedPage("token="+pageToken, nil); page == nil {
		t.Errorf("a page with a token is refused: %s", why)
	}
	if page, why := s.hookedPage("", nil); page != nil || !strings.Contains(why, "4503") {
		t.Errorf("a page without a token: %s", why)
	}
}

// TestCallHook: the backend answers a page, which gets no other's answer, and is told what was wrong.
func TestCallHook(t *testing.T) {
	backend := newAsked(t, func(w http.ResponseWriter, _ string, data map[string]any) {
		switch data["method"] {
		case "add":
			numbers, _ := data["data"].([]any)
			_, _ = fmt.Fprintf(w, `{"sum":%v}`, numbers[0].(float64)+numbers[1].(float64))
		case "buy":
			http.Error(w, `{"message":"sold out"}`, http.StatusConflict)
		}
	})
	s := start(t, map[string]string{"hooks.call": fmt.Sprintf("{url: %q, secret: %s}", backend.URL, hookSecret)}, nil)
	page, _ := s.hookedPage("page=home&token="+pageToken, nil)
	for message, want := range map[string]string{
		`{"type":"call","id":1,"method":"add","data":[1,2]}`: `{"type":"result","id":1,"data":{"sum":3}}`,
		`{"type":"call","id":"x","method":"buy"}`:            `{"type":"error","id":"x","kind":"invalid","detail":"sold out"}`,
		`{"type":"call","method":"none"}`:                    `{"type":"result","data":null}`,
	} {
		if got := s.ask(page, message); got != want {
			t.Errorf("%s is answered %s, want %s", message, got, want)
		}
	}
	if got := backend.last(); !strings.HasPrefix(got, `call {"app":"default","connection":"`) || !strings.Contains(got, `"page":"home"`) {
		t.Errorf("asked %s", got)
	}
	other := start(t, nil, nil)
	page, _ = other.hookedPage("page=home&token="+pageToken, nil)
	if got := other.ask(page, `{"type":"call","id":1,"method":"add"}`); got != `{"type":"error","id":1,"kind":"not_found","detail":"there is nothing to call here","setting":"hooks.call"}` {
		t.Errorf("without a hook: %s", got)
	}
}

// TestCallsAtATime: a page may have so many calls under way; one more is refused, and the others are answered.
func TestCallsAtATime(t *testing.T) {
	hang := make(chan struct{})
	backend := newAsked(t, func(http.ResponseWriter, string, map[string]any) { <-hang })
	s := start(t, map[string]string{"hooks.call": fmt.Sprintf("{url: %q, secret: %s}", backend.URL, hookSecret)}, nil)
	page, _ := s.hookedPage("page=home&token="+pageToken, nil)
	for i := range 8 {
		if err := page.Write(t.Context(), websocket.MessageText, fmt.Appendf(nil, `{"type":"call","id":%d,"method":"m"}`, i)); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.ask(page, `{"type":"call","id":8,"method":"m"}`); !strings.HasPrefix(got, `{"type":"error","id":8,"kind":"too_many"`) {
		t.Errorf("the ninth is answered %s", got)
	}
	close(hang)
	for range 8 {
		if got := s.read(page); !strings.HasPrefix(got, `{"type":"result"`) {
			t.Errorf("answered %s", got)
		}
	}
}
