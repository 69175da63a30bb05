package server_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"scenecast/auth"
)

// stream is an open event stream.
type stream struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
	head *http.Response
}

// events opens an event stream with this query and these headers, and reads the head of the answer.
func (r *running) events(query string, headers ...string) *stream {
	r.t.Helper()
	conn, in := r.raw("GET /v1/events?" + query + " HTTP/1.1\r\nHost: localhost\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n")
	return newStream(r.t, conn, in)
}

func newStream(t testing.TB, conn net.Conn, in *bufio.Reader) *stream {
	t.Helper()
	head, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &stream{t, conn, in, head}
}

// next is the next event, without the blank line that ends it; empty when the stream has ended.
func (s *stream) next() string {
	s.t.Helper()
	event, err := readEvent(s.in)
	if err != nil && err != io.EOF {
		s.t.Fatalf("%q, %v", event, err)
	}
	return event
}

func readEvent(in *bufio.Reader) (event string, err error) {
	for {
		line, err := in.ReadString('\n')
		switch {
		case err != nil && event+line != "":
			return event + line, fmt.Errorf("the stream ends within an event: %w", err)
		case err != nil:
			return "", err
		case line == "\n":
			return strings.TrimSuffix(event, "\n"), nil
		}
		event += line
	}
}

// expect reads events; … stands for what differs each time.
func (s *stream) expect(want ...string) {
	s.t.Helper()
	for _, w := range want {
		if got := s.next(); !alike(w, got) {
			s.t.Fatalf("got the event\n%s\nwant\n%s", got, w)
		}
	}
}

const (
	streamWelcome = "retry: …\nid: …\nevent: scenecast\n" + `data: {"type":"welcome","id":"…","position":"…"}`
	streamEnd     = "" // what next returns
)

// listening opens an event stream and takes its welcome.
func (r *running) listening(query string) *stream {
	r.t.Helper()
	s := r.events("token=" + pageToken + "&" + query)
	s.expect(streamWelcome)
	return s
}

// TestEventStream is a page's whole life on an event stream.
func TestEventStream(t *testing.T) {
	s := start(t, nil, nil)
	for _, version := range []string{"HTTP/1.1\r\nHost: localhost", "HTTP/1.0"} {
		conn, in := s.raw("GET /v1/events?page=home&token=" + pageToken + " " + version + "\r\n\r\n")
		page := newStream(t, conn, in)
		if date := page.head.Header.Get("Date"); !regexp.MustCompile(`^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$`).MatchString(date) {
			t.Errorf("the date is %q", date)
		}
		page.head.Header.Del("Date")
		want := http.Header{
			"Content-Type": {"text/event-stream; charset=utf-8"}, "Cache-Control": {"no-store, no-transform"}, "X-Accel-Buffering": {"no"},
			"Access-Control-Allow-Origin": {"*"},
		}
		if !page.head.Close || page.head.Status != "200 OK" || page.head.Proto != "HTTP/1.1" || !maps.EqualFunc(page.head.Header, want, slices.Equal) ||
			page.head.ContentLength != -1 || page.head.TransferEncoding != nil {
			t.Errorf("%s: %+v, want %v", version, page.head, want)
		}
		page.expect(streamWelcome)
		if n := s.count(`@protocol == "sse" && page == "home"`); n != 1 {
			t.Errorf("%d pages have the labels", n)
		}
		s.push(`{"to":{"page":"list"},"message":"for others"}`)
		s.push(`{"to":{"page":"home"},"message":{"code": 200, "message": "你好"}}`)
		s.push(`{"to":{"page":"home"},"event":"order.shipped","message":[` + "\r\n" + `1]}`)
		s.push(`{"to":{"page":"home"},"event":"a\nid: forged-1","message":7}`)
		page.expect(
			"id: …\n"+`data: {"code": 200, "message": "你好"}`,
			"id: …\nevent: order.shipped\ndata: [\ndata: 1]",
			"id: …\nevent: scenecast\n"+`data: {"type":"push","position":"…","event":"a\nid: forged-1","data":7}`,
		)
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nwhat it says has no meaning")
		s.push(`{"to":{"page":"home"},"message":"last"}`)
		page.expect("id: …\n" + `data: "last"`)
		_ = conn.Close()
		s.awaitConnections(0)
		s.awaitLeases(0)
	}
}

