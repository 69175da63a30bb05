package server_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// secure runs a server with TLS.
func secure(t *testing.T, settings map[string]string) (s *running, pool *x509.CertPool) {
	t.Helper()
	cert, key, pool := selfSigned(t)
	all := map[string]string{"tls.cert": cert, "tls.key": key}
	for name, value := range settings {
		all[name] = value
	}
	return start(t, all, nil), pool
}

// http2Client speaks HTTP/2 and nothing else.
func http2Client(t *testing.T, pool *x509.CertPool) *http.Client {
	versions := new(http.Protocols)
	versions.SetHTTP2(true)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, Protocols: versions}}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// dialTLS opens a connection that speaks HTTP/1.1 over TLS.
func (r *running) dialTLS(pool *x509.CertPool) *tls.Conn {
	r.t.Helper()
	conn, err := tls.Dial("tcp", r.addr, &tls.Config{RootCAs: pool})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// TestPlainHTTPOnTLS: a client that speaks plain HTTP to a port with TLS is told so, and so is the log.
func TestPlainHTTPOnTLS(t *testing.T) {
	t.Parallel()
	s, _ := secure(t, nil)
	for _, request := range []string{"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", upgrade("/?token=x"), httpCall("POST", "/v1/push", strings.Repeat(" ", 100<<10))} {
		_, in := s.raw(request)
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%.20s: %v", request, err)
		}
		if body := readAll(t, response); response.StatusCode != http.StatusBadRequest || !strings.Contains(body, "https://") || !response.Close {
			t.Errorf("%.20s: %s %s", request, response.Status, body)
		}
	}
	awaitThat(t, "a line about it", func() bool {
		return strings.Contains(s.log.String(), `level=INFO msg="TLS handshake failed" client=127.0.0.1 err="plain HTTP on a port with TLS"`)
	})
}

// TestFailedHandshakes are logged, a few of them; a load balancer that only looks whether the port is open is not.
func TestFailedHandshakes(t *testing.T) {
	s, _ := secure(t, nil)
	for range 20 {
		conn, _ := s.raw("")
		conn.Close()
	}
	const attempts = 40
	for range attempts {
		conn, in := s.raw("\x16\x03\x01\x00\x05hello")
		_, _ = io.Copy(io.Discard, in)
		conn.Close()
	}
	const line = `msg="TLS handshake failed" client=127.0.0.1`
	awaitThat(t, "a line about it", func() bool { return strings.Contains(s.log.String(), line) })
	if n := strings.Count(s.log.String(), line); n > attempts/2 {
		t.Errorf("%d lines for %d attempts", n, attempts)
	}
	if strings.Contains(s.log.String(), "EOF") {
		t.Errorf("the log tells of connections that said nothing:\n%s", s.log)
	}
}

// TestHTTP2: backends and event streams share one connection, so that no browser runs out of them.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	s, pool := secure(t, map[string]string{
		"websocket.ping_interval": "50ms", "http.body_timeout": inTime, "http.write_timeout": inTime, "http.idle_timeout": inTime,
	})
	client := http2Client(t, pool)
	var streams []*stream
	for range 20 { // of HTTP/1.1 a browser has six at a time
		response, err := client.Get("https://" + s.addr + "/v1/events?page=home&token=" + pageToken)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if h := response.Header; response.ProtoMajor != 2 || response.StatusCode != 200 || h.Get("Content-Type") != "text/event-stream; charset=utf-8" ||
			h.Get("Cache-Control") != "no-store, no-transform" || h.Get("Access-Control-Allow-Origin") != "*" {
			t.Fatalf("%+v", response)
		}
		page := &stream{t: t, in: bufio.NewReader(response.Body), head: response}
		page.expect(streamWelcome)
		streams = append(streams, page)
	}
	for range 50 { // longer than each of the timeouts
		streams[0].expect(":")
	}
	if answer := s.pushBy(client, `{"to":{"page":"home"},"message":1}`); !strings.Contains(answer, `"queued":20`) {
		t.Fatal(answer)
	}
	for _, page := range streams {
		event := page.next()
		for event == ":" {
			event = page.next()
		}
		if !alike("id: …\ndata: 1", event) {
			t.Fatalf("got %q", event)
		}
	}
	_ = streams[0].head.Body.Close()
	s.awaitConnections(19)
	s.awaitLeases(19)
	s.end() // while 19 streams are open
	for _, page := range streams[1:] {
		event := page.next()
		for event == ":" {
			event = page.next()
		}
		if !strings.Contains(event, `"code":4503`) || page.next() != streamEnd {
			t.Fatalf("got %q, and not the end", event)
		}
	}
}

