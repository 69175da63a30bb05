package server

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"

	"scenecast/client"
	"scenecast/handover"
	"scenecast/handover/link"
)

// relayed passes messages on between a process that hands over and one that takes over, up to one of a kind from the old process, which goes on
// as mangle has it. It ends when either closes.
func relayed(t *testing.T, from, to *link.Conn, kind handover.Kind, mangle func(payload []byte) (_ []byte, cut bool)) (done chan struct{}) {
	t.Helper()
	done = make(chan struct{})
	var passing sync.WaitGroup
	pass := func(in, out *link.Conn, kind handover.Kind) {
		defer func() { // the other way ends, too
			from.SetDeadline(time.Unix(1, 0))
			to.SetDeadline(time.Unix(1, 0))
		}()
		for {
			k, payload, err := in.Receive()
			if err != nil {
				return
			}
			var files []int
			for fd, ok := in.TakeFile(); ok; fd, ok = in.TakeFile() {
				files = append(files, fd)
			}
			cut := false
			if k == kind {
				payload, cut = mangle(payload)
			}
			if !cut {
				err = out.Send(k, payload, files...)
			}
			for _, fd := range files {
				_ = unix.Close(fd)
			}
			if cut || err != nil {
				return
			}
		}
	}
	passing.Go(func() { pass(from, to, kind) })
	passing.Go(func() { pass(to, from, handover.KindNone) })
	go func() {
		passing.Wait()
		from.Close()
		to.Close()
		close(done)
	}()
	return done
}

