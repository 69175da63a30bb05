package server_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// attempts are how often something is done that a rate of one per second refuses at the second time, unless more than a second lies
// between any two.
const attempts = 100

// untilRefused makes a call until it is answered 429, and returns that answer.
func (r *running) untilRefused(method, target, key, body string) string {
	r.t.Helper()
	for range attempts {
		response, answer := r.response(method, target, map[string]string{"Authorization": "Bearer " + key}, body)
		if response.StatusCode != http.StatusTooManyRequests {
			continue
		}
		if after, err := strconv.Atoi(response.Header.Get("Retry-After")); err != nil || after < 1 {
			r.t.Errorf("%s %s: Retry-After is %q", method, target, response.Header.Get("Retry-After"))
		}
		return answer
	}
	return "never refused"
}

// metric is the value of a series.
func (r *running) metric(series string) string {
	r.t.Helper()
	_, text := r.call("GET", "/metrics", apiKey, "", "")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return "missing"
}

// TestKeyRates: a key that pushes too fast, or to too many pages, is refused, and no other key is. Two secrets of one key have its
// rate together.
func TestKeyRates(t *testing.T) {
	s := start(t, map[string]string{"api_keys": `
- {name: all, key: ` + apiKey + `}
- {name: slow, key: secret-of-slow-one, rate: {pushes: 1}}
- {name: slow, key: secret-of-slow-two, rate: {pushes: 1}}
- {name: few, key: secret-of-few, rate: {deliveries: 1}}
`}, nil)
	for range 3 {
		s.page("page=home")
	}
	const tooFast = `"status":429,"kind":"too_many","detail":"this API key pushes more often than its rate allows: 1 per second","setting":"api_keys"}`
	for _, key := range []string{"secret-of-slow-one", "secret-of-slow-two"} {
		if answer := s.untilRefused("POST", "/v1/push", key, `{"to":"*","message":1}`); !strings.Contains(answer, tooFast) {
			t.Errorf("%s: %s", key, answer)
		}
	}
	if answer := s.untilRefused("POST", "/v1/triggers/pushHomeLogic", "secret-of-slow-one", `{}`); !strings.Contains(answer, tooFast) {
		t.Errorf("a trigger: %s", answer)
	}
	_, answer := s.call("POST", "/v1/push", "secret-of-slow-one", "", "["+strings.Repeat(`{"to":"*","message":1},`, attempts)+`{"to":"*","message":1}]`)
	if !strings.Contains(answer, tooFast) {
		t.Errorf("a batch: %s", answer)
	}
	const tooMany = `"detail":"the pushes of this API key have matched more pages than its rate allows: 1 per second","setting":"api_keys"}`
	if answer := s.untilRefused("POST", "/v1/push", "secret-of-few", `{"to":"*","message":1}`); !strings.Contains(answer, tooMany) {
		t.Errorf("deliveries: %s", answer)
	}
	for range 20 {
		if status, answer := s.call("POST", "/v1/push", apiKey, "", `{"to":"*","message":1}`); status != 200 {
			t.Fatalf("a key without a rate: %d %s", status, answer)
		}
	}
	for _, limit := range []string{"key_pushes", "key_deliveries"} {
		if n := s.metric(`scenecast_rate_limited_total{limit="` + limit + `"}`); n == "0" || n == "missing" {
			t.Errorf("%s is counted %s", limit, n)
		}
	}
}

// TestPageRates: a page that talks too fast is closed, and one that changes its scene too fast is told so and stays.
func TestPageRates(t *testing.T) {
	t.Run("messages", func(t *testing.T) {
		s := start(t, map[string]string{"limits.page_messages": "5"}, nil)
		quiet, busy := s.page("page=quiet"), s.page("page=busy")
		for range 50 * attempts {
			if busy.Write(t.Context(), websocket.MessageText, []byte("heartbeat")) != nil {
				break
			}
		}
		if code := s.closeCode(busy); code != 4429 {
			t.Errorf("the busy page was closed with %d", code)
		}
		s.publish(`{"to":{"page":"quiet"},"message":"there"}`)
		if got := s.read(quiet); got != `"there"` {
			t.Errorf("the quiet page got %s", got)
		}
		if n := s.metric(`scenecast_endings_total{cause="message_rate"}`); n != "1" {
			t.Errorf("it is counted %s", n)
		}
	})
	t.Run("sets", func(t *testing.T) {
		s := start(t, map[string]string{"limits.page_sets": "1"}, nil)
		c := s.rawNative(t, "page=home")
		s.read(c) // the welcome
		for i := range attempts {
			if err := c.Write(t.Context(), websocket.MessageText, fmt.Appendf(nil, `{"type":"set","id":%d,"labels":{"page":"p%d"}}`, i, i)); err != nil {
				t.Fatal(err)
			}
			const refused = `"kind":"too_many","detail":"the page changes its labels more often than it may","setting":"limits.page_sets"}`
			if answer := s.read(c); strings.Contains(answer, refused) {
				if n := s.metric(`scenecast_rate_limited_total{limit="page_sets"}`); n != "1" {
					t.Errorf("it is counted %s", n)
				}
				return
			}
		}
		t.Error("no change was refused")
	})
}

