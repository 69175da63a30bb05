package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"scenecast"
	"scenecast/config"
	"scenecast/freeport"
	"scenecast/server"
)

// awaitHealth waits until the port of a server that starts is open, and health checks are answered.
func awaitHealth(t *testing.T, addr string) *running {
	t.Helper()
	r := &running{t: t, addr: addr, secrets: new(secrets)}
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			break
		}
		if time.Since(begun) > patience {
			t.Fatal(err)
		}
	}
	if status, body := r.call("GET", "/healthz", "", "", ""); status != http.StatusOK {
		t.Fatalf("health while the engine starts: %d %s", status, body)
	}
	return r
}

// TestWhileTheEngineStarts: a node that waits for its majority has its port open. It tells how it is and what it waits for, refuses pages
// and backends so that they try again, and lets them in when the others have come.
func TestWhileTheEngineStarts(t *testing.T) {
	t.Parallel()
	nodes := clusterSettings(t, 3)
	addr := freeport.Addr(t)
	nodes[0]["listen"] = addr
	log := new(logBuffer)
	type made struct {
		s   *running
		err error
	}
	first := make(chan made, 1)
	go func() {
		s, err := newRunning(t, nodes[0], func(o *options) { o.Logger = slog.New(slog.NewTextHandler(log, nil)) })
		first <- made{s, err}
	}()
	r := awaitHealth(t, addr)

	const waits = "waiting for other nodes: 0 of 2 are connected; a majority must be"
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		response, body := r.response("GET", "/readyz", nil, "")
		if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") != "1" {
			t.Fatalf("readiness: %d, Retry-After %q, %s", response.StatusCode, response.Header.Get("Retry-After"), body)
		}
		if strings.Contains(body, waits) {
			break
		}
		if time.Since(begun) > patience {
			t.Fatalf("readiness: %s", body)
		}
	}
	awaitThat(t, "a line of the log that says what it waits for", func() bool { return strings.Contains(log.String(), waits) })

	operator := map[string]string{"Authorization": "Bearer " + apiKey}
	for _, c := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{"POST", "/v1/push", `{"to":"*","message":1}`, 503, `"kind":"unavailable","detail":"the server is starting; try again"`},
		{"POST", "/v1/audience", `{"to":"*"}`, 503, `"kind":"unavailable"`},
		{"GET", "/v1/nodes", "", 503, `"kind":"unavailable"`},
		{"GET", "/?func=pushHomeLogic&token=" + apiKey, "", 503, `{"code":503,"message":"the server is starting; try again"}`},
		{"GET", "/metrics", "", 200, "scenecast_"},
		{"GET", "/scenecast.js", "", 200, "scenecast"},
	} {
		response, body := r.response(c.method, c.target, operator, c.body)
		if response.StatusCode != c.status || !strings.Contains(body, c.want) || response.Header.Get("Retry-After") != map[int]string{503: "1"}[c.status] {
			t.Errorf("%s %s: %d, Retry-After %q, %.200s", c.method, c.target, response.StatusCode, response.Header.Get("Retry-After"), body)
		}
	}
	_, in := r.raw(upgrade("/?token=" + pageToken))
	if response, err := http.ReadResponse(in, nil); err != nil || response.StatusCode != 503 || response.Header.Get("Retry-After") != "1" {
		t.Errorf("a page: %v, %v", response, err)
	}
	c, _, err := websocket.Dial(t.Context(), "ws://"+addr+"/v1/connect?token="+pageToken, &websocket.DialOptions{Subprotocols: []string{"scenecast.v1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if code := r.closeCode(c); code != websocket.StatusCode(scenecast.CloseShuttingDown) {
		t.Errorf("a page of the native wire is closed with %d", code)
	}
	stream := r.events("token=" + pageToken)
	if event := stream.next(); stream.head.StatusCode != 200 || !strings.Contains(event, "retry: ") || !strings.Contains(event, "the server is starting") {
		t.Errorf("an event stream: %d %q", stream.head.StatusCode, event)
	}

	others := make(chan made, 2)
	for _, settings := range nodes[1:] {
		go func() {
			s, err := newRunning(t, settings, func(*options) {})
			others <- made{s, err}
		}()
	}
	for _, m := range []made{<-first, <-others, <-others} {
		if m.err != nil {
			t.Fatal(m.err)
		}
		m.s.run()
	}
	r.page("page=home")
	awaitThat(t, "readiness", func() bool { status, _ := r.call("GET", "/readyz", "", "", ""); return status == 200 })
	if status, body := r.push(`{"to":{"page":"home"},"message":1}`); status != 200 || !strings.Contains(body, `"matched":1`) {
		t.Errorf("a push when all nodes are there: %d %s", status, body)
	}
}

// TestStopWhileTheEngineStarts: a node that is stopped while it waits for others leaves nothing behind.
func TestStopWhileTheEngineStarts(t *testing.T) {
	flags := clusterSettings(t, 3)[0]
	flags["listen"], flags["client_tokens"], flags["debug.listen"] = freeport.Addr(t), pageToken, freeport.Addr(t)
	c, err := config.Load(config.Sources{Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() {
		_, err := server.New(ctx, server.Options{Config: c, Logger: slog.New(slog.DiscardHandler)})
		stopped <- err
	}()
	awaitHealth(t, flags["listen"])
	awaitHealth(t, flags["debug.listen"])
	stop()
	if err := <-stopped; err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("stopped with %v", err)
	}
	for _, addr := range []string{flags["listen"], flags["debug.listen"]} {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			t.Errorf("%s is open still", addr)
		}
	}
}

// TestFirstPageFindsWhatLasts: pages are let in when the engine has restored what lasts, so the first one gets it as what was pushed before
// it came, and not as news.
func TestFirstPageFindsWhatLasts(t *testing.T) {
	t.Parallel()
	settings := map[string]string{"data_dir": t.TempDir(), "listen": freeport.Addr(t)}
	s := start(t, settings, nil)
	const pushes = 200
	for i := range pushes {
		if status, body := s.push(fmt.Sprintf(`{"to":"*","message":%d,"ttl":"1h","retain":"r%d"}`, i, i)); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	s.end()
	began := make(chan struct{})
	admitted := make(chan *websocket.Conn, 1)
	go func() {
		defer close(admitted)
		close(began)
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			c, _, err := websocket.Dial(ctx, "ws://"+settings["listen"]+"/v1/connect?token="+pageToken, &websocket.DialOptions{Subprotocols: []string{"scenecast.v1"}})
			var welcome []byte
			if err == nil {
				_, welcome, err = c.Read(ctx)
			}
			cancel()
			if err == nil && strings.Contains(string(welcome), `"welcome"`) {
				admitted <- c
				return
			}
		}
	}()
	<-began
	s = start(t, settings, nil)
	c := <-admitted
	if c == nil {
		t.Fatal("no page is let in")
	}
	defer c.CloseNow()
	for i := range pushes {
		if got := s.read(c); !strings.Contains(got, fmt.Sprintf(`"data":%d`, i)) || !strings.Contains(got, `"late":true`) {
			t.Fatalf("the first page got %s, want %d, late", got, i)
		}
	}
}
