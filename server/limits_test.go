package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

const (
	tooManyInAll      = "as many pages are connected as may be: %d (setting: limits.connections)"
	tooManyOfApp      = "as many pages of this app are connected as may be: %d (setting: max_connections)"
	tooManyOfAnOrigin = "as many pages are connected from this address as may be: %d (setting: limits.per_address)"
)

// visit opens a page of the tutorial's from an address of this machine, and returns what it is told if it is not let in.
func (r *running) visit(from, query string, headers ...string) (conn net.Conn, refusal string) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	conn, err := dialer.Dial("tcp", r.addr)
	if err != nil {
		r.t.Error(err)
		return nil, err.Error()
	}
	r.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	request := strings.TrimSuffix(upgrade("/?"+query), "\r\n") + strings.Join(append(headers, ""), "\r\n") + "\r\n"
	_, _ = io.WriteString(conn, request)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		r.t.Error(err)
		return conn, err.Error()
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		return conn, ""
	}
	body, _ := io.ReadAll(response.Body)
	_ = conn.Close()
	return conn, strings.TrimSpace(string(body))
}

// mustVisit visits until a page is let in: one that has left is counted until its socket is gone.
func (r *running) mustVisit(from, query string, headers ...string) net.Conn {
	r.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); runtime.Gosched() {
		if conn, refusal := r.visit(from, query, headers...); refusal == "" {
			return conn
		}
	}
	r.t.Fatal("no page is let in")
	return nil
}

// refused is how the tutorial's wire says that there are too many.
func refused(format string, limit int) string {
	return fmt.Sprintf(`{"code":429,"message":"`+format+`"}`, limit)
}

// TestLimitOfPages: of 1,000 that come at once, exactly as many get in as may; when they leave, as many others.
func TestLimitOfPages(t *testing.T) {
	const limit = 100
	s := start(t, map[string]string{"limits.connections": fmt.Sprint(limit)}, nil)
	for range 2 {
		var mu sync.Mutex
		var in []net.Conn
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				conn, refusal := s.visit("127.0.0.1", "token="+pageToken)
				mu.Lock()
				defer mu.Unlock()
				if refusal == "" {
					in = append(in, conn)
				} else if refusal != refused(tooManyInAll, limit) {
					t.Errorf("refused with %s", refusal)
				}
			})
		}
		wg.Wait()
		if len(in) != limit {
			t.Errorf("%d pages got in, want %d", len(in), limit)
		}
		if got := s.goodbye(s.native("token=" + pageToken)); got != "4429 "+fmt.Sprintf(tooManyInAll, limit) {
			t.Errorf("a native page got %s", got)
		}
		for _, conn := range in {
			_ = conn.Close()
		}
		s.awaitLeases(0)
	}
}

// TestLimitOfStreams: an event stream is a page as well; asking what one would be told is none.
func TestLimitOfStreams(t *testing.T) {
	s := start(t, map[string]string{"limits.connections": "1"}, nil)
	const target = "/v1/events?token=" + pageToken
	if status, answer := s.call(http.MethodHead, target, "", "", ""); status != http.StatusOK {
		t.Errorf("HEAD: %d %s", status, answer)
	}
	conn, in := s.raw("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n")
	expectBytes(t, in, "HTTP/1.1 200 OK\r\n")
	// EventSource comes back from a 200 alone.
	if status, answer := s.call(http.MethodGet, target, "", "", ""); status != http.StatusOK || !strings.HasPrefix(answer, "retry: ") ||
		!strings.Contains(answer, `"code":4429`) {
		t.Errorf("a second stream: %d %s", status, answer)
	}
	s.expectMetrics(map[string]string{`scenecast_refused_total{reason="too_many"}`: "1"})
	_ = conn.Close()
	s.awaitLeases(0)
}

// TestLimitOfAddress counts an address over all apps, and tells addresses apart.
func TestLimitOfAddress(t *testing.T) {
	s := start(t, map[string]string{"limits.per_address": "2", "apps": twoApps}, nil)
	first := s.mustVisit("127.0.0.2", "token="+pageToken)
	s.mustVisit("127.0.0.2", "token=shop-page")
	for _, token := range []string{pageToken, "shop-page", "blog-page"} {
		if _, refusal := s.visit("127.0.0.2", "token="+token, "X-Forwarded-For: 192.0.2.9"); refusal != refused(tooManyOfAnOrigin, 2) {
			t.Errorf("the third page was told %q", refusal)
		}
	}
	for range 2 {
		s.mustVisit("127.0.0.3", "token="+pageToken)
	}
	_ = first.Close()
	s.mustVisit("127.0.0.2", "token=blog-page")
}

// TestLimitBehindProxy: a trusted proxy says where a page comes from.
func TestLimitBehindProxy(t *testing.T) {
	s := start(t, map[string]string{"limits.per_address": "1", "limits.trusted_proxies": "127.0.0.2,127.0.0.4"}, nil)
	for _, c := range []struct{ from, forwarded, refusal string }{
		{"127.0.0.2", "192.0.2.1", ""},
		{"127.0.0.2", "192.0.2.2", ""},
		{"127.0.0.4", "192.0.2.3, 192.0.2.1", refused(tooManyOfAnOrigin, 1)},
		{"127.0.0.4", "192.0.2.1, 192.0.2.3, 127.0.0.2", ""},
		{"127.0.0.3", "192.0.2.4", ""},
		{"127.0.0.3", "192.0.2.5", refused(tooManyOfAnOrigin, 1)},
	} {
		if _, refusal := s.visit(c.from, "token="+pageToken, "X-Forwarded-For: "+c.forwarded); refusal != c.refusal {
			t.Errorf("from %s for %s: told %q, want %q", c.from, c.forwarded, refusal, c.refusal)
		}
	}
}

