package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"scenecast"
	"scenecast/client"
	"scenecast/config"
)

func init() { frozenWithin, deathWithin = guard, 10*time.Millisecond }

// generation is one of several servers that hand over to each other, in this process.
type generation struct {
	*Server
	stop  context.CancelFunc
	ended chan error
}

const (
	moveToken = "page-token-of-moves"
	moveKey   = "backend-key-of-moves"
)

// moveConfig is a configuration whose servers hand over.
func moveConfig(t *testing.T, path string, flags map[string]string) config.Config {
	t.Helper()
	all := map[string]string{
		"listen": "127.0.0.1:0", "client_tokens": moveToken, "handover": path, "drain": "5s",
		"api_keys": `[{name: backend, key: ` + moveKey + `, allow: [push, trigger, read, manage, admin]}]`,

		// A client of a test writes and reads when the test does, which on a busy machine may take its time.
		"websocket.ping_interval": "0", "http.head_timeout": "5m", "http.idle_timeout": "5m",
	}
	maps.Copy(all, flags)
	l, err := config.Read(config.Sources{Flags: all})
	if err != nil {
		t.Fatal(err)
	}
	return l.Config
}

// logOfFailure is a logger whose lines are shown when the test has failed.
func logOfFailure(t *testing.T, others ...io.Writer) *slog.Logger {
	var mu sync.Mutex
	var lines bytes.Buffer
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		if t.Failed() {
			t.Logf("the log:\n%s", lines.String())
		}
	})
	kept := writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return lines.Write(p)
	})
	return slog.New(slog.NewTextHandler(io.MultiWriter(append(others, kept)...), nil))
}

type writerFunc func(p []byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

// guard ends what would hang; nothing is asserted about it.
const guard = time.Minute

// startGeneration starts a server, which takes over where another one runs with the configuration. Short (make portable): its sockets are not
// the portable ones, which no process hands over.
func startGeneration(t *testing.T, o Options) *generation {
	t.Helper()
	if testing.Short() {
		t.Skip("a server hands over")
	}
	if o.Logger == nil {
		o.Logger = logOfFailure(t)
	}
	s, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	g := &generation{Server: s, stop: stop, ended: make(chan error, 1)}
	go func() { g.ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-g.ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(guard):
			buf := make([]byte, 1<<20)
			t.Errorf("a server does not end:\n%s", buf[:runtime.Stack(buf, true)])
		}
	})
	return g
}

// moves is servers that follow each other at one address.
type moves struct {
	t       *testing.T
	options Options
	current *generation
	url     string
	socket  os.FileInfo // at which the one before the current has listened for its successor
}

func newMoves(t *testing.T, flags map[string]string) *moves {
	t.Helper()
	all := onRedis(t)
	maps.Copy(all, flags)
	c := moveConfig(t, filepath.Join(t.TempDir(), "h.sock"), all)
	m := &moves{t: t, options: Options{Config: c, Version: "test"}}
	m.current = startGeneration(t, m.options)
	m.url = "http://" + m.current.Addr().String()
	m.options.Config.Listen = c.Listen
	return m
}

// next has another server take over, and waits until the one before has ended, unless that is to go on with its calls.
func (m *moves) next() (before *generation) {
	m.t.Helper()
	m.awaitListening()
	before = m.current
	m.current = startGeneration(m.t, m.options)
	return before
}

// awaitListening waits until the current server listens for its successor, which it does a moment after it has the port and the pages: a
// server that starts before that finds nobody.
func (m *moves) awaitListening() {
	m.t.Helper()
	for deadline := time.Now().Add(guard); ; time.Sleep(time.Millisecond) {
		file, err := os.Lstat(m.options.Config.Handover)
		if err == nil && (m.socket == nil || !os.SameFile(file, m.socket)) {
			m.socket = file
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("the server does not listen for its successor: %v", err)
		}
	}
}

func (m *moves) awaitEnd(g *generation) {
	m.t.Helper()
	select {
	case err := <-g.ended:
		if err != nil {
			m.t.Error(err)
		}
		g.ended <- nil
	case <-time.After(guard):
		m.t.Fatal("the server that has handed over does not end")
	}
}

func (m *moves) backend() *client.Backend { return &client.Backend{URL: m.url, Key: moveKey} }

func (m *moves) push(r client.PushRequest) client.PushResult {
	m.t.Helper()
	result, err := m.backend().Push(m.t.Context(), r)
	if err != nil {
		m.t.Fatal(err)
	}
	return result
}

// watchedPage is a page that must notice nothing: it connects once, and gets everything once, in order.
type watchedPage struct {
	mu       sync.Mutex
	welcomes int
	gaps     int
	lost     []string
	got      []int
}

func (p *watchedPage) run(ctx context.Context, o client.PageOptions) error {
	o.OnWelcome = func(client.Welcome) { p.add(func() { p.welcomes++ }) }
	o.OnGap = func(client.Gap) { p.add(func() { p.gaps++ }) }
	o.OnLost = func(err error, _ time.Duration) { p.add(func() { p.lost = append(p.lost, err.Error()) }) }
	page, err := client.NewPage(o)
	if err != nil {
		return err
	}
	return page.Run(ctx, func(push client.Push) error {
		var m struct{ N int }
		if err := json.Unmarshal(push.Data, &m); err != nil {
			return err
		}
		p.add(func() { p.got = append(p.got, m.N) })
		return nil
	})
}

