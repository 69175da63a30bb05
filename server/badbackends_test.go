package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"scenecast/freeport"
)

// rawBackend is a backend that answers each call by bytes of its own, or not. It returns its address.
func rawBackend(t *testing.T, answer func(c net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			serving.Go(func() {
				defer c.Close()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err == nil {
					_, _ = io.Copy(io.Discard, r.Body)
					answer(c)
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		serving.Wait()
	})
	return l.Addr().String()
}

// says is a backend that says this and closes.
func says(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, text) }
}

// ok is a response of success with a body.
func ok(contentType, body string) func(net.Conn) {
	return says(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", contentType, len(body), body))
}

// untilClosed says a text again and again, slowly, until the caller has gone.
func untilClosed(first, again string) func(net.Conn) {
	return func(c net.Conn) {
		_, err := io.WriteString(c, first)
		for err == nil {
			time.Sleep(20 * time.Millisecond)
			_, err = io.WriteString(c, again)
		}
	}
}

// badBackend is what may be wrong with a backend, and what is told of it: to a page that connects, to one that calls, and of the events that it does not take.
type badBackend struct {
	name    string
	answer  func(net.Conn)
	url     string // in the place of one that leads to answer; ADDR stands for its address
	more    string // settings of the hooks
	connect string // what the page is told that is refused; empty: it comes in
	why     string // … and the log
	call    string // what the page is told
	event   string // the last error of GET /v1/hooks; empty: it has taken them
}

const (
	silent   = "the backend does not answer"
	noAnswer = `"kind":"unavailable","detail":"the backend does not answer"`
	notJSON  = `"kind":"unavailable","detail":"the backend's answer is not JSON"`
	late     = "no answer in time"
	unread   = "the backend's answer cannot be read"
	result   = `"type":"result"`
)

func badBackends(t *testing.T) []badBackend {
	unknownCA := httptest.NewUnstartedServer(http.NotFoundHandler())
	unknownCA.Config.ErrorLog = log.New(io.Discard, "", 0)
	unknownCA.StartTLS()
	t.Cleanup(unknownCA.Close)
	const refused, private, untrusted = "connection refused", "an address of a private network, which the settings deny", "certificate signed by unknown authority"
	long := strings.Repeat("x", 10<<20)
	return []badBackend{
		{"fails", says("HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\nboom"), "", "", silent, `answered 500 Internal Server Error: \"boom\"`, noAnswer, `answered 500 Internal Server Error: "boom"`},
		{"fails-long", says("HTTP/1.1 500 No\r\n\r\n" + long), "", "", silent, "answered 500", noAnswer, "answered 500 Internal Server Error: \"" + strings.Repeat("x", 200) + `"`},
		{"garbage", says("\x00\xff\r\n\r\n"), "", "", silent, "malformed HTTP response", noAnswer, "malformed HTTP response"},
		{"long", says("HTTP/1.1 200 OK\r\n\r\n" + long), "", "", silent, "the response is too large: more than 65536 bytes", noAnswer, ""},
		{"long-head", says("HTTP/1.1 200 OK\r\nX: " + long), "", "", silent, "server response headers exceeded", noAnswer, "server response headers exceeded"},
		{"closes", says(""), "", "", silent, "EOF", noAnswer, "EOF"},
		{"hangs", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, "", "", silent, late, noAnswer, late},
		{"drips", untilClosed("HTTP/1.1 200 OK\r\nX: ", "x"), "", "", silent, late, noAnswer, late},
		{"drips-body", untilClosed("HTTP/1.1 200 OK\r\n\r\n", " "), "", "", silent, late, noAnswer, ""},
		{"redirects", says("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"), "", "", silent, "answered 302 Found", noAnswer, "answered 302 Found"},
		{"html", ok("text/html", "<p>"), "", "", unread, "invalid character '<'", notJSON, ""},
		{"json-as-html", ok("text/html", "{}"), "", "", "", "", result, ""},
		{"not-utf8", ok("application/json", "{\"user\":\"\xff\"}"), "", "", unread, "it is not UTF-8", notJSON, ""},
		{"half", ok("application/json", `{"user":`), "", "", unread, "unexpected EOF", notJSON, ""},
		{"unknown", ok("application/json", `{"usr":"42"}`), "", "", unread, `unknown field \"usr\"`, result, ""},
		{"not-found", says("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), "", "", "the backend has not decided about the page", "answered 404 Not Found", `"kind":"not_found"`, "answered 404 Not Found"},
		{"untrusted", nil, unknownCA.URL, "", silent, untrusted, noAnswer, untrusted},
		{"no-tls", says("HTTP/1.1 200 OK\r\n\r\n"), "https://ADDR", "", silent, "EOF", noAnswer, "EOF"},
		{"refuses", nil, "http://" + freeport.Addr(t), "", silent, refused, noAnswer, refused},
		{"private", says(""), "http://localhost:PORT", ", deny_private: true", silent, private, noAnswer, private},
	}
}

// TestBadBackends: whatever a backend does, the page that waits for it is told so in words that tell nothing else, the log has the cause, the call is counted,
// no event is lost, and nobody who does not need that backend waits.
func TestBadBackends(t *testing.T) {
	t.Parallel()
	bad, good := badBackends(t), newReceiver(t)
	held := make(chan struct{})
	holds := rawBackend(t, func(net.Conn) { <-held })
	release := sync.OnceFunc(func() { close(held) })
	t.Cleanup(release)
	healthy := newAsked(t, func(w http.ResponseWriter, _ string, _ map[string]any) { _, _ = io.WriteString(w, "{}") })
	settings := func(events func(b badBackend) string) map[string]string {
		apps := []string{fmt.Sprintf("holds: {client_tokens: [holds-page], hooks: {connect: {url: 'http://%s', timeout: 50s}}}", holds)}
		for _, b := range bad {
			timeout, ofEvents := "50s", "50s"
			if b.name == "hangs" || strings.HasPrefix(b.name, "drips") {
				timeout = "1s"
			}
			switch {
			case events(b) != b.url: // a backend that is well may take its time
			case b.event == late:
				ofEvents = timeout
			case b.name == "drips-body": // its status counts; the rest is read for as long as there is time
				ofEvents = "5s"
			}
			apps = append(apps,
				fmt.Sprintf("connect-%s: {client_tokens: [connect-%s-page], hooks: {connect: {url: '%s', timeout: %s}%s}}", b.name, b.name, b.url, timeout, b.more),
				fmt.Sprintf("call-%s: {client_tokens: [call-%s-page], hooks: {call: {url: '%s', timeout: %s}%s}}", b.name, b.name, b.url, timeout, b.more),
				fmt.Sprintf("event-%s: {client_tokens: [event-%s-page], api_keys: [{name: k, key: event-%s-key}], hooks: {events: [{name: h, secret: %s, url: '%s', timeout: %s, max_wait: 1ms, events: [connected]}]%s}}",
					b.name, b.name, b.name, hookSecret, events(b), ofEvents, strings.Replace(b.more, "true", fmt.Sprint(events(b) == b.url), 1)))
		}
		return map[string]string{
			"apps":       "{" + strings.Join(apps, ", ") + "}",
			"hooks.call": fmt.Sprintf("{url: %q, secret: %s}", healthy.URL, hookSecret),
		}
	}
	for i, b := range bad {
		addr := ""
		if b.answer != nil {
			addr = rawBackend(t, b.answer)
		}
		_, port, _ := strings.Cut(addr, ":")
		if b.url == "" {
			b.url = "http://ADDR"
		}
		bad[i].url = strings.NewReplacer("ADDR", addr, "PORT", port).Replace(b.url)
	}
	s := startReloadable(t, settings(func(b badBackend) string { return b.url }))

	var heldPages sync.WaitGroup
	heldPages.Go(func() { s.hookedPage("token=holds-page", nil) })
	page, why := s.hookedPage("page=home&token="+pageToken, nil)
	if page == nil {
		t.Fatal(why)
	}
	var asking sync.WaitGroup
	for _, b := range bad {
		asking.Go(func() { s.expectBad(b) })
	}
	if got := s.ask(page, `{"type":"call","method":"m"}`); got != `{"type":"result","data":{}}` {
		t.Errorf("beside them a call is answered %s", got)
	}
	asking.Wait()
	// The first page has not been read meanwhile: no pings, so that it may have been closed.
	if page, why = s.hookedPage("page=home&token="+pageToken, nil); page == nil {
		t.Fatal(why)
	}
	s.publish(`{"to":"*","message":"still there"}`)
	if got := s.read(page); !strings.Contains(got, "still there") {
		t.Errorf("beside one that still waits a page gets %s", got)
	}
	release()
	heldPages.Wait()

	connects, unusable, calls := 1, 0, 0 // the one that was held is not answered either
	var lost []string
	for _, b := range bad {
		switch {
		case b.connect == silent:
			connects++
		case b.connect != "":
			unusable++
		}
		if b.call == noAnswer {
			calls++
		}
		if b.event != "" {
			lost = append(lost, "connected of event-"+b.name+" with []")
		}
		if told := logOf(s.log.String(), "connect-"+b.name); !strings.Contains(told, b.why) {
			t.Errorf("%s: the log does not say %s:\n%s", b.name, b.why, told)
		}
	}
	s.expectMetrics(map[string]string{
		`scenecast_connect_hook_calls_total{outcome="failed"}`:   fmt.Sprint(connects),
		`scenecast_connect_hook_calls_total{outcome="unusable"}`: fmt.Sprint(unusable),
		`scenecast_call_hook_calls_total{outcome="failed"}`:      fmt.Sprint(calls),
		`scenecast_call_hook_calls_total{outcome="unusable"}`:    "3",
	})
	s.reload(settings(func(badBackend) string { return good.URL }))
	for _, b := range bad {
		if b.event != "" {
			s.call(http.MethodPost, "/v1/hooks/h/retry", "event-"+b.name+"-key", "", "")
		}
	}
	got := good.await(len(lost))
	slices.Sort(got)
	if slices.Sort(lost); !slices.Equal(got, lost) {
		t.Errorf("behind a backend that is well there are\n%q, want\n%q", got, lost)
	}
}

// expectBad has a page connect, one call, and one be told of, with a bad backend.
func (r *reloadable) expectBad(b badBackend) {
	page, why := r.hookedPage("token=connect-"+b.name+"-page", nil)
	if b.connect == "" && page == nil || b.connect != "" && (!strings.Contains(why, "4503") || !strings.Contains(why, b.connect)) {
		r.t.Errorf("%s: a page that connects is told %q", b.name, why)
	}
	if page, _ = r.hookedPage("token=call-"+b.name+"-page", nil); page == nil {
		r.t.Errorf("%s: a page that asks nothing yet is refused", b.name)
		return
	}
	if got := r.ask(page, `{"type":"call","method":"m"}`); !strings.Contains(got, b.call) {
		r.t.Errorf("%s: a call is answered %s", b.name, got)
	}
	r.hookedPage("token=event-"+b.name+"-page", nil)
	var last string
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		_, answer := r.call(http.MethodGet, "/v1/hooks", "event-"+b.name+"-key", "", "")
		var status struct {
			Hooks []struct {
				Queued, Delivered int
				LastError         string `json:"last_error"`
			}
		}
		if err := json.Unmarshal([]byte(answer), &status); err != nil || len(status.Hooks) != 1 {
			r.t.Errorf("%s: %s, %v", b.name, answer, err)
			return
		}
		h := status.Hooks[0]
		if b.event == "" && h.Delivered == 1 && h.Queued == 0 && h.LastError == "" {
			return
		}
		if last = h.LastError; b.event != "" && strings.Contains(last, b.event) && h.Queued == 1 {
			return
		}
		if time.Now().After(deadline) {
			r.t.Errorf("%s: the hook is %s", b.name, answer)
			return
		}
	}
}

// logOf are the lines of a log that are of an app.
func logOf(log, app string) (lines string) {
	for line := range strings.Lines(log) {
		if strings.Contains(line, "app="+app+" ") {
			lines += line
		}
	}
	return lines
}