// TestLimitOfApp bounds an app's own pages and no others.
func TestLimitOfApp(t *testing.T) {
	s := start(t, map[string]string{"max_connections": "1", "apps": `{shop: {client_tokens: [shop-page], max_connections: 2}, blog: {client_tokens: [blog-page]}}`}, nil)
	for _, c := range []struct {
		token   string
		refusal string
	}{
		{pageToken, ""}, {pageToken, refused(tooManyOfApp, 1)},
		{"shop-page", ""}, {"shop-page", ""}, {"shop-page", refused(tooManyOfApp, 2)},
		{"blog-page", ""}, {"blog-page", ""}, {"blog-page", ""},
	} {
		if _, refusal := s.visit("127.0.0.1", "token="+c.token); refusal != c.refusal {
			t.Errorf("with %s: told %q, want %q", c.token, refusal, c.refusal)
		}
	}
}

// TestLeasesComeBack however a page ends.
func TestLeasesComeBack(t *testing.T) {
	s := start(t, map[string]string{
		"limits.connections": "8", "limits.per_address": "8", "websocket.close_wait": "10ms", "websocket.max_message": "1KiB",
		"websocket.ping_interval": "20ms", "websocket.pong_wait": "20ms",
	}, nil)
	for name, end := range map[string]func(){
		"closed":      func() { s.mustVisit("127.0.0.1", "token="+pageToken).Close() },
		"silent":      func() { s.mustVisit("127.0.0.1", "token="+pageToken) },
		"reset":       func() { reset(s.mustVisit("127.0.0.1", "token="+pageToken)) },
		"hostile":     func() { io.WriteString(s.mustVisit("127.0.0.1", "token="+pageToken), "\xff\xff") },
		"says much":   func() { io.WriteString(s.mustVisit("127.0.0.1", "token="+pageToken), "\x81\xfe\xff\xff") },
		"closes well": func() { s.mustVisit("127.0.0.1", "token="+pageToken).Write([]byte(maskedFrame(0x88, "\x03\xe9"))) },
		"gone before it was let in": func() {
			conn, _ := s.raw(upgrade("/?token=" + pageToken))
			reset(conn)
		},
		"half a request": func() {
			conn, _ := s.raw(upgrade("/?token=" + pageToken)[:100])
			reset(conn)
		},
		"refused":            func() { s.visit("127.0.0.1", "token=wrong") },
		"sent away":          func() { s.goodbye(s.native("token=wrong")) },
		"a broken query":     func() { s.visit("127.0.0.1", "token="+pageToken+"&page=%zz") },
		"native":             func() { s.native("token=" + pageToken).CloseNow() },
		"sent away, in time": func() { s.disconnected(s.native("token=" + pageToken)) },
	} {
		t.Run(name, func(t *testing.T) {
			for range 3 {
				end()
			}
			s.awaitLeases(0)
		})
	}
}

// reset closes a connection as a machine does that has lost its memory.
func reset(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

// disconnected has the backend send everybody away.
func (r *running) disconnected(c *websocket.Conn) {
	r.read(c) // its welcome
	if status, answer := r.call(http.MethodPost, "/v1/disconnect", apiKey, "", `{"to":"*"}`); status != http.StatusOK {
		r.t.Errorf("disconnect: %d %s", status, answer)
	}
	_ = c.CloseNow()
}

// TestStopGivesLeasesBack: a server that stops while pages come has none left.
func TestStopGivesLeasesBack(t *testing.T) {
	s := start(t, map[string]string{"limits.connections": "1000", "websocket.close_wait": "10ms"}, nil)
	var wg sync.WaitGroup
	var came atomic.Int64
	for range 50 {
		wg.Go(func() {
			for range 20 {
				conn, err := net.Dial("tcp", s.addr)
				if err != nil {
					return
				}
				defer conn.Close()
				if _, err := io.WriteString(conn, upgrade("/?token="+pageToken)); err != nil {
					return
				}
				if came.Add(1) == 200 {
					s.stop()
				}
			}
		})
	}
	wg.Wait()
	s.end()
	s.awaitLeases(0)
}

// TestAcceptRate: no more visitors get in than the rate allows, the burst of the first second included.
func TestAcceptRate(t *testing.T) {
	t.Parallel()
	const rate, visitors = 40, 60
	begun := time.Now()
	s := start(t, map[string]string{"limits.accept_rate": fmt.Sprint(rate)}, nil)
	var wg sync.WaitGroup
	for range visitors {
		wg.Go(func() { s.mustVisit("127.0.0.1", "token="+pageToken) })
	}
	wg.Wait()
	if took, least := time.Since(begun), time.Second*(visitors-rate)/rate; took < least {
		t.Errorf("%d visitors got in within %v, and %d per second may", visitors, took, rate)
	}
}
