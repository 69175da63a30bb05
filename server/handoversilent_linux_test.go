package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/client"
	"scenecast/engine/gate"
	"scenecast/handover"
	"scenecast/handover/link"
	"scenecast/handover/value"
	"scenecast/hub"
	"scenecast/label"
	"scenecast/language"
	"scenecast/socket"
)

// TestHandoverBesideSilentCallers: callers that say nothing, or only the beginning of a message, keep no process out that is to take over.
func TestHandoverBesideSilentCallers(t *testing.T) {
	m := newMoves(t, nil)
	page := m.dialPage(nativePath, nativeHeader)
	page.expect(`"welcome"`)
	m.awaitListening()
	for i := range 3 * maxSilentCallers {
		c, err := net.Dial("unix", m.options.Config.Handover)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i%2 == 1 {
			if _, err := c.Write([]byte{byte(handover.KindHello), 0, 0}); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Log(err) // it was closed for one that came later
			}
		}
	}
	m.socket = nil
	m.awaitEnd(m.next())
	m.push(client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: json.RawMessage(`{"n":1}`)})
	page.expect(`{"n":1}`)
}

// linked are the two ends of a connection between processes.
func linked(t *testing.T) (here, there *link.Conn) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if here, err = link.Dial(path, guard); err != nil {
		t.Fatal(err)
	}
	c, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	if there, err = link.New(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	return here, there
}