// pushBy pushes over HTTP/2.
func (r *running) pushBy(client *http.Client, body string) string {
	r.t.Helper()
	request, _ := http.NewRequest(http.MethodPost, "https://"+r.addr+"/v1/push", strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+apiKey)
	response, err := client.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	answer := readAll(r.t, response)
	if response.ProtoMajor != 2 || response.StatusCode != 200 {
		r.t.Fatalf("%.100s: %s %s", body, response.Status, answer)
	}
	return answer
}

// TestHTTP2Refusals: a stream that is refused for a while has the page come back over HTTP/2, too.
func TestHTTP2Refusals(t *testing.T) {
	s, pool := secure(t, map[string]string{"limits.connections": "1"})
	client := http2Client(t, pool)
	get := func(query string) *http.Response {
		response, err := client.Get("https://" + s.addr + "/v1/events?" + query)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		return response
	}
	first := &stream{t: t, in: bufio.NewReader(get("token=" + pageToken).Body)}
	first.expect(streamWelcome)
	second := get("token=" + pageToken)
	if body := readAll(t, second); second.StatusCode != 200 || !strings.Contains(body, `"code":4429`) || !strings.HasPrefix(body, "retry: ") {
		t.Errorf("a second stream: %s %s", second.Status, body)
	}
	if wrong := get("token=wrong"); wrong.StatusCode != 401 || wrong.Header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("a wrong token: %+v", wrong)
	}
}

// TestHTTP2SlowReader: a stream whose client takes nothing loses its page, and the others on its connection do not.
func TestHTTP2SlowReader(t *testing.T) {
	t.Parallel()
	s, pool := secure(t, map[string]string{"outbox.max_bytes": "256KiB", "outbox.write_timeout": "300ms", "http.max_body": "128KiB"})
	client := http2Client(t, pool)
	open := func(page string) *stream {
		response, err := client.Get("https://" + s.addr + "/v1/events?page=" + page + "&token=" + pageToken)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		p := &stream{t: t, in: bufio.NewReader(response.Body), head: response}
		p.expect(streamWelcome)
		return p
	}
	open("stalled")
	healthy := open("healthy")
	message := strings.Repeat("x", 20<<10)
	for i := 0; s.Connections() > 1; i++ { // more than the client's window
		s.pushBy(client, `{"to":{"page":"stalled"},"message":"`+message+`"}`)
		if i > 1000 {
			t.Fatal("the stalled page stays")
		}
	}
	s.pushBy(client, `{"to":{"page":"healthy"},"message":1}`)
	healthy.expect("id: …\ndata: 1")
	s.awaitLeases(1)
}

// TestHTTP1OverTLS: a client that asks for nothing else, as browsers do for WebSockets, gets HTTP/1.1.
func TestHTTP1OverTLS(t *testing.T) {
	t.Parallel()
	s, pool := secure(t, map[string]string{"http.head_timeout": inTime})
	for _, protocols := range [][]string{nil, {"http/1.1"}} {
		conn, err := tls.Dial("tcp", s.addr, &tls.Config{RootCAs: pool, NextProtos: protocols})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(conn, upgrade("/?token="+pageToken))
		expectBytes(t, conn, switching+textFrame(`{"code":200,"message":"打开swoole服务成功"}`))
	}
	// What a head that does not come is answered by is not spoken into the encrypted connection in plain text.
	conn := s.dialTLS(pool)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\n")
	if got := strings.Join(answers(t, conn), ", "); got != "408 Request Timeout" {
		t.Errorf("half a head: %s", got)
	}
}

// TestSilentHandshake: a connection that never says anything is closed in time, and a stop does not wait for it.
func TestSilentHandshake(t *testing.T) {
	s, _ := secure(t, map[string]string{"http.head_timeout": "300ms"})
	_, in := s.raw("")
	if n, err := io.Copy(io.Discard, in); n > 0 || err != nil {
		t.Errorf("got %d bytes, %v", n, err)
	}
	s2, _ := secure(t, map[string]string{"http.head_timeout": "1h", "drain": "1h"})
	_, _ = s2.raw("")
	_, _ = s2.raw("\x16")
	s2.end()
}
