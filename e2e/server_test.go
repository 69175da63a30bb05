package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"scenecast/audience"
	"scenecast/auth"
	"scenecast/config"
	"scenecast/demo"
	"scenecast/freeport"
	"scenecast/problem"
	"scenecast/push"
	"scenecast/server"
)

// token is the tutorial's.
const token = "123456"

// demoKey is the key of the demo's playground.
const demoKey = "the-key-of-the-playground"

// anyPort is where a server listens that does not come back; one that does has a port of package freeport.
const anyPort = "127.0.0.1:0"

// backend is a server under test, set up as the command demo does.
type backend struct {
	*server.Server
	t        *testing.T
	addr     string            // host:port
	settings map[string]string // beside those of the demo
	stop     func()            // says goodbye to all pages and returns when nothing of the server is left
}

// serve runs a server until it is stopped, or the test ends.
func serve(t *testing.T, addr string) *backend {
	t.Helper()
	return serveWith(t, addr, nil)
}

func serveWith(t *testing.T, addr string, settings map[string]string) *backend {
	t.Helper()
	b, err := newBackend(t, addr, settings)
	if err != nil {
		t.Fatal(err)
	}
	b.run()
	return b
}

// serveNodes runs three servers that are one cluster.
func serveNodes(t *testing.T, common map[string]string) []*backend {
	t.Helper()
	nodes, failed, addrs := make([]*backend, 3), make([]error, 3), freeport.Addrs(t, 3)
	var starting sync.WaitGroup
	for i, addr := range addrs {
		settings := map[string]string{
			"data_dir":     t.TempDir(),
			"cluster.node": fmt.Sprint("node", i), "cluster.listen": addr, "cluster.secret": "between-the-nodes",
			"cluster.peers":          strings.Join(slices.DeleteFunc(slices.Clone(addrs), func(peer string) bool { return peer == addr }), ","),
			"cluster.answer_timeout": "3s", // a machine that is busy with other tests is no node that hangs
		}
		maps.Copy(settings, common)
		starting.Go(func() { nodes[i], failed[i] = newBackend(t, anyPort, settings) })
	}
	starting.Wait()
	if err := errors.Join(failed...); err != nil {
		t.Fatal(err)
	}
	for _, b := range nodes {
		b.run()
	}
	return nodes
}

// newBackend makes a server that does not run yet.
func newBackend(t *testing.T, addr string, settings map[string]string) (*backend, error) {
	flags := map[string]string{
		"listen":                 addr,
		"client_tokens":          token,
		"page_token_may_trigger": "true",
		"drain":                  "20s",
		"triggers":               demo.Triggers,
	}
	maps.Copy(flags, settings)
	c, err := config.Load(config.Sources{Flags: flags})
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	c.APIKeys = append(c.APIKeys, config.APIKey{Name: "demo", Key: demoKey, Allow: []auth.Scope{auth.Push, auth.Read}})
	s, err := server.New(t.Context(), server.Options{
		Config: c,
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
		Pages:  map[string]http.Handler{"/demo/": demo.Handler(demo.Options{Token: token, Key: demoKey})},
	})
	if err != nil {
		return nil, fmt.Errorf("new server: %w", err)
	}
	return &backend{Server: s, t: t, addr: s.Addr().String(), settings: settings}, nil
}

// run runs the server until it is stopped, or the test ends.
func (b *backend) run() {
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- b.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-result; err != nil {
			b.t.Errorf("run: %v", err)
		}
		if n := b.Connections(); n != 0 {
			b.t.Errorf("the server has stopped with %d connections", n)
		}
	})
	b.t.Cleanup(b.stop)
}

// restart stops the server and starts another one on the same port.
func (b *backend) restart() *backend {
	b.t.Helper()
	b.stop()
	return serveWith(b.t, b.addr, b.settings)
}

func (b *backend) url(path string) string { return "http://" + b.addr + path }

// push pushes to the pages that an audience expression selects, and says how many there must be.
func (b *backend) push(to, message string, want int) {
	b.t.Helper()
	expr, err := audience.Parse(to)
	if to == "*" {
		expr, err = audience.Everybody(), nil
	}
	if err != nil {
		b.t.Fatalf("audience %s: %v", to, err)
	}
	result, err := b.pushAgain(push.Request{To: expr, Message: json.RawMessage(message)})
	if err != nil {
		b.t.Fatalf("push to %s: %v", to, err)
	}
	if got := result.Tally.Matched; got != want {
		b.t.Errorf("a push to %s has matched %d pages, want %d", to, got, want)
	}
}

// pushAgain pushes as a backend does: what one node of several refuses, because on a machine that is busy for a second nobody leads the log, it tries again.
func (b *backend) pushAgain(request push.Request) (push.Result, error) {
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	for {
		result, err := b.Push(ctx, request)
		if p := problem.Of(err); p == nil || p.Kind != problem.Unavailable || ctx.Err() != nil {
			return result, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// awaitConnections waits until so many pages are connected. The server hears that a page has gone by another connection than what the page does next.
func (b *backend) awaitConnections(want int) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); b.Connections() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("the server has %d connections, want %d", b.Connections(), want)
		}
	}
}

// expectConnections says how many pages are connected, now.
func (b *backend) expectConnections(want int) {
	b.t.Helper()
	if got := b.Connections(); got != want {
		b.t.Errorf("the server has %d connections, want %d", got, want)
	}
}

// servePage serves one page on an origin of its own, with a Content-Security-Policy unless that is empty.
func servePage(t *testing.T, html, policy string) (url string) {
	t.Helper()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if policy != "" {
			w.Header().Set("Content-Security-Policy", policy)
		}
		_, _ = w.Write([]byte(html))
	}))
	t.Cleanup(site.Close)
	return site.URL
}