func (p *watchedPage) add(what func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	what()
}

func (p *watchedPage) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.got)
}

// problem is what the page has noticed; empty: nothing. It must have got the pushes from 1 to n.
func (p *watchedPage) problem(n int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.welcomes != 1 || p.gaps > 0 || len(p.lost) > 0 {
		return fmt.Sprintf("%d welcomes, %d gaps, lost %q", p.welcomes, p.gaps, p.lost)
	}
	for i, got := range p.got {
		if got != i+1 {
			return fmt.Sprintf("push %d came as number %d", got, i+1)
		}
	}
	if len(p.got) != n {
		return fmt.Sprintf("%d pushes of %d", len(p.got), n)
	}
	return ""
}

func awaitTrue(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(guard); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
	}
}

// TestHandoverUnderLoad has servers take over from each other while pages get numbered pushes: no page notices, and no call of a backend fails.
func TestHandoverUnderLoad(t *testing.T) {
	m := newMoves(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	pages := make([]*watchedPage, 40)
	for i := range pages {
		pages[i] = new(watchedPage)
		o := client.PageOptions{URL: m.url, Token: moveToken, Labels: map[string][]string{"page": {"home"}, "no": {fmt.Sprint(i)}}, Acknowledge: true}
		running.Go(func() { _ = pages[i].run(ctx, o) })
	}
	awaitTrue(t, "pages connect", func() bool { return m.current.Connections() == len(pages) })

	stop := make(chan struct{})
	sent := 0
	publishing := make(chan struct{})
	go func() {
		defer close(publishing)
		for {
			select {
			case <-stop:
				return
			default:
			}
			sent++
			r := client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: fmt.Appendf(nil, `{"N":%d}`, sent)}
			if sent%7 == 0 {
				r.Receipt, r.Timeout = "acked", 30*time.Second
			}
			result, err := m.backend().Push(ctx, r)
			if err != nil {
				t.Errorf("push %d: %v", sent, err)
				return
			}
			if result.Matched != len(pages) || sent%7 == 0 && result.Acked != len(pages) {
				t.Errorf("push %d: %+v", sent, result)
			}
		}
	}()
	for range 5 {
		before := m.next()
		m.awaitEnd(before)
		time.Sleep(50 * time.Millisecond)
	}
	close(stop)
	<-publishing
	for i, p := range pages {
		awaitTrue(t, fmt.Sprintf("page %d gets %d pushes, has %d", i, sent, p.count()), func() bool { return p.count() >= sent })
		if problem := p.problem(sent); problem != "" {
			t.Errorf("page %d: %s", i, problem)
		}
	}
	t.Logf("%d pushes", sent)
	cancel()
	running.Wait()
}

// TestHandoverKeepsTheLog: positions, epoch, idempotency keys, pushes that last and what pages have got go along.
func TestHandoverKeepsTheLog(t *testing.T) {
	m := newMoves(t, nil)
	begin := m.current.engine.Newest()
	first := m.push(client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: json.RawMessage(`1`), IdempotencyKey: "once"})
	m.push(client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: json.RawMessage(`2`), TTL: time.Hour, Retain: "price"})
	position := m.current.engine.Newest()
	for range 2 {
		m.awaitEnd(m.next())
		if newest := m.current.engine.Newest(); newest != position {
			t.Fatalf("the log is at %v, and was at %v", newest, position)
		}
		again := m.push(client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: json.RawMessage(`1`), IdempotencyKey: "once"})
		if !again.Replayed || again.ID != first.ID {
			t.Errorf("a key is forgotten: %+v, was %+v", again, first)
		}
		if _, err := m.backend().Push(t.Context(), client.PushRequest{To: json.RawMessage(`{"page":"x"}`), Message: json.RawMessage(`1`), IdempotencyKey: "once"}); err == nil {
			t.Error("a key can be used for another push")
		}
		r, ok, err := m.current.engine.Lookup(t.Context(), scenecast.DefaultApp, "", first.ID)
		if !ok || err != nil || !r.Done || r.Tally.Nodes != 1 {
			t.Errorf("looked up: %+v, %v, %v", r, ok, err)
		}
	}
	pushes, err := m.current.engine.After(t.Context(), begin, 10)
	if err != nil || len(pushes) != 2 {
		t.Fatalf("%d pushes, %v", len(pushes), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lasting := make(chan string, 4)
	p, err := client.NewPage(client.PageOptions{URL: m.url, Token: moveToken, Labels: map[string][]string{"page": {"home"}}})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.Run(ctx, func(push client.Push) error { lasting <- string(push.Data); return nil })
	}()
	select {
	case data := <-lasting:
		if strings.TrimSpace(data) != "2" {
			t.Errorf("a page gets %s", data)
		}
	case <-time.After(guard):
		t.Error("a push that lasts is lost")
	}
}
