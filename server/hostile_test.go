package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestHostileFrames: each has its close code, and the page has left the hub.
func TestHostileFrames(t *testing.T) {
	s := start(t, map[string]string{"websocket.max_message": "1KiB"}, nil)
	for _, c := range []struct {
		name, bytes string
		code        string
		reason      string
	}{
		{"unmasked", "\x81\x01a", "\x03\xea", "frames from client to server must be masked"},
		{"text that is no UTF-8", maskedFrame(0x81, "\xff"), "\x03\xef", "text message is not valid UTF-8"},
		{"a message over the limit", "\x81\xfe\x04\x01\x00\x00\x00\x00", "\x03\xf1", "message over 1024 bytes (setting: websocket.max_message)"},
		{"a reserved bit", maskedFrame(0xf1, "a"), "\x03\xea", "non-zero rsv bits with no extension negotiated"},
		{"a continuation of nothing", maskedFrame(0x80, "a"), "\x03\xea", "unexpected continuation data frame"},
	} {
		conn, in := s.raw(upgrade("/?page=home&token="+pageToken) + c.bytes)
		expectBytes(t, in, switching+textFrame(`{"code":200,"message":"打开swoole服务成功"}`))
		expectBytes(t, in, "\x88"+string(rune(2+len(c.reason)))+c.code+c.reason)
		s.awaitConnections(0)
		_ = conn.Close()
	}
}

// TestHostileRequests: each has its status, in its time, and the server goes on.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	s := start(t, map[string]string{"http.head_timeout": inTime, "http.body_timeout": inTime, "http.max_head": "8KiB"}, nil)
	head := "POST /v1/push HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + apiKey + "\r\n"
	cases := []struct {
		name, request string
		status        int
		body          string
	}{
		{"a slow head", "GET /?token=" + pageToken + " HTTP/1.1\r\nHost: x\r\nX-Slow: ", 408, "(setting: http.head_timeout)"},
		{"a slow body", head + "Content-Length: 100\r\n\r\n{", 408, `"setting":"http.body_timeout"`},
		{"a slow form", "POST /?token=" + apiKey + " HTTP/1.1\r\nHost: x\r\nContent-Type: " + form + "\r\nContent-Length: 100\r\n\r\nfunc=", 408, "(setting: http.body_timeout)"},
		{"a head over the limit", "GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", 16<<10), 431, ""},
		{"no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, ""},
		{"a body that announces too much", head + "Content-Length: 1000000\r\n\r\n" + strings.Repeat(" ", 256<<10+1), 413, `"setting":"http.max_body"`},
	}
	var readers []*bufio.Reader
	for _, c := range cases { // all of them wait at the same time
		_, in := s.raw(c.request)
		readers = append(readers, in)
	}
	for i, c := range cases {
		in := readers[i]
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != c.status || !strings.Contains(string(body), c.body) {
			t.Errorf("%s: %d %s, want %d with %s", c.name, response.StatusCode, body, c.status, c.body)
		}
		if _, err := in.ReadByte(); err == nil {
			t.Errorf("%s: the connection was left open", c.name)
		}
	}
	if status, _ := s.call("GET", "/healthz", "", "", ""); status != 200 {
		t.Errorf("healthz: %d", status)
	}
}

