package server_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"scenecast/auth"
	"scenecast/config"
	"scenecast/leaktest"
	"scenecast/push"
	"scenecast/server"
)

// portable is which kind of sockets (package socket) the servers under test have.
var portable = flag.Bool("portable", false, "sockets have goroutines, as on systems other than Linux")

// TestMain looks for goroutines that the tests have left behind.
func TestMain(m *testing.M) { leaktest.Main(m) }

const (
	pageToken = "page-secret-123456"
	apiKey    = "backend-secret-abc"
	pushKey   = "push-only-secret"
	adminKey  = "admin-only-secret"
)

// patience ends a test that would hang; nothing is asserted about it.
const patience = time.Minute

// inTime is a timeout of servers that is over in some tests, for one request, and must not be for others, which the machine may hold up.
const inTime = "2s"

const triggers = `
pushHomeLogic: {to: {page: home}, message: {message: "后端触发了按钮 1", code: "200"}}
orderShipped:
  params: {order: string}
  to: 'page == "order" && order == $order'
  message: {code: 200, message: "订单 $order 已发货"}
setStock: {params: {left: integer}, to: "*", message: {left: $left}}
`

// running is a server under test, on a port of its own, with its log.
type running struct {
	*server.Server
	t       testing.TB
	addr    string
	config  config.Config
	log     *logBuffer
	secrets *secrets
	several bool // it is one node of several
	stop    context.CancelFunc
	result  chan error // of Run
}

// options are a server's, which a test may change.
type options = server.Options

// start runs a server until the test ends. The settings are over the harness's defaults, by key.
func start(t testing.TB, settings map[string]string, written map[string]push.Trigger) *running {
	t.Helper()
	return startWith(t, settings, func(o *options) { o.Triggers = written })
}

// harnessSettings are settings over the harness's defaults.
func harnessSettings(settings map[string]string) map[string]string {
	flags := map[string]string{
		"listen":        "127.0.0.1:0",
		"client_tokens": pageToken,
		"api_keys":      fmt.Sprintf("[{name: all, key: %s}, {name: pushes, key: %s, allow: [push]}, {name: admin, key: %s, allow: [admin]}]", apiKey, pushKey, adminKey),
		"triggers":      triggers,
		"drain":         "10s",
		"log.level":     "debug",

		// A page of a test reads and talks when the test does, which on a busy machine may take its time.
		"websocket.ping_interval": "0",
		"tutorial.idle_timeout":   "0",
	}
	for key, value := range settings {
		flags[key] = value
	}
	return flags
}

func startWith(t testing.TB, settings map[string]string, change func(*options)) *running {
	t.Helper()
	r, err := newRunning(t, settings, change)
	if err != nil {
		t.Fatal(err)
	}
	r.run()
	return r
}