// TestEventStreamEnds: the goodbye of a backend, and that of a server which goes, is an event, and then the stream ends.
func TestEventStreamEnds(t *testing.T) {
	s := start(t, nil, nil)
	page, other := s.listening("page=home"), s.listening("page=list")
	s.api("POST", "/v1/disconnect", `{"to":{"page":"home"},"code":4403,"reason":"logged out"}`)
	page.expect("event: scenecast\n"+`data: {"type":"close","code":4403,"reason":"logged out"}`, streamEnd)
	s.end()
	other.expect("retry: …\nevent: scenecast\n"+`data: {"type":"close","code":4503,"reason":"server is going away"}`, streamEnd)
}

// TestHeartbeat: a stream on which nothing happens has comments, which no page notices and every proxy does.
func TestHeartbeat(t *testing.T) {
	s := start(t, map[string]string{"websocket.ping_interval": "20ms", "websocket.pong_wait": "20ms"}, nil)
	page := s.listening("page=home")
	page.expect(":", ":", ":", ":")
	s.push(`{"to":"*","message":1}`)
	for event := ":"; event != "data: 1"; {
		_, event, _ = strings.Cut(page.next()+"\n", "\n")
		event = strings.TrimSpace(event)
	}
}

// TestStreamOnKeptConnection: browsers ask for a stream on a connection that has served something else before.
func TestStreamOnKeptConnection(t *testing.T) {
	s := start(t, nil, nil)
	conn, in := s.raw("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/events?token=" + pageToken + " HTTP/1.1\r\nHost: x\r\n\r\n")
	health, err := http.ReadResponse(in, nil)
	if err != nil || readAll(t, health) != "{\"status\":\"ok\"}\n" {
		t.Fatalf("healthz: %v", err)
	}
	page := newStream(t, conn, in)
	page.expect(streamWelcome)
	s.push(`{"to":"*","message":1}`)
	page.expect("id: …\ndata: 1")
}

// TestStreamOverTLS is the same by another way in.
func TestStreamOverTLS(t *testing.T) {
	cert, key, pool := selfSigned(t)
	s := start(t, map[string]string{"tls.cert": cert, "tls.key": key, "websocket.ping_interval": "20ms"}, nil)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	response, err := client.Get("https://" + s.addr + "/v1/events?token=" + pageToken)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page := &stream{t: t, in: bufio.NewReader(response.Body), head: response}
	page.expect(streamWelcome, ":", ":")
	s.end()
	for event := ":"; event != streamEnd; event = page.next() {
		if event != ":" && !strings.Contains(event, `"code":4503`) {
			t.Errorf("got %q", event)
		}
	}
}

// TestStreamRefusals are HTTP answers that a page of any site can read.
func TestStreamRefusals(t *testing.T) {
	s := start(t, map[string]string{"limits.connections": "1"}, nil)
	s.listening("page=home")
	token := "?token=" + pageToken
	for _, c := range []struct {
		method, target string
		status         int
		body, allow    string
	}{
		{"GET", "", 401, `"kind":"unauthorized","detail":"the page's token is missing or wrong","where":"token","setting":"client_tokens"`, ""},
		{"HEAD", "?token=wrong", 401, "", ""},
		{"GET", token + "&@id=1", 403, `"kind":"forbidden"`, ""},
		{"GET", token + "&9lives=1", 400, `"kind":"invalid"`, ""},
		{"HEAD", token, 429, "", ""},
		{"POST", token, 405, `"detail":"/v1/events takes GET, HEAD, OPTIONS"`, "GET, HEAD, OPTIONS"},
		{"DELETE", "", 405, `"kind":"method_not_allowed"`, "GET, HEAD, OPTIONS"},
	} {
		_, in := s.raw(c.method + " /v1/events" + c.target + " HTTP/1.1\r\nHost: x\r\nOrigin: https://www.example.com\r\n\r\n")
		request, _ := http.NewRequest(c.method, "/", nil)
		response, err := http.ReadResponse(in, request)
		if err != nil {
			t.Fatal(err)
		}
		body, h := readAll(t, response), response.Header
		if response.StatusCode != c.status || !strings.Contains(body, c.body) || h.Get("Allow") != c.allow ||
			h.Get("Content-Type") != "application/problem+json" || h.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s %s: %s %v %s, want %d with %s", c.method, c.target, response.Status, h, body, c.status, c.body)
		}
	}
}