// TestIdleKeepAlive: a connection that waits for its next request is closed without a word: nothing was too slow.
func TestIdleKeepAlive(t *testing.T) {
	t.Parallel()
	s := start(t, map[string]string{"http.head_timeout": inTime, "http.idle_timeout": "3s"}, nil)
	_, in := s.raw("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	response, err := http.ReadResponse(in, nil)
	if err != nil || readAll(t, response) != "{\"status\":\"ok\"}\n" {
		t.Fatalf("healthz: %v", err)
	}
	if rest, _ := io.ReadAll(in); len(rest) > 0 {
		t.Errorf("the idle connection was told %q", rest)
	}
}

// TestSlowConsumer: a page that does not read is dropped and closed; the others get everything.
func TestSlowConsumer(t *testing.T) {
	s := start(t, map[string]string{"outbox.max_bytes": "256KiB", "outbox.max_frames": "1000"}, nil)
	_, stalled := s.raw(upgrade("/?page=slow&token=" + pageToken))
	expectBytes(t, stalled, switching)
	healthy := s.page("page=fast")
	s.awaitConnections(2)
	message := `"` + strings.Repeat("x", 200<<10) + `"`
	dropped := false
	for range 200 { // 40 MB: more than the kernel's buffers hold
		_, answer := s.push(`{"to":"*","message":` + message + `}`)
		if got := s.read(healthy); got != message {
			t.Fatalf("the healthy page got %d bytes, want %d", len(got), len(message))
		}
		if dropped = strings.Contains(answer, `"matched":2,"queued":1,"dropped":1`); dropped {
			break
		}
	}
	if !dropped {
		t.Fatal("the stalled page was never dropped")
	}
	s.awaitConnections(1)
	if _, answer := s.push(`{"to":"*","message":1}`); !strings.Contains(answer, `"matched":1,"queued":1,"dropped":0`) {
		t.Errorf("after the drop: %s", answer)
	}
	s.expectMetrics(map[string]string{`scenecast_deliveries_total{outcome="dropped",wire="tutorial"}`: "1"})
}

// TestAbortStorm: connections that break off at every point leave nothing behind.
func TestAbortStorm(t *testing.T) {
	s := start(t, nil, nil)
	s.call("GET", "/healthz", "", "", "")
	before := openFiles(t)
	request := upgrade("/?page=home&token=" + pageToken)
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 100 {
				conn, err := net.Dial("tcp", s.addr)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(conn, request[:(i*4+worker)*len(request)/400])
				if i%2 == 0 {
					_ = conn.(*net.TCPConn).SetLinger(0) // reset instead of close
				}
				_ = conn.Close()
			}
		})
	}
	for range 50 { // whole connections among them
		conn, in := s.raw(request)
		expectBytes(t, in, switching)
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}
	wg.Wait()
	s.awaitConnections(0)
	for deadline := time.Now().Add(patience); openFiles(t) > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d open files, before the storm %d", openFiles(t), before)
		}
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatalf("this test counts open files in /proc: %v", err)
	}
	return len(files)
}

// TestChurn joins, leaves, talks and pushes at once, for the race detector, and counts what arrives.
func TestChurn(t *testing.T) {
	s := start(t, nil, nil)
	const pages, rounds = 20, 10
	var wg sync.WaitGroup
	for i := range pages {
		wg.Go(func() {
			for round := range rounds {
				name := fmt.Sprintf("p%d-%d", i, round)
				c := s.page("page=" + name)
				_ = c.Write(t.Context(), websocket.MessageText, []byte("heartbeat"))
				if _, answer := s.push(`{"to":{"page":"` + name + `"},"message":"` + name + `"}`); !strings.Contains(answer, `"matched":1,"queued":1`) {
					t.Errorf("push to %s: %s", name, answer)
				}
				got := []string{s.read(c), s.read(c)}
				if got[0] != `"`+name+`"` && got[1] != `"`+name+`"` {
					t.Errorf("%s got %q", name, got)
				}
				_ = c.CloseNow()
			}
		})
	}
	wg.Wait()
	s.awaitConnections(0)
}

// TestPipelining: the next request on a connection is answered as well.
func TestPipelining(t *testing.T) {
	s := start(t, nil, nil)
	request := "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	_, in := s.raw(request + request + strings.Replace(upgrade("/?token="+pageToken), "\r\n\r\n", "\r\n\r\n"+maskedFrame(0x81, "heartbeat"), 1))
	for range 2 {
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = readAll(t, response)
	}
	// The heartbeat came in one piece with the upgrade: bytes behind the head are not lost.
	expectBytes(t, bufio.NewReader(in), switching+textFrame(`{"code":200,"message":"打开swoole服务成功"}`)+
		textFrame(`{"code":200,"message":"heartbeat"}`))
}
