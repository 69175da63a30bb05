package server_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"scenecast/freeport"
)

// sessionFeed opens a stream of the feed by a cookie, and reads until it is live.
func sessionFeed(t *testing.T, addr, cookie string) (response *http.Response, stream *feedStream) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/dashboard/api/v1/feed", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Cookie", cookie)
	response, err = new(http.Transport).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		return response, nil
	}
	stream = &feedStream{t: t, head: response, in: bufio.NewReader(response.Body)}
	stream.ready()
	return response, stream
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// TestDashboardPort: a port of the dashboard's own has the dashboard and nothing else, and the other port does not have it.
func TestDashboardPort(t *testing.T) {
	t.Parallel()
	own := freeport.Addr(t)
	s := start(t, map[string]string{"dashboard.enabled": "true", "dashboard.listen": own, "http.body_timeout": inTime}, nil)
	main := s.addr
	if status, answer := s.call(http.MethodGet, "/dashboard/", apiKey, "", ""); status != http.StatusNotFound {
		t.Errorf("on the port of pages: %d %s", status, answer)
	}
	if log := s.log.String(); !strings.Contains(log, "msg=dashboard url=http://localhost:"+portOf(own)+"/dashboard/\n") {
		t.Errorf("the log does not say where it is: %s", log)
	}
	s.addr = own
	cookie := s.loggedIn(apiKey)
	for _, c := range []struct {
		method, target string
		status         int
		answer         string
	}{
		{"GET", "/dashboard/", 200, "<!DOCTYPE html>"},
		{"GET", "/dashboard/api/v1/nodes", 200, `"nodes"`},
		{"GET", "/dashboard/api/v1/self", 200, `"ports":{"server":` + portOf(main) + `,"dashboard":` + portOf(own) + `}`},
		{"DELETE", "/dashboard/login", 405, "/dashboard/login takes POST"},
		{"GET", "/dashboard/logout", 405, "/dashboard/logout takes POST"},
		{"POST", "/dashboard/api/v1/push", 200, `"matched":0`},
		{"GET", "/v1/nodes", 404, "the dashboard is at /dashboard/"},
		{"POST", "/v1/push", 404, "the dashboard is at /dashboard/"},
		{"GET", "/v1/connect?token=" + pageToken, 404, "the dashboard is at /dashboard/"},
		{"GET", "/v1/events?token=" + pageToken, 404, "the dashboard is at /dashboard/"},
		{"GET", "/healthz", 404, "the dashboard is at /dashboard/"},
		{"GET", "/metrics", 404, "the dashboard is at /dashboard/"},
		{"GET", "/scenecast.js", 404, "the dashboard is at /dashboard/"},
		{"GET", "/debug/pprof/", 404, "the dashboard is at /dashboard/"},
	} {
		headers := map[string]string{"Authorization": "Bearer " + apiKey, "Cookie": cookie, "Content-Type": "application/json"}
		body := ""
		if c.method == http.MethodPost {
			body = `{"to":"*","message":1}`
		}
		if response, answer := s.responseOnce(c.method, c.target, headers, body); response.StatusCode != c.status || !strings.Contains(answer, c.answer) {
			t.Errorf("%s %s is answered %s %s, want %d %s", c.method, c.target, response.Status, answer, c.status, c.answer)
		}
	}
	root, err := http.NewRequest(http.MethodGet, "http://"+own+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	redirect, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(root)
	if err != nil {
		t.Fatal(err)
	}
	_ = redirect.Body.Close()
	if to := redirect.Header.Get("Location"); redirect.StatusCode != http.StatusTemporaryRedirect || to != "dashboard/" {
		t.Errorf("/ is answered %s, to %q", redirect.Status, to)
	}

	// A login whose body does not come ends on either port, and a stream goes on for longer than a request may take to come in.
	_, stream := sessionFeed(t, own, cookie)
	conn, err := net.Dial("tcp", own)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, "POST /dashboard/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{\"key\"")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body := readAll(t, response); response.StatusCode != http.StatusRequestTimeout || !strings.Contains(body, "did not come in whole") {
		t.Errorf("a slow body: %s %s", response.Status, body)
	}
	s.addr = main
	s.page("page=home")
	stream.expect("connected of default with [home]")
}