// rawNative connects a page by the native wire.
func (r *running) rawNative(t testing.TB, query string) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+r.addr+"/v1/connect?token="+pageToken+"&"+query, &websocket.DialOptions{Subprotocols: []string{"scenecast.v1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

// TestAddressRates: an address from which pages come too fast is refused, on every wire as that refuses pages.
func TestAddressRates(t *testing.T) {
	const (
		why    = "more pages connect from this address than may: 1 per second (setting: limits.connect_rate)"
		stream = "Accept: text/event-stream\r\n"
	)
	for name, c := range map[string]struct{ request, status, answer string }{
		"tutorial": {upgrade("/?page=home&token=" + pageToken), "429 Too Many Requests", `{"code":429,"message":"` + why + `"}`},
		"events":   {"GET /v1/events?page=home&token=" + pageToken + " HTTP/1.1\r\nHost: localhost\r\n" + stream + "\r\n", "200 OK", `"code":4429,"reason":"` + why + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, map[string]string{"limits.connect_rate": "1"}, nil)
			for range attempts {
				conn, from := s.raw(c.request)
				response, err := http.ReadResponse(from, nil)
				if err != nil {
					t.Fatal(err)
				}
				told := make([]byte, 4<<10)
				n, _ := response.Body.Read(told)
				conn.Close()
				if response.Status != c.status || !strings.Contains(string(told[:n]), c.answer) {
					continue
				}
				if after := response.Header.Get("Retry-After"); name == "tutorial" && after != "1" {
					t.Errorf("Retry-After is %q", after)
				}
				if n := s.metric(`scenecast_rate_limited_total{limit="connect_rate"}`); n == "0" || n == "missing" {
					t.Errorf("it is counted %s", n)
				}
				return
			}
			t.Error("no page was refused")
		})
	}
}

// TestFailedTokens: an address that shows wrong tokens or keys is refused whatever it shows then, and does not learn whether it is right.
// Whoever asks for the server's health is not.
func TestFailedTokens(t *testing.T) {
	for name, fail := range map[string]func(s *running){
		"keys":       func(s *running) { s.call("GET", "/v1/nodes", "wrong", "", "") },
		"parameters": func(s *running) { s.call("GET", "/?func=pushHomeLogic&token=wrong", "", "", "") },
		"pages":      func(s *running) { s.visit("127.0.0.1", "token=wrong") },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, map[string]string{"limits.failed_tokens": "1"}, nil)
			if status, answer := s.call("GET", "/v1/nodes", apiKey, "", ""); status != 200 {
				t.Fatalf("%d %s", status, answer)
			}
			for range attempts {
				for range 8 { // so much is spent ahead that what follows comes before it is over
					fail(s)
				}
				status, answer := s.call("GET", "/v1/nodes", apiKey, "", "")
				if status == 200 {
					continue
				}
				if status != 429 || !strings.Contains(answer, `"setting":"limits.failed_tokens"`) {
					t.Errorf("%d %s", status, answer)
				}
				if status, _ := s.call("GET", "/healthz", "", "", ""); status != 200 {
					t.Errorf("healthz: %d", status)
				}
				return
			}
			t.Error("no call was refused")
		})
	}
}

// TestFailedTokensOfAConnectedPage: wrong tokens that a page sends while it is connected count as its address's, whether they are verified on
// the loop or beside it, and are in the log.
func TestFailedTokensOfAConnectedPage(t *testing.T) {
	s := startJWT(t, map[string]string{"limits.failed_tokens": "1"})
	good := signed(t, jwtSecret, time.Hour, nil)
	c := s.native("token=" + good)
	s.read(c) // the welcome
	elsewhere := signed(t, jwtSecret+"x", time.Hour, nil)
	strange := signed(t, "", -time.Hour, nil) // verified beside the loop
	refused := false
	for i := range attempts {
		token := []string{elsewhere, strange}[i%2]
		answer := s.say(c, `{"type":"token","token":"`+token+`"}`)
		if refused = strings.Contains(answer, `"kind":"too_many","detail":"this address has shown more wrong tokens than it may: 1 per second"`) &&
			strings.Contains(answer, `"setting":"limits.failed_tokens"`); refused {
			break
		}
		if !strings.Contains(answer, `"kind":"unauthorized"`) {
			t.Fatalf("a wrong token is answered %s", answer)
		}
	}
	if !refused {
		t.Fatal("no token was refused unread")
	}
	const line = `msg="token refused" client=127.0.0.1 kind=unauthorized why="token: the page's token is signed by none`
	if !strings.Contains(s.log.String(), line) {
		t.Errorf("the log lacks %s:\n%s", line, s.log.String())
	}
	if response, _ := s.response("GET", "/v1/openapi.json", nil, ""); response.StatusCode != http.StatusTooManyRequests {
		t.Errorf("from its address a call is answered %s", response.Status)
	}
}
