package server_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"scenecast/freeport"
	"scenecast/push"
)

// TestStopWithUnfinishedRequests: what has not come in whole does not hold a stop up, and is told so as far as it can be.
func TestStopWithUnfinishedRequests(t *testing.T) {
	s := start(t, map[string]string{"drain": "1h", "http.head_timeout": "1h", "http.body_timeout": "1h", "http.idle_timeout": "1h"}, nil)
	half := strings.TrimSuffix(httpCall("POST", "/v1/push", `{"to":"*","message":1}`), `1}`)
	_, _ = s.raw("")
	_, _ = s.raw("GET / HTTP/1.1\r\n")
	_, _ = s.raw("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nfunc=x")
	_, idle := s.raw("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	if response, err := http.ReadResponse(idle, nil); err != nil || response.StatusCode != 200 {
		t.Fatal(response, err)
	}
	conn, in := s.raw("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + half)
	if response, err := http.ReadResponse(in, nil); err != nil || response.StatusCode != 200 {
		t.Fatal(response, err)
	} else {
		readAll(t, response)
	}
	awaitThat(t, "the half push under way", func() bool { return s.Unread() == 2 })
	s.stop()
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body := readAll(t, response); response.StatusCode != http.StatusServiceUnavailable || !response.Close || !strings.Contains(body, "going away") {
		t.Errorf("half a push: %s %s", response.Status, body)
	}
	_ = conn.Close()
	s.end()
}

// TestStopWithSlowRequests: what is being answered gets the drain time; what takes longer is cut, which is no failure of the stop.
func TestStopWithSlowRequests(t *testing.T) {
	entered := make(chan struct{})
	s := start(t, map[string]string{"drain": "200ms"}, map[string]push.Trigger{
		"slow": push.TriggerFunc(func(ctx context.Context, _ push.Args) (push.Request, error) {
			close(entered)
			<-ctx.Done()
			return push.Request{}, ctx.Err()
		}),
	})
	_, in := s.raw("GET /?func=slow&token=" + apiKey + " HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	s.stop()
	if rest, err := io.ReadAll(in); len(rest) > 0 {
		t.Errorf("got %q, %v", rest, err)
	}
	if err := <-s.result; err != nil {
		t.Errorf("the stop failed: %v", err)
	}
	s.result <- nil
	if !strings.Contains(s.log.String(), "requests were cut") {
		t.Errorf("the log does not tell:\n%s", s.log)
	}
}

// TestStopWithoutTime: pages that cannot be told in time are cut, which is no failure of the stop either.
func TestStopWithoutTime(t *testing.T) {
	s := start(t, map[string]string{"drain": "1ns"}, nil)
	for range 50 {
		s.raw(upgrade("/?token=" + pageToken))
	}
	s.awaitConnections(50)
	s.end()
}

// TestDrainingPort: pages are refused so that they come back elsewhere, and everything else is answered.
func TestDrainingPort(t *testing.T) {
	s := start(t, nil, nil)
	s.DrainPort()
	_, in := s.raw(upgrade("/?token=" + pageToken))
	if response, err := http.ReadResponse(in, nil); err != nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a page of the tutorial: %+v, %v", response, err)
	}
	if got := s.goodbye(s.native("token=" + pageToken)); got != "4503 the server is going away; try again" {
		t.Errorf("a native page: %s", got)
	}
	events := s.events("token=" + pageToken)
	if events.head.StatusCode != 200 {
		t.Errorf("a stream: %s", events.head.Status)
	}
	if event := events.next(); !strings.HasPrefix(event, "retry: ") || !strings.Contains(event, `"code":4503`) {
		t.Errorf("a stream: %q", event)
	}
	for range 2 {
		_, in := s.raw("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		if response, err := http.ReadResponse(in, nil); err != nil || response.StatusCode != 200 || !response.Close {
			t.Errorf("a health check: %+v, %v", response, err)
		}
	}
	if status, answer := s.push(`{"to":"*","message":1}`); status != 200 {
		t.Errorf("a push: %d %s", status, answer)
	}
}

// TestDrainDelay: load balancers are told first, while all else goes on.
func TestDrainDelay(t *testing.T) {
	t.Parallel()
	s := start(t, map[string]string{"drain_delay": "8s"}, nil)
	s.stop()
	awaitThat(t, "/readyz to answer 503", func() bool {
		status, _ := s.call("GET", "/readyz", "", "", "")
		return status == http.StatusServiceUnavailable
	})
	page := s.page("page=home")
	if status, answer := s.push(`{"to":{"page":"home"},"message":1}`); status != 200 || !strings.Contains(answer, `"queued":1`) {
		t.Errorf("a push: %d %s", status, answer)
	}
	if got := s.read(page); got != "1" {
		t.Errorf("the page got %s", got)
	}
	if status, _ := s.call("GET", "/healthz", "", "", ""); status != 200 {
		t.Errorf("/healthz: %d", status)
	}
	if code := s.closeCode(page); code != 4503 {
		t.Errorf("the page was closed with %d", code)
	}
}

// TestHealthUntilTheEnd: while the last requests are answered, the debug port says that the server lives and is not ready.
func TestHealthUntilTheEnd(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	debug := freeport.Addr(t)
	s := start(t, map[string]string{"listen": freeport.Addr(t), "debug.listen": debug, "drain": "1h"}, map[string]push.Trigger{
		"slow": push.TriggerFunc(func(context.Context, push.Args) (push.Request, error) {
			close(entered)
			<-leave
			return push.Request{}, context.Canceled
		}),
	})
	_, in := s.raw("GET /?func=slow&token=" + apiKey + " HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	s.stop()
	status := func(path string) int {
		response, err := http.Get("http://" + debug + path)
		if err != nil {
			t.Fatal(err)
		}
		readAll(t, response)
		return response.StatusCode
	}
	awaitThat(t, "the port to be closed", func() bool {
		conn, err := net.Dial("tcp", s.addr)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	if live, ready := status("/healthz"), status("/readyz"); live != 200 || ready != 503 {
		t.Errorf("/healthz %d, /readyz %d", live, ready)
	}
	close(leave)
	if response, err := http.ReadResponse(in, nil); err != nil || response.StatusCode != 500 {
		t.Errorf("%+v, %v", response, err)
	}
	http.DefaultClient.CloseIdleConnections()
	s.end()
}

// TestStopWithSilentPages: pages that do not answer the close frame cost a stop no time that others need.
func TestStopWithSilentPages(t *testing.T) {
	t.Parallel()
	s := start(t, map[string]string{"websocket.close_wait": "1h", "drain": "1h"}, nil)
	const pages = 200
	for range pages {
		s.raw(upgrade("/?token=" + pageToken))
	}
	s.awaitConnections(pages)
	s.end()
}
