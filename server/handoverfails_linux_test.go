package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scenecast"
	"scenecast/api"
	"scenecast/client"
	"scenecast/engine/memory"
	"scenecast/handover"
	"scenecast/handover/link"
	"scenecast/hub"
	"scenecast/protocol/native"
)

// fakeSuccessor is a process that speaks to a server as one that is to take over, up to where a test has it end.
type fakeSuccessor struct {
	t *testing.T
	*link.Conn
	engine string
}

func (m *moves) fakeSuccessor() *fakeSuccessor {
	m.t.Helper()
	c, err := link.Dial(m.options.Config.Handover, guard)
	if err != nil {
		m.t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(guard))
	return &fakeSuccessor{m.t, c, m.options.Config.EngineName()}
}

func (f *fakeSuccessor) hello(change func(h *handover.Hello)) {
	f.t.Helper()
	h := handover.Hello{Newest: handover.Newest, Oldest: handover.Oldest, Version: "fake", Listen: "127.0.0.1:0", Engine: f.engine}
	if change != nil {
		change(&h)
	}
	if err := f.Send(handover.KindHello, h.Encode()); err != nil {
		f.t.Fatal(err)
	}
}

// goOn begins, and goes on as one that is in order does, up to a message of a kind.
func (f *fakeSuccessor) goOn(kind handover.Kind) {
	f.t.Helper()
	f.hello(nil)
	f.until(handover.KindWelcome)
	if kind == handover.KindWelcome {
		return
	}
	_ = f.Send(handover.KindBuilt, nil)
	if kind == handover.KindTake {
		f.until(handover.KindEnd)
		_ = f.Send(handover.KindReady, nil)
	}
	f.until(kind)
}

// until reads up to a message of a kind.
func (f *fakeSuccessor) until(kind handover.Kind) []byte {
	f.t.Helper()
	for {
		k, payload, err := f.Receive()
		if err != nil {
			f.t.Fatalf("waiting for message %d: %v", kind, err)
		}
		if k == kind {
			return payload
		}
	}
}