// heldBack is a gate that has held back more than the buffers of a socket hold.
func heldBack(t *testing.T) (g *gate.Gate, all []scenecast.Pending) {
	t.Helper()
	g = gate.New()
	everybody, err := audience.Parse("*")
	if err != nil {
		t.Fatal(err)
	}
	data := json.RawMessage(`"` + strings.Repeat("x", 64<<10) + `"`)
	for i := range 100 {
		p, err := g.Submit(scenecast.Push{ID: fmt.Sprint(i), App: "default", To: everybody, Message: scenecast.Message{Data: data}})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return g, all
}

func newTestSuccessor(conn *link.Conn) *successor {
	return newSuccessor(conn, hub.New(hub.Options{Node: 1, Limits: label.DefaultLimits}), slog.New(slog.DiscardHandler))
}

// TestSucceedDoesNotWait: what was held back goes to a process that reads nothing yet, and the engine does not wait for it. When it reads, it gets
// everything in order.
func TestSucceedDoesNotWait(t *testing.T) {
	here, there := linked(t)
	g, all := heldBack(t)
	s := newTestSuccessor(here)
	g.Succeed(s)
	go s.run()
	late := make(chan struct{})
	go func() {
		s.flush()
		close(late)
	}()
	var decoder value.Decoder
	for i := range all {
		k, payload, err := there.Receive()
		if err != nil || k != handover.KindSubmit {
			t.Fatalf("message %d: %v, %v", i, k, err)
		}
		if err := handover.Decode(payload, func(f handover.Field, v *handover.Value) bool {
			if f == fieldCallPush {
				if p := decoder.Push(v); p.ID != fmt.Sprint(i) {
					t.Errorf("the push %s is number %d", p.ID, i)
				}
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
	}
	<-late
	there.Close()
	<-s.done
	for _, p := range all {
		if err := p.WaitQueued(t.Context()); !errors.Is(err, scenecast.ErrUncertain) { // it was sent, and nothing was told of it
			t.Errorf("%v", err)
		}
	}
}

// TestSuccessorThatHangs: where the process that has the pages does not read, every call ends: what was not sent is not done, of the rest it is
// not known.
func TestSuccessorThatHangs(t *testing.T) {
	here, _ := linked(t)
	g, all := heldBack(t)
	s := newTestSuccessor(here)
	s.within = 50 * time.Millisecond
	g.Succeed(s)
	go s.run()
	<-s.done
	<-s.written
	ended := make(map[error]int)
	for _, p := range all {
		ended[p.WaitQueued(t.Context())]++
	}
	if ended[scenecast.ErrUnavailable] == 0 || ended[scenecast.ErrUnavailable]+ended[scenecast.ErrUncertain] != len(all) {
		t.Errorf("%v", ended)
	}
	if last := all[len(all)-1].WaitQueued(t.Context()); !errors.Is(last, scenecast.ErrUnavailable) {
		t.Errorf("the last, which cannot have been sent: %v", last)
	}
	p, err := g.Submit(scenecast.Push{ID: "later"})
	if err == nil {
		err = p.WaitQueued(t.Context())
	}
	if !errors.Is(err, scenecast.ErrUnavailable) {
		t.Errorf("a push that comes later: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), guard)
	defer cancel()
	if _, err := s.Ask(ctx, scenecast.Query{App: "default"}); !errors.Is(err, scenecast.ErrUnavailable) {
		t.Errorf("a query that comes later: %v", err)
	}
	s.flush()
}

// TestUnsentIsBounded: what is being sent to a process that hangs counts with what waits behind it.
func TestUnsentIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	here, err := link.Dial(path, guard)
	if err != nil {
		t.Fatal(err)
	}
	there, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	s := newTestSuccessor(here)
	s.within = guard
	go s.run()
	half := make([]byte, maxUnsent/2+1)
	s.send(0, handover.KindSubmit, half)
	if _, err := there.Read(make([]byte, 1)); err != nil { // it is being sent, and the rest is not read
		t.Fatal(err)
	}
	refused, taken := [2]*forwarded{}, [2]*forwarded{}
	for i := range refused {
		var id uint64
		id, refused[i] = s.begin("")
		s.send(id, handover.KindSubmit, half)
		id, taken[i] = s.begin("")
		s.send(id, handover.KindSubmit, nil)
	}
	for i := range refused {
		select {
		case <-refused[i].answered:
			if !errors.Is(refused[i].err, scenecast.ErrUnavailable) {
				t.Errorf("%v", refused[i].err)
			}
		default:
			t.Error("a message waits that there is no room for")
		}
		select {
		case <-taken[i].answered:
			t.Errorf("one that there is room for: %v", taken[i].err)
		default:
		}
	}
	var log strings.Builder
	s.log = slog.New(slog.NewTextHandler(&log, nil))
	s.send(0, handover.KindDeliver, half)
	s.send(0, handover.KindDeliver, half)
	if lines := strings.Count(log.String(), "decided late about pages is not sent"); lines != 1 {
		t.Errorf("of what nobody waits for the log tells %d times:\n%s", lines, &log)
	}
	here.Close()
	<-s.done
	<-s.written
	for _, f := range taken {
		if <-f.answered; f.err == nil {
			t.Error("a call that was not sent is done")
		}
	}
}

// TestPassToOneThatHangs: behind a connection of which the other process may have a part of the message, nothing is sent.
func TestPassToOneThatHangs(t *testing.T) {
	here, _ := linked(t)
	h := &handoverService{conn: here, next: newTestSuccessor(here)}
	h.next.within = -time.Second // it has had its time
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	h.pass(int(null.Fd()), socket.Visitor{})
	if err := here.SendWithin(guard, handover.KindSubmit, nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a message behind it: %v", err)
	}
}

// TestFailedHandoverInChinese: why a handover has failed is told in the language of who has asked for it, also after pages stood still.
func TestFailedHandoverInChinese(t *testing.T) {
	why := language.Errorf("the new process has not answered: %w", net.ErrClosed)
	told, err := readHandoverMessage(handoverMessage(language.MessageOf(&failedHandover{why: why})))
	if err != nil || told.Error() != why.Error() {
		t.Errorf("%q (%v), want %q", told, err, why)
	}
	if in, want := told.In(language.Chinese), language.Error(why, language.Chinese); in != want || in == why.Error() {
		t.Errorf("%q, want %q", in, want)
	}
}