// newRunning makes a server that does not run yet.
func newRunning(t testing.TB, settings map[string]string, change func(*options)) (*running, error) {
	flags := harnessSettings(settings)
	c, err := config.Load(config.Sources{Flags: flags})
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	log := new(logBuffer)
	o := options{Config: c, Load: func() (*config.Loaded, error) { return &config.Loaded{Config: c}, nil }, Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	o.SetPortable(*portable)
	change(&o)
	s, err := server.New(t.Context(), o)
	if err != nil {
		return nil, fmt.Errorf("new: %w", err)
	}
	r := &running{Server: s, t: t, addr: s.Addr().String(), config: o.Config, log: log, secrets: new(secrets), result: make(chan error, 1)}
	r.secrets.addConfig(o.Config)
	return r, nil
}

// run runs the server until the test ends.
func (r *running) run() {
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go func() { r.result <- r.Run(ctx) }()
	r.t.Cleanup(r.end)
}

// end stops the server and checks what it leaves behind. Calling it twice does no harm.
func (r *running) end() {
	r.stop()
	select {
	case err := <-r.result:
		if err != nil {
			r.t.Errorf("run: %v", err)
		}
		r.result <- nil
	case <-time.After(patience):
		r.t.Fatalf("the server does not stop within %v", patience)
	}
	r.checkSecrets()
}

// logBuffer collects a log that several goroutines write.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// raw sends bytes and returns the connection with a reader of what comes back.
func (r *running) raw(request string) (net.Conn, *bufio.Reader) {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, request); err != nil {
		r.t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// upgrade is the head of a WebSocket request with the key of RFC 6455, 1.3.
func upgrade(target string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
}

const switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

// expectBytes reads exactly these bytes.
func expectBytes(t testing.TB, from io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(from, got)
	if string(got[:n]) != want {
		t.Fatalf("got %q (%v), want %q", got[:n], err, want)
	}
}

// textFrame is a short unmasked text frame, spelled out.
func textFrame(payload string) string {
	if len(payload) > 125 {
		panic("too long for this helper")
	}
	return "\x81" + string(rune(len(payload))) + payload
}

// maskedFrame is a frame as a page sends it, with a mask of zeros: short, and legal.
func maskedFrame(first byte, payload string) string {
	return string([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}) + payload
}

// page connects a real client with these labels, as a query, and takes its welcome.
func (r *running) page(query string) *websocket.Conn {
	r.t.Helper()
	return r.pageAs(pageToken, query)
}

// pageAs is page, with another token.
func (r *running) pageAs(token, query string) *websocket.Conn {
	r.t.Helper()
	r.secrets.add(token)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+r.addr+"/?token="+token+"&"+query, nil)
	if err != nil {
		r.t.Fatalf("page %s: %v", query, err)
	}
	c.SetReadLimit(-1)
	r.t.Cleanup(func() { _ = c.CloseNow() })
	if got := r.read(c); got != `{"code":200,"message":"打开swoole服务成功"}` {
		r.t.Fatalf("page %s: welcome %s", query, got)
	}
	return c
}

// read is the next message of a page.
func (r *running) read(c *websocket.Conn) string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, message, err := c.Read(ctx)
	if err != nil {
		r.t.Fatalf("read: %v", err)
	}
	return string(message)
}

// closeCode reads until the page is closed and returns the code.
func (r *running) closeCode(c *websocket.Conn) websocket.StatusCode {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		if _, _, err := c.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

// call makes an HTTP request and returns status and body.
func (r *running) call(method, target, key, contentType, body string) (int, string) {
	r.t.Helper()
	headers := make(map[string]string)
	if key != "" {
		headers["Authorization"] = "Bearer " + key
	}
	if contentType != "" {
		headers["Content-Type"] = contentType
	}
	return r.callWith(method, target, headers, body)
}

func (r *running) callWith(method, target string, headers map[string]string, body string) (int, string) {
	r.t.Helper()
	response, answer := r.response(method, target, headers, body)
	return response.StatusCode, strings.TrimSpace(answer)
}

// response makes an HTTP request and returns the answer, with its whole body. One node of several, on a machine that is busy, may be cut off
// for a moment: what it refuses then is tried again, as its answer says, with an idempotency key.
func (r *running) response(method, target string, headers map[string]string, body string) (*http.Response, string) {
	r.t.Helper()
	if !r.several {
		return r.responseOnce(method, target, headers, body)
	}
	headers = maps.Clone(headers)
	if headers == nil {
		headers = make(map[string]string)
	}
	if headers["Idempotency-Key"] == "" && method == http.MethodPost {
		headers["Idempotency-Key"] = rand.Text()
	}
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		response, answer := r.responseOnce(method, target, headers, body)
		if response.StatusCode != http.StatusServiceUnavailable && response.StatusCode != http.StatusGatewayTimeout || time.Since(begun) > patience {
			return response, answer
		}
	}
}

func (r *running) responseOnce(method, target string, headers map[string]string, body string) (*http.Response, string) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.addr+target, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	r.secrets.add(auth.Bearer(request), request.URL.Query().Get("token"))
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, target, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, target, err)
	}
	r.checkAnswer(method+" "+target, response, string(answer))
	return response, string(answer)
}

// push pushes by the API and returns the answer.
func (r *running) push(body string) (int, string) {
	r.t.Helper()
	return r.call(http.MethodPost, "/v1/push", apiKey, "application/json", body)
}

// awaitConnections waits until so many pages are connected.
func (r *running) awaitConnections(want int) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); r.Connections() != want; runtime.Gosched() {
		if time.Now().After(deadline) {
			r.t.Fatalf("%d connections, want %d", r.Connections(), want)
		}
	}
}

// awaitLeases waits until so many pages are counted against the limits.
func (r *running) awaitLeases(want int) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); r.Leases() != want; runtime.Gosched() {
		if time.Now().After(deadline) {
			r.t.Fatalf("%d pages are counted, want %d", r.Leases(), want)
		}
	}
}