// TestHandoverOfHostileStreams has what the old process sends be cut off, shortened and replaced at each message: the new one does not start, and
// says why; the old one goes on, no page notices, and no descriptor is left open.
func TestHandoverOfHostileStreams(t *testing.T) {
	m := newMoves(t, map[string]string{"history.max_count": "100"})
	page := m.dialPage(nativePath, nativeHeader)
	page.expect(`"welcome"`)
	pushes := 0
	push := func() {
		t.Helper()
		pushes++
		m.push(client.PushRequest{To: []byte(`{"page":"home"}`), Message: fmt.Appendf(nil, `{"n":%d}`, pushes), TTL: time.Hour, IdempotencyKey: fmt.Sprint(pushes)})
		page.expect(fmt.Sprintf(`{"n":%d}`, pushes))
	}
	push()
	half := m.dialHTTP() // a client that is no page yet
	half.write("GET /healthz HT")
	path := m.options.Config.Handover + ".relayed"
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	hostile := m.options
	hostile.Config.Handover = path
	manglings := map[string]func(payload []byte) ([]byte, bool){
		"cut off":   func([]byte) ([]byte, bool) { return nil, true },
		"shortened": func(p []byte) ([]byte, bool) { return p[:len(p)-1], false },
		"replaced":  func(p []byte) ([]byte, bool) { return []byte(strings.Repeat("\xff", len(p)+1)), false },
	}
	files := -1
	for _, kind := range []handover.Kind{
		handover.KindWelcome, handover.KindLog, handover.KindKeys, handover.KindShared, handover.KindLoop, handover.KindPages, handover.KindVisitors, handover.KindEnd,
	} {
		for name, mangle := range manglings {
			relaying := make(chan chan struct{}, 1)
			go func() {
				c, err := l.AcceptUnix()
				if err != nil {
					return
				}
				to, err := link.New(c)
				if err != nil {
					t.Error(err)
					return
				}
				from, err := link.Dial(m.options.Config.Handover, time.Second)
				if err != nil {
					t.Error(err)
					return
				}
				relaying <- relayed(t, from, to, kind, mangle)
			}()
			s, err := New(t.Context(), hostile)
			if err == nil {
				s.stopServing()
				t.Fatalf("message %d %s: the new process has taken over", kind, name)
			}
			if !strings.Contains(err.Error(), "handover: ") {
				t.Errorf("message %d %s: %v", kind, name, err)
			}
			done := <-relaying
			<-done
			push()
			if n := m.current.Connections(); n != 1 {
				t.Errorf("message %d %s: %d pages", kind, name, n)
			}
		}
		runtime.GC()
		if kind == handover.KindLog { // by then everything is open that stays open
			files = openDescriptors(t)
		}
	}
	awaitTrue(t, fmt.Sprintf("%d descriptors are open, as after the first attempts; now %d", files, openDescriptors(t)), func() bool { return openDescriptors(t) <= files })
	half.write("TP/1.1\r\nHost: x\r\n\r\n")
	expectOK(t, half)
	m.awaitEnd(m.next())
	push()
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// TestHandoverToOtherSettings: what differs in the configuration of the new process is refused, or handled as a reload does it.
func TestHandoverToOtherSettings(t *testing.T) {
	const kept, rotated, other, more = "page-token-that-is-kept", "page-token-that-is-rotated", "page-token-of-the-shop", "page-token-of-more-labels"
	m := newMoves(t, map[string]string{
		"client_tokens": strings.Join([]string{kept, rotated, more}, ","),
		"apps":          "{shop: {client_tokens: [" + other + "]}}",
	})
	dial := func(token, labels string) *rawPage {
		t.Helper()
		p := m.dialPage("/v1/connect?page=home&token="+token+labels, nativeHeader)
		p.expect(`"welcome"`)
		return p
	}
	stays, leaves, shop, rich := dial(kept, ""), dial(rotated, ""), dial(other, ""), dial(more, "&a=1&b=2&c=3&d=4")
	loops := len(m.current.loops)

	m.awaitListening()
	refused := m.options
	refused.Config.Listen = "127.0.0.1:1"
	if s, err := New(t.Context(), refused); err == nil || !strings.Contains(err.Error(), "a handover keeps the port; restart instead") {
		t.Fatalf("another port: %v, %v", s, err)
	}
	m.socket = nil

	c := moveConfig(t, m.options.Config.Handover, map[string]string{
		"client_tokens": strings.Join([]string{kept, more}, ","), "labels.max_count": "2",
		"api_keys": "[{name: backend, key: key-that-is-new, allow: [push, read]}]",
	})
	m.options.Config = c
	before := runtime.GOMAXPROCS(1) // a new process that would have another number of loops
	first := m.next()
	runtime.GOMAXPROCS(before)
	m.awaitEnd(first)
	if n := len(m.current.loops); n != loops {
		t.Errorf("%d loops, before %d", n, loops)
	}
	for _, p := range []*rawPage{leaves, shop} {
		if code := p.closeCode(); code != 4401 {
			t.Errorf("a page whose credential is gone is closed with %d", code)
		}
	}
	if _, err := m.backend().Push(t.Context(), client.PushRequest{To: []byte(`{"page":"home"}`), Message: []byte(`1`)}); err == nil || !strings.Contains(err.Error(), "names no API key") {
		t.Errorf("the key that was replaced: %v", err)
	}
	backend := &client.Backend{URL: m.url, Key: "key-that-is-new"}
	result, err := backend.Push(t.Context(), client.PushRequest{To: []byte(`{"page":"home"}`), Message: []byte(`{"n":1}`)})
	if err != nil || result.Matched != 2 {
		t.Errorf("%+v, %v", result, err)
	}
	stays.expect(`{"n":1}`)
	rich.expect(`{"n":1}`)
	rich.write(masked(ws.OpText, true, `{"type":"set","id":1,"labels":{"e":"5"}}`)) // over the new limit
	rich.expect(`"error"`, "labels.")
	if result, err = backend.Push(t.Context(), client.PushRequest{To: []byte(`{"d":"4"}`), Message: []byte(`{"n":2}`)}); err != nil || result.Matched != 1 {
		t.Errorf("%+v, %v: what a page has stays", result, err)
	}
	rich.expect(`{"n":2}`)
	for _, p := range []*rawPage{stays, rich, leaves, shop} { // or the server waits for their close frames
		_ = p.Close()
	}
}

// closeCode reads up to the close frame.
func (p *rawPage) closeCode() ws.StatusCode {
	p.t.Helper()
	for {
		head, err := ws.ReadHeader(p.r)
		payload := make([]byte, head.Length)
		if err == nil {
			_, err = io.ReadFull(p.r, payload)
		}
		if err != nil {
			p.t.Fatal(err)
		}
		if head.OpCode == ws.OpClose {
			code, _ := ws.ParseCloseFrameData(payload)
			return code
		}
	}
}

// TestHandoverToOtherCores: a push that no outbox has room for is refused by the loops that there are, and not by the cores of the new process.
func TestHandoverToOtherCores(t *testing.T) {
	before := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(before)
	m := newMoves(t, map[string]string{"outbox.max_total": "256KiB", "outbox.max_bytes": "128KiB", "http.max_body": "128KiB"})
	p := m.dialPage("/v1/connect?page=home&token="+moveToken, nativeHeader)
	defer p.Close()
	p.expect(`"welcome"`)
	runtime.GOMAXPROCS(1)
	first := m.next()
	runtime.GOMAXPROCS(before)
	m.awaitEnd(first)
	message := []byte(`"` + strings.Repeat("x", 100<<10) + `"`)
	if result, err := m.backend().Push(t.Context(), client.PushRequest{To: []byte(`{"page":"home"}`), Message: message}); err == nil || !strings.Contains(err.Error(), "outbox.max_total") {
		t.Errorf("%+v, %v", result, err)
	}
	if result, err := m.backend().Push(t.Context(), client.PushRequest{To: []byte(`{"page":"home"}`), Message: []byte(`1`)}); err != nil || result.Queued != 1 {
		t.Errorf("%+v, %v", result, err)
	}
	p.expect(`"data":1`)
	_ = p.Close()
}