// TestHandoverFails has successors end, hang and talk nonsense at each step: the server goes on with its pages, which notice nothing, and hands
// over to one that is in order afterwards.
func TestHandoverFails(t *testing.T) {
	before := frozenWithin
	frozenWithin = 3 * time.Second
	defer func() { frozenWithin = before }()
	m := newMoves(t, nil)
	page := m.dialPage(nativePath, nativeHeader)
	page.expect(`"welcome"`)
	pushes := 0
	check := func(name string) {
		t.Helper()
		pushes++
		m.push(client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: fmt.Appendf(nil, `{"n":%d}`, pushes)})
		page.expect(fmt.Sprintf(`{"n":%d}`, pushes))
		other := m.dialPage(nativePath, nativeHeader)
		other.expect(`"welcome"`)
		_ = other.Close()
		awaitTrue(t, name+": a page that has gone is gone", func() bool { return m.current.Connections() == 1 })
	}
	refusal := func(f *fakeSuccessor) string {
		why, _, err := handover.DecodeRefusal(f.until(handover.KindRefusal))
		if err != nil {
			t.Fatal(err)
		}
		return why
	}
	for _, c := range []struct {
		name    string
		do      func(f *fakeSuccessor)
		outcome handoverOutcome // counted; empty: nothing is
	}{
		{"only looks", func(*fakeSuccessor) {}, ""},
		{"garbage", func(f *fakeSuccessor) { _ = f.Send(handover.KindPages, []byte("garbage")); refusal(f) }, handoverRefused},
		{"malformed hello", func(f *fakeSuccessor) { _ = f.Send(handover.KindHello, []byte{0xff}); refusal(f) }, handoverRefused},
		{"another format", func(f *fakeSuccessor) {
			f.hello(func(h *handover.Hello) { h.Newest, h.Oldest = handover.Newest+2, handover.Newest+1 })
			if why := refusal(f); !strings.Contains(why, "restart instead") {
				t.Errorf("another format: %s", why)
			}
		}, handoverRefused},
		{"another port", func(f *fakeSuccessor) {
			f.hello(func(h *handover.Hello) { h.Listen = ":80" })
			if why := refusal(f); !strings.Contains(why, "keeps the port") {
				t.Errorf("another port: %s", why)
			}
		}, handoverRefused},
		{"another engine", func(f *fakeSuccessor) {
			f.hello(func(h *handover.Hello) { h.Engine = "another" })
			if why := refusal(f); !strings.Contains(why, "has the engine another") {
				t.Errorf("another engine: %s", why)
			}
		}, handoverRefused},
		{"comes while the node drains", func(f *fakeSuccessor) {
			delay := time.Hour
			if _, err := m.current.Drain(t.Context(), api.DrainRequest{Delay: &delay}); err != nil {
				t.Fatal(err)
			}
			f.hello(nil)
			if why := refusal(f); !strings.Contains(why, "POST /v1/drain") {
				t.Errorf("while it drains: %s", why)
			}
			if _, err := m.current.Undrain(); err != nil {
				t.Error(err)
			}
		}, handoverRefused},
		{"has come, and the node is to drain", func(f *fakeSuccessor) {
			f.goOn(handover.KindWelcome)
			awaitTrue(t, "the handover to keep others out", func() bool { return len(m.current.reload.turn) == 0 })
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if d, err := m.current.Drain(ctx, api.DrainRequest{}); err == nil || !strings.Contains(err.Error(), "a handover has not ended") {
				t.Errorf("a drain during a handover: %+v, %v", d, err)
			}
		}, handoverRefused},
		{"ends behind the welcome", func(f *fakeSuccessor) { f.goOn(handover.KindWelcome) }, handoverRefused},
		{"does not go on", func(f *fakeSuccessor) {
			f.goOn(handover.KindWelcome)
			_ = f.Send(handover.KindRefusal, handover.Refusal("no memory", nil))
			if why := refusal(f); !strings.Contains(why, "no memory") {
				t.Errorf("does not go on: %s", why)
			}
		}, handoverRefused},
		{"ends when the pages stand still", func(f *fakeSuccessor) {
			f.goOn(handover.KindShared)
		}, handoverFailed},
		{"ends within the pages", func(f *fakeSuccessor) {
			f.goOn(handover.KindPages)
		}, handoverFailed},
		{"hangs before it is ready", func(f *fakeSuccessor) {
			f.goOn(handover.KindEnd)
			if why := refusal(f); !strings.Contains(why, "has not answered") {
				t.Errorf("hangs: %s", why)
			}
		}, handoverFailed},
		{"ends when it is ready", func(f *fakeSuccessor) {
			f.goOn(handover.KindTake)
		}, handoverFailed},
		{"hangs before it takes the token", func(f *fakeSuccessor) {
			f.goOn(handover.KindTake)
			refusal(f)
			for range len(m.current.loops) {
				f.takeFile()
			}
			token := f.takeFile()
			var b [1]byte
			if n, _ := unix.Read(token, b[:]); n > 0 {
				t.Error("the token can still be taken")
			}
			_ = unix.Close(token)
		}, handoverFailed},
	} {
		counted, _ := m.current.handovers.figures()
		f := m.fakeSuccessor()
		c.do(f)
		f.Close()
		if c.outcome != "" {
			awaitTrue(t, c.name+" is counted", func() bool {
				now, _ := m.current.handovers.figures()
				return now[string(c.outcome)] == counted[string(c.outcome)]+1
			})
		}
		check(c.name)
	}
	m.awaitEnd(m.next())
	check("a successor that is in order")
}

// TestHandoverSocketCannotBeMade: a process that has the pages, and finds no place for its own socket, goes on with them, and says so.
func TestHandoverSocketCannotBeMade(t *testing.T) {
	m := newMoves(t, nil)
	dir := filepath.Join(t.TempDir(), "sockets")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	m.options.Config.Handover = filepath.Join(dir, "h.sock")
	m.current = startGeneration(t, m.options)
	m.url = "http://" + m.current.Addr().String()
	page := m.dialPage(nativePath, nativeHeader)
	page.expect(`"welcome"`)

	told := make(chan string, 1)
	m.options.Logger = slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		if strings.Contains(string(p), "taking the place of a running process") {
			return len(p), os.Rename(dir, dir+".gone")
		}
		if strings.Contains(string(p), "level=ERROR") {
			told <- string(p)
		}
		return len(p), nil
	}), nil))
	m.awaitEnd(m.next())
	m.push(client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: json.RawMessage(`{"n":1}`)})
	page.expect(`{"n":1}`)
	if line := <-told; !strings.Contains(line, "no other process can take over") || !strings.Contains(line, dir) {
		t.Errorf("the log tells %s", line)
	}
	if err := m.current.HandOver(t.Context()); !errors.Is(err, errNoSocket) {
		t.Errorf("another handover: %v", err)
	}
	if m.current.Connections() != 1 {
		t.Error("the page is gone")
	}
}

