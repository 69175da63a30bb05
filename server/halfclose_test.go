package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// halfClose sends a request and closes the direction to the server, as nc -N and some proxies do. It returns what comes back.
func (r *running) halfClose(request string) (net.Conn, *bufio.Reader) {
	r.t.Helper()
	conn, in := r.raw(request)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		r.t.Fatal(err)
	}
	return conn, in
}

// httpCall is a call of the API, as bytes.
func httpCall(method, target, body string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		method, target, apiKey, len(body), body)
}

// TestHalfClosedCalls: a client that half-closes its connection behind its request gets the answer to it, whatever it asks for.
func TestHalfClosedCalls(t *testing.T) {
	s := start(t, nil, nil)
	s.page("page=home")
	for range 20 { // net/http hears of the client's end while the call is under way, or not
		for _, c := range []struct{ request, want string }{
			{httpCall("POST", "/v1/push", `{"to":{"page":"home"},"message":1}`), `"matched":1`},
			{httpCall("POST", "/v1/push", `[{"to":{"page":"home"},"message":1}]`), `"matched":1`},
			{httpCall("POST", "/v1/triggers/pushHomeLogic", `{}`), `"matched":1`},
			{httpCall("GET", "/?func=pushHomeLogic", ""), `"matched":1`},
			{httpCall("POST", "/?func=pushHomeLogic", ""), `"matched":1`},
			{httpCall("POST", "/v1/audience", `{"to":{"page":"home"}}`), `"matched":1`},
			{httpCall("GET", "/v1/connections", ""), `"page":"home"`},
			{httpCall("GET", "/v1/labels?key=page", ""), `"home"`},
			{httpCall("POST", "/v1/labels", `{"to":{"page":"home"},"set":{"seen":"1"}}`), `"matched":1`},
			{httpCall("POST", "/v1/disconnect", `{"to":{"page":"none"}}`), `"matched":0`},
		} {
			_, in := s.halfClose(c.request)
			response, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("%q: %v", c.request, err)
			}
			if body := readAll(t, response); response.StatusCode != http.StatusOK || !strings.Contains(body, c.want) {
				t.Errorf("%q: %s %s, want 200 with %s", c.request, response.Status, body, c.want)
			}
			if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
				t.Errorf("%q: behind the answer %q, %v", c.request, rest, err)
			}
		}
	}
	if strings.Contains(s.log.String(), "ERROR") {
		t.Errorf("the log has errors:\n%s", s.log)
	}
}

// TestHalfClosedWhileWaiting: a push that waits for its receipt is not told as failed when its client half-closes meanwhile.
func TestHalfClosedWhileWaiting(t *testing.T) {
	s := start(t, nil, nil)
	page := s.nativePage("page=home")
	_, in := s.halfClose(httpCall("POST", "/v1/push", `{"to":{"page":"home"},"message":1,"receipt":"acked","timeout":"20s"}`))
	m := page.next()
	_ = page.Write(t.Context(), websocket.MessageText, []byte(`{"type":"ack","position":"`+m.Position+`"}`))
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body := readAll(t, response); response.StatusCode != http.StatusOK || !strings.Contains(body, `"acked":1`) {
		t.Errorf("%s %s", response.Status, body)
	}
}