// TestDashboardCookieOverTLS: on either port with TLS the cookie is one that browsers take for this host alone, and over TLS alone.
func TestDashboardCookieOverTLS(t *testing.T) {
	for name, own := range map[string]string{"the server's port": "", "its own": freeport.Addr(t)} {
		t.Run(name, func(t *testing.T) {
			s, pool := secure(t, map[string]string{"dashboard.enabled": "true", "dashboard.listen": own})
			if own != "" {
				s.addr = own
			}
			body := `{"key":"` + apiKey + `"}`
			head := headOver(t, s.dialTLS(pool), fmt.Sprintf("POST /dashboard/login HTTP/1.1\r\nHost: push.example.net:1\r\nContent-Type: application/json\r\n"+
				"Content-Length: %d\r\n\r\n%s", len(body), body))
			if !strings.HasPrefix(head, "HTTP/1.1 403 ") {
				t.Errorf("by a name that is not the certificate's:\n%s", head)
			}
			head = headOver(t, s.dialTLS(pool), fmt.Sprintf("POST /dashboard/login HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"+
				"Content-Length: %d\r\n\r\n%s", s.addr, len(body), body))
			cookie := regexp.MustCompile("\r\nSet-Cookie: (__Host-scenecast=[A-Za-z0-9_-]{40,}); Path=/; HttpOnly; Secure; SameSite=Strict\r\n").FindStringSubmatch(head)
			if !strings.HasPrefix(head, "HTTP/1.1 204 ") || cookie == nil {
				t.Fatalf("the login is answered\n%s", head)
			}
			for header, want := range map[string]string{cookie[1]: "200 ", strings.TrimPrefix(cookie[1], "__Host-"): "401 ", "x=" + strings.Repeat("a", 64<<10): "431 "} {
				head := headOver(t, s.dialTLS(pool), "GET /dashboard/api/v1/nodes HTTP/1.1\r\nHost: "+s.addr+"\r\nCookie: "+header+"\r\n\r\n")
				if !strings.HasPrefix(head, "HTTP/1.1 "+want) {
					t.Errorf("the cookie %.30s: %.60s, want %s", header, head, want)
				}
			}
			client := http2Client(t, pool)
			request, _ := http.NewRequest(http.MethodGet, "https://"+s.addr+"/dashboard/api/v1/nodes", nil)
			request.Header.Set("Cookie", cookie[1])
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			if body := readAll(t, response); response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
				t.Errorf("over HTTP/2: %s %s", response.Status, body)
			}
		})
	}
}

// headOver is the head of the answer to a request.
func headOver(t *testing.T, conn *tls.Conn, request string) string {
	t.Helper()
	_, _ = io.WriteString(conn, request) // a server that refuses the head may close before all of it is written
	var head strings.Builder
	in := bufio.NewReader(conn)
	for !strings.HasSuffix(head.String(), "\r\n\r\n") {
		line, err := in.ReadString('\n')
		head.WriteString(line)
		if err != nil {
			t.Fatalf("%v after %q", err, head.String())
		}
	}
	return head.String()
}

// TestDashboardFeed: a stream of a session ends when a reload takes its key away, and one too many is refused in words.
func TestDashboardFeed(t *testing.T) {
	s := startReloadable(t, map[string]string{
		"dashboard.enabled": "true",
		"api_keys":          "[{name: all, key: " + apiKey + "}, {name: gone, key: " + tenantKey + "}]",
	})
	_, gone := sessionFeed(t, s.addr, s.loggedIn(tenantKey))
	stays := s.loggedIn(apiKey)
	for i := range 100 {
		response, stream := sessionFeed(t, s.addr, stays)
		if (stream != nil) != (i < 99) {
			t.Fatalf("stream %d: %s", i+2, response.Status)
		}
		if stream == nil {
			if answer := readAll(t, response); response.StatusCode != http.StatusTooManyRequests && response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(answer, "100") {
				t.Errorf("stream %d: %s %s", i+2, response.Status, answer)
			}
		}
	}
	s.set(map[string]string{"api_keys": "[{name: all, key: " + apiKey + "}]"})
	if _, err := s.ReloadConfiguration(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.page("page=home")
	if name, data := gone.next(); name != "close" || !strings.Contains(data, `"kind":"unauthorized"`) {
		t.Errorf("the stream is told %s %s", name, data)
	}
	if rest, err := io.ReadAll(gone.in); len(rest) > 0 || err != nil {
		t.Errorf("then %q, %v", rest, err)
	}
}

// TestDashboardOfNodes: a session is good at another node of a cluster, which does what it asks for at all of them.
func TestDashboardOfNodes(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, 3, map[string]string{"dashboard.enabled": "true"})
	cookie := nodes[0].loggedIn(apiKey)
	page := nodes[2].page("page=home")
	awaitThat(t, "the push reaches the page", func() bool {
		headers := map[string]string{"Cookie": cookie, "Content-Type": "application/json"}
		status, answer := nodes[1].callWith(http.MethodPost, "/dashboard/api/v1/push", headers, `{"to":{"page":"home"},"message":"by a session"}`)
		return status == http.StatusOK && strings.Contains(answer, `"matched":1`)
	})
	if text := nodes[2].read(page); !strings.Contains(text, "by a session") {
		t.Errorf("the page gets %s", text)
	}
}

// TestDashboardPortInUse: a start fails, says which setting names the port, and leaves nothing open.
func TestDashboardPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = newRunning(t, map[string]string{"dashboard.enabled": "true", "dashboard.listen": taken.Addr().String()}, func(*options) {})
	if err == nil || !strings.Contains(err.Error(), "dashboard.listen: listen tcp "+taken.Addr().String()+": bind: address already in use") {
		t.Errorf("it starts with %v", err)
	}
}