func (f *fakeSuccessor) takeFile() int {
	f.t.Helper()
	fd, ok := f.TakeFile()
	if !ok {
		f.t.Fatal("a descriptor is missing")
	}
	return fd
}

// TestHandoverFromNobody: what is at the path is no server that hands over. The new process does not start, and says why.
func TestHandoverFromNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "h.sock")
	o := Options{Config: moveConfig(t, path, nil)}
	try := func(want string) {
		t.Helper()
		s, err := New(t.Context(), o)
		if err == nil {
			s.stopServing()
			t.Fatal("it has started")
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q in it", err, want)
		}
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	try("is no socket")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	answers := make(chan []byte, 8)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _, _ = handover.ReadMessage(c)
				_, _ = c.Write(<-answers)
				_, _ = io.Copy(io.Discard, c)
			}()
		}
	}()
	answers <- []byte("HTTP/1.1 400 Bad Request\r\n\r\n")
	try("malformed")
	answers <- append(handover.AppendHead(nil, handover.KindRefusal, 4), "\x02\x02no"...)
	try("refuses: no")
	w := welcome{format: handover.Newest, node: 7, loops: 2}
	answers <- append(handover.AppendHead(nil, handover.KindWelcome, len(w.encode())), w.encode()...)
	try("no listening sockets")
	w.format = handover.Newest + 1
	answers <- append(handover.AppendHead(nil, handover.KindWelcome, len(w.encode())), w.encode()...)
	try("malformed")
}

// FuzzTakeover has what comes from another process be anything: nothing panics, and no descriptor is taken for a page.
func FuzzTakeover(f *testing.F) {
	var e handover.Encoder
	e.Uint(fieldLoop, 0)
	e.Record(fieldItem, func(e *handover.Encoder) { e.Text(handover.Required(1), "x") })
	f.Add(uint8(handover.KindPages), e.Encoded())
	f.Add(uint8(handover.KindLoop), e.Encoded())
	e.Reset()
	e.Record(fieldHub, func(e *handover.Encoder) { e.Bytes(handover.Required(1), make([]byte, 16)) })
	f.Add(uint8(handover.KindShared), e.Encoded())
	f.Add(uint8(handover.KindLog), e.Encoded())
	f.Add(uint8(handover.KindKeys), e.Encoded())
	f.Add(uint8(handover.KindPushes), e.Encoded())
	f.Add(uint8(handover.KindVisitors), e.Encoded())
	f.Fuzz(func(t *testing.T, kind uint8, payload []byte) {
		g := fuzzedTakeover(t)
		_ = g.take(handover.Kind(kind), payload)
		for i := range g.loops {
			if len(g.loops[i].pages) > 0 {
				t.Fatal("a page without a descriptor")
			}
		}
	})
}

// fuzzedTakeover is one whose other process has sent nothing yet. What it restores is thrown away.
func fuzzedTakeover(t *testing.T) *takeover {
	t.Helper()
	engine := memory.New(memory.Options{})
	h := hub.New(hub.Options{Node: 7, Log: engine})
	g := &takeover{lasting: make(map[uint64]*scenecast.Push), loops: make([]movedLoop, 2), conn: new(link.Conn), restoring: engine.Restore()}
	g.imported = h.Import([]scenecast.Protocol{native.New(nil, nil)}, g.lasting)
	for i := range g.loops {
		g.loops[i].members = make(map[scenecast.Slot]*hub.MovedPage)
	}
	t.Cleanup(func() { h.Close(); _ = engine.Close() })
	return g
}