// TestHeadOfStream: the head of an answer, and no page.
func TestHeadOfStream(t *testing.T) {
	s := start(t, nil, nil)
	response, err := http.Head("http://" + s.addr + "/v1/events?token=" + pageToken)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	h := response.Header
	if response.StatusCode != 200 || h.Get("Content-Type") != "text/event-stream; charset=utf-8" || h.Get("Cache-Control") != "no-store, no-transform" ||
		h.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%s %v", response.Status, h)
	}
	s.awaitLeases(0)
	http.DefaultClient.CloseIdleConnections()
}

// TestSites: with a list of sites, pages of others do not come in, whichever wire they speak.
func TestSites(t *testing.T) {
	const site = "https://www.example.com"
	s := start(t, map[string]string{"http.allowed_origins": site + ",http://a.example:8080"}, nil)
	for _, c := range []struct {
		origin string
		in     bool
		echo   string
	}{
		{"Origin: " + site, true, site},
		{"Origin: http://a.example:8080", true, "http://a.example:8080"},
		{"Origin: http://localhost", true, "http://localhost"}, // the server's own, by the header Host
		{"X-Origin: none", true, ""},
		{"Origin: null", false, ""},
		{"Origin: http://www.example.com", false, ""},
		{"Origin: https://www.example.com.evil.example", false, ""},
		{"Origin: https://evil.example", false, ""},
	} {
		page := s.events("token="+pageToken, c.origin)
		h := page.head.Header
		if (page.head.StatusCode == 200) != c.in || h.Get("Vary") != "Origin" || h.Get("Access-Control-Allow-Origin") != c.echo {
			t.Errorf("a stream, %s: %s %v", c.origin, page.head.Status, h)
		}
		if !c.in {
			if body := readAll(t, page.head); page.head.StatusCode != 403 || !strings.Contains(body, `"setting":"http.allowed_origins"`) {
				t.Errorf("a stream, %s: %s %s", c.origin, page.head.Status, body)
			}
		}
		_, in := s.raw("OPTIONS /v1/events HTTP/1.1\r\nHost: localhost\r\nAccess-Control-Request-Method: GET\r\n" +
			"Access-Control-Request-Headers: last-event-id\r\n" + c.origin + "\r\n\r\n")
		preflight, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if h := preflight.Header; (preflight.StatusCode == 204) != c.in || h.Get("Access-Control-Allow-Origin") != c.echo ||
			c.in && h.Get("Access-Control-Allow-Headers") != "Authorization, Last-Event-ID, Cache-Control" {
			t.Errorf("a preflight, %s: %s %v", c.origin, preflight.Status, h)
		}
		_, in = s.raw(strings.TrimSuffix(upgrade("/?token="+pageToken), "\r\n") + c.origin + "\r\n\r\n")
		tutorial, err := http.ReadResponse(in, nil)
		if err != nil || tutorial.StatusCode != map[bool]int{true: 101, false: 403}[c.in] {
			t.Errorf("the tutorial's wire, %s: %+v %v", c.origin, tutorial, err)
		}
		_, in = s.raw(strings.TrimSuffix(upgrade("/v1/connect?token="+pageToken), "\r\n") + "Sec-WebSocket-Protocol: scenecast.v1\r\n" + c.origin + "\r\n\r\n")
		native, err := http.ReadResponse(in, nil)
		first, _ := in.ReadByte()
		if err != nil || native.StatusCode != 101 || first != map[bool]byte{true: 0x81, false: 0x88}[c.in] {
			t.Errorf("the native wire, %s: %+v %v, and then %x", c.origin, native, err, first)
		}
	}
}

