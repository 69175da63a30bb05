package server_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// answers reads the responses that come on a connection until it is closed, with what stands in their places.
func answers(t *testing.T, r io.Reader) []string {
	t.Helper()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("%q, %v", all, err)
	}
	var statuses []string
	for _, part := range strings.Split(string(all), "HTTP/1.1 ")[1:] {
		status, _, _ := strings.Cut(part, "\r\n")
		statuses = append(statuses, status)
	}
	return statuses
}

// TestOneAnswer: no request gets two responses, whatever net/http answers it by, and however long the client then waits.
func TestOneAnswer(t *testing.T) {
	t.Parallel()
	s := start(t, map[string]string{"http.head_timeout": inTime, "http.idle_timeout": inTime, "http.body_timeout": inTime}, nil)
	cases := []struct{ name, request, want string }{
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK"},
		{"OPTIONS * with a body", "OPTIONS * HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", "200 OK"},
		{"OPTIONS", "OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n", "405 Method Not Allowed"},
		{"GET *", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request"},
		{"a response", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK"},
		{"a head that is none", "GET /healthz HTTP/1.1\r\nHost x\r\n\r\n", "400 Bad Request"},
		{"an expectation", "GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: fries\r\n\r\n", "417 Expectation Failed"},
		{"another version", "GET /healthz HTTP/3.0\r\nHost: x\r\n\r\n", "505 HTTP Version Not Supported: unsupported protocol version"},
		{"half a head", "GET /healthz HTTP/1.1\r\nHost:", "408 Request Timeout"},
		{"half a second head", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK"},
		{"a body that does not come", "POST /v1/push HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n", "401 Unauthorized"},
	}
	var in []io.Reader
	for _, c := range cases { // all of them wait at the same time
		_, r := s.raw(c.request)
		in = append(in, r)
	}
	for i, c := range cases {
		if got := strings.Join(answers(t, in[i]), ", "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestLateSecondHead: a kept connection whose next head does not come in time is told so, once.
func TestLateSecondHead(t *testing.T) {
	t.Parallel()
	s := start(t, map[string]string{"http.head_timeout": inTime}, nil)
	conn, in := s.raw("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, response)
	_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\n")
	if got := strings.Join(answers(t, in), ", "); got != "408 Request Timeout" {
		t.Errorf("got %s", got)
	}
}

// TestAmbiguousLength: a request with two lengths may be one that a proxy has read otherwise, so nothing behind it is answered.
func TestAmbiguousLength(t *testing.T) {
	s := start(t, nil, nil)
	chunked := func(lines string) string {
		return "POST /v1/audience HTTP/1.1\r\nHost: x\r\n" + lines + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	}
	const next = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	for _, c := range []struct{ name, request, want string }{
		{"a length as well", chunked("Content-Length: 5\r\n") + next, "401 Unauthorized"},
		{"a length as well, in another case", chunked("content-LENGTH: 5\r\n") + next, "401 Unauthorized"},
		{"chunks alone", chunked("X: Content-Length\r\n") + next, "401 Unauthorized, 200 OK"},
	} {
		_, in := s.raw(c.request)
		if got := strings.Join(answers(t, in), ", "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestMaxHead: a head of exactly http.max_head bytes is taken and one byte more is not, whatever it asks for.
func TestMaxHead(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1024, 8192} {
		s := start(t, map[string]string{"http.max_head": fmt.Sprint(limit), "websocket.close_wait": "1s"}, nil)
		for _, c := range []struct{ name, request, want string }{
			{"HTTP", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "200 OK"},
			{"the tutorial's wire", upgrade("/?token=" + pageToken), "101 Switching Protocols"},
			{"a stream", "GET /v1/events?token=" + pageToken + " HTTP/1.1\r\nHost: localhost\r\n\r\n", "200 OK"},
		} {
			for _, over := range []int{0, 1, 3000, 9000} {
				for _, first := range []string{"", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"} {
					filler := limit + over - len(c.request) - len("X: \r\n")
					request := strings.TrimSuffix(c.request, "\r\n") + "X: " + strings.Repeat("x", filler) + "\r\n\r\n"
					conn, in := s.raw(first)
					if first != "" {
						response, err := http.ReadResponse(in, nil)
						if err != nil {
							t.Fatal(err)
						}
						readAll(t, response)
					}
					_, _ = io.WriteString(conn, request)
					want := c.want
					if over > 0 {
						want = "431 Request Header Fields Too Large"
					}
					if response, err := http.ReadResponse(in, nil); err != nil || response.Status != want {
						t.Errorf("%s, %d over %d, behind %q: %+v, %v, want %s", c.name, over, limit, first, response, err, want)
					}
					_ = conn.Close()
				}
			}
		}
	}
}

// TestHandshakeWithBody: what would be taken for a page's first frames is refused.
func TestHandshakeWithBody(t *testing.T) {
	s := start(t, nil, nil)
	native := strings.TrimSuffix(upgrade("/v1/connect?token="+pageToken), "\r\n") + "Sec-WebSocket-Protocol: scenecast.v1\r\n"
	for _, head := range []string{
		strings.TrimSuffix(upgrade("/?token="+pageToken), "\r\n"), native, "GET /v1/events?token=" + pageToken + " HTTP/1.1\r\nHost: x\r\n",
	} {
		for _, body := range []string{"Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"} {
			_, in := s.raw(head + body)
			response, err := http.ReadResponse(in, nil)
			if err != nil || response.StatusCode != http.StatusBadRequest || !strings.Contains(readAll(t, response), "without a body") {
				t.Errorf("%q: %+v, %v", head+body, response, err)
			}
		}
	}
	s.awaitLeases(0)
}

// TestUncleanTargets: a path is what it says, and nothing is redirected: a WebSocket cannot follow, and a client that does not takes
// a redirection for success.
func TestUncleanTargets(t *testing.T) {
	s := start(t, nil, nil)
	page := strings.TrimSuffix(upgrade("TARGET?token="+pageToken), "\r\n") + "Sec-WebSocket-Protocol: scenecast.v1\r\n\r\n"
	push := strings.Replace(httpCall("POST", "TARGET", `{"to":"*","message":1}`), "Host:", "Connection: close\r\nHost:", 1)
	const root = "http://localhost"
	for _, c := range []struct{ request, target, want string }{
		{page, "/v1/connect", "101 Switching Protocols"},
		{page, root + "/v1/connect", "101 Switching Protocols"},
		{page, "//v1/connect", "404 Not Found"},
		{page, "/v1//connect", "404 Not Found"},
		{page, "/v1/../v1/connect", "404 Not Found"},
		{page, root + "//v1/connect", "404 Not Found"},
		{page, "/", "101 Switching Protocols"},
		{page, root, "101 Switching Protocols"},
		{page, "//", "404 Not Found"},
		{push, "/v1/push", "200 OK"},
		{push, root + "/v1/push", "200 OK"},
		{push, "//v1/push", "404 Not Found"},
		{push, "/v1/./push", "404 Not Found"},
	} {
		_, in := s.raw(strings.Replace(c.request, "TARGET", c.target, 1))
		response, err := http.ReadResponse(in, nil)
		if err != nil || response.Status != c.want {
			t.Errorf("%s: %+v, %v, want %s", c.target, response, err, c.want)
		}
	}
}

// TestLostUpgrade: a page whose proxy drops its upgrade is not shown the landing page, nor is a trigger whose parameter is misspelt.
func TestLostUpgrade(t *testing.T) {
	s := start(t, nil, nil)
	for _, c := range []struct {
		target, lines string
		status        int
		part          string
	}{
		{"/", "", 200, "<h1>"},
		{"/?utm_source=x", "", 200, "<h1>"},
		{"/?token=" + pageToken + "&page=home", "", 426, "a proxy in between drops the headers Upgrade and Connection"},
		{"/?token=wrong", "", 426, "a proxy in between drops"},
		{"/", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 426, "a proxy in between drops"},
		{"/v1/connect?token=" + pageToken, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 426, "a proxy in between drops"},
		{"/?fnuc=pushHomeLogic&token=" + pageToken, "", 400, "func: missing: it says which trigger to run (is \\\"fnuc\\\" meant to be it?)"},
		{"/?fun=pushHomeLogic&token=" + apiKey, "", 400, "func: missing"},
		{"/?action=pushHomeLogic&token=" + apiKey, "", 400, "func: missing"},
	} {
		_, in := s.raw("GET " + c.target + " HTTP/1.1\r\nHost: x\r\n" + c.lines + "\r\n")
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body := readAll(t, response); response.StatusCode != c.status || !strings.Contains(body, c.part) {
			t.Errorf("%s: %s %.300s, want %d with %s", c.target, response.Status, body, c.status, c.part)
		}
	}
}

// TestMultipartTrigger: what PHP's curl makes of an array, and curl of -F.
func TestMultipartTrigger(t *testing.T) {
	s := start(t, map[string]string{"http.max_body": "4KiB"}, nil)
	c := s.page("page=order&order=7")
	part := func(head, value string) string {
		return "--b\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + value + "\r\n"
	}
	token := part(`name="token"`, apiKey)
	for _, f := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"a trigger", part(`name="func"`, "orderShipped") + part(`name="order"`, "7") + token, 200, `"matched":1`},
		{"a parameter twice", part(`name="func"`, "orderShipped") + part(`name="order"`, "7") + part(`name="order"`, "8") + token, 400, "order: given 2 times"},
		{"a file", part(`name="func"`, "orderShipped") + part(`name="order"; filename="x"`, "7") + token, 400, "order: a file is no parameter"},
		{"too much", part(`name="func"`, "orderShipped") + part(`name="order"`, strings.Repeat("7", 5000)) + token, 413, "http.max_body"},
		{"no end", "--b\r\nContent-Disp", 400, "the form cannot be read"},
	} {
		status, answer := s.call("POST", "/", "", "multipart/form-data; boundary=b", f.body+"--b--\r\n")
		if status != f.status || !strings.Contains(answer, f.want) {
			t.Errorf("%s: %d %s, want %d with %s", f.name, status, answer, f.status, f.want)
		}
	}
	if got := s.read(c); got != `{"code":200,"message":"订单 7 已发货"}` {
		t.Errorf("the page got %s", got)
	}
}