// TestSlowStream: what a page misses that does not read is nobody's else, and it is told.
func TestSlowStream(t *testing.T) {
	for _, policy := range []string{"close", "drop_oldest"} {
		t.Run(policy, func(t *testing.T) {
			s := start(t, map[string]string{
				"http.max_body": "32KiB", "outbox.max_bytes": "64KiB", "outbox.slow_consumer": policy, "outbox.write_timeout": "1m",
			}, nil)
			stalled, healthy := s.listening("page=home"), s.listening("page=home")
			_ = stalled.conn.(*net.TCPConn).SetReadBuffer(32 << 10)
			const pushes = 100 // 2 MB: more than the kernel's buffers hold
			for i := range pushes {
				s.push(fmt.Sprintf(`{"to":"*","message":[%d,"%s"]}`, i, strings.Repeat("x", 20<<10)))
				if got := healthy.next(); !strings.Contains(got, fmt.Sprintf("\ndata: [%d,", i)) {
					t.Fatalf("push %d: the healthy page got %.80s", i, got)
				}
			}
			got, dropped, last := 0, 0, -1
			for got+dropped < pushes {
				var general struct {
					Type, Reason  string
					Dropped, Code int
				}
				fields, data, _ := strings.Cut(stalled.next(), "data: ")
				switch {
				case !strings.Contains(fields, "event: "):
					var number int
					if n, err := fmt.Sscanf(data, "[%d,", &number); n != 1 || number <= last || !strings.HasPrefix(fields, "id: ") {
						t.Fatalf("behind push %d: %q %.80s (%v)", last, fields, data, err)
					}
					last = number
					got++
				case json.Unmarshal([]byte(data), &general) != nil:
					t.Fatalf("%q %q is no event", fields, data)
				case general.Type == "gap" && general.Reason == "dropped" && fields == "event: scenecast\n":
					dropped += general.Dropped
				case policy == "close" && general.Type == "close" && general.Code == 4408:
					stalled.expect(streamEnd)
					s.awaitConnections(1)
					dropped = pushes - got
				default:
					t.Fatalf("%q %q", fields, data)
				}
			}
			if got == 0 || dropped == 0 || policy == "drop_oldest" && last != pushes-1 {
				t.Errorf("it got %d, the last of them %d, and %d were dropped", got, last, dropped)
			}
		})
	}
}

// slowTokens knows tokens when it is told to.
type slowTokens struct{ asked, answer chan struct{} }

func (s slowTokens) AuthenticatePage(context.Context, string) (auth.Page, error) {
	s.asked <- struct{}{}
	<-s.answer
	return auth.Page{}, nil
}

// TestSlowAuthenticator: pages that an authenticator takes its time over keep nobody else waiting.
func TestSlowAuthenticator(t *testing.T) {
	slow := slowTokens{make(chan struct{}), make(chan struct{})}
	s := startWith(t, nil, func(o *options) { o.PageAuthenticator = slow })
	page := s.listening("page=home")
	asking := 3 * (runtime.GOMAXPROCS(0) + 3) // on each wire more than there are loops, and mostly on all of them
	for range asking / 3 {
		_, _ = s.raw(upgrade("/?token=other"))
		_, _ = s.raw(strings.Replace(upgrade("/v1/connect?token=other"), "\r\n\r\n", "\r\nSec-WebSocket-Protocol: scenecast.v1\r\n\r\n", 1))
		_, _ = s.raw("GET /v1/events?token=other HTTP/1.1\r\nHost: localhost\r\n\r\n")
	}
	for range asking {
		<-slow.asked
	}
	s.push(`{"to":"*","message":1}`)
	page.expect("id: …\ndata: 1")
	close(slow.answer)
	s.awaitConnections(1 + asking)
}
