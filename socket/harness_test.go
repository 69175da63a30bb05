package socket_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gobwas/ws"

	"scenecast"
	"scenecast/socket"
)

// shard writes down what its loop tells it, on the owner's goroutine.
type shard struct {
	loop   *socket.Loop
	events []string
	slots  []scenecast.Slot
	onText func(slot scenecast.Slot, text string)
}

func (s *shard) Opened(slot scenecast.Slot, _ scenecast.Admission) {
	s.slots = append(s.slots, slot)
	s.events = append(s.events, fmt.Sprintf("opened %d.%d", slot.Index, slot.Generation))
}

func (s *shard) Received(slot scenecast.Slot, m scenecast.Inbound) {
	s.events = append(s.events, fmt.Sprintf("received %s", m.Data))
	if s.onText != nil {
		s.onText(slot, string(m.Data))
	}
}

func (s *shard) Closed(slot scenecast.Slot, _ scenecast.Ending) {
	s.events = append(s.events, fmt.Sprintf("closed %d.%d", slot.Index, slot.Generation))
}

func start(o socket.Options) *shard {
	o.Portable = true // a bubble knows when goroutines wait, not when the kernel does
	loop, err := socket.NewLoop(o)
	if err != nil {
		panic(err)
	}
	s := &shard{loop: loop}
	loop.Start(s)
	return s
}

// do runs a task on the owner and waits for it.
func (s *shard) do(task func()) {
	done := make(chan struct{})
	s.loop.Post(func() { task(); close(done) })
	<-done
}

// stop ends the loop at once. Goroutines that it left behind would make synctest fail.
func (s *shard) stop() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.loop.Shutdown(ctx)
}

func (s *shard) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	if !slices.Equal(s.events, want) {
		t.Errorf("the shard was told %q, want %q", s.events, want)
	}
}

// page is the other end of a connection. What arrives is written down as `KIND payload`.
type page struct {
	conn   net.Conn
	frames chan string
}

// attach connects a page to the loop. One that does not read takes nothing: a pipe has no buffer.
func (s *shard) attach(silence scenecast.IdlePolicy, reads bool) *page {
	server, client := net.Pipe()
	p := &page{conn: client, frames: make(chan string, 1000)}
	s.loop.Attach(server, nil, scenecast.Admission{Idle: silence})
	if reads {
		go p.read()
	}
	synctest.Wait()
	return p
}

func (p *page) read() {
	defer close(p.frames)
	for {
		head, err := ws.ReadHeader(p.conn)
		if err != nil {
			return
		}
		payload := make([]byte, head.Length)
		if _, err := io.ReadFull(p.conn, payload); err != nil {
			return
		}
		text := string(payload)
		if head.OpCode == ws.OpClose && len(payload) > 0 {
			code, reason := ws.ParseCloseFrameData(payload)
			text = fmt.Sprintf("%d %s", code, reason)
		}
		kinds := map[ws.OpCode]string{ws.OpText: "text", ws.OpPing: "ping", ws.OpPong: "pong", ws.OpClose: "close"}
		p.frames <- strings.TrimSpace(kinds[head.OpCode] + " " + text)
	}
}

func (p *page) send(f ws.Frame) { _ = ws.WriteFrame(p.conn, ws.MaskFrame(f)) }

// next is the next frame, `EOF` when the server has closed.
func (p *page) next() string {
	frame, ok := <-p.frames
	if !ok {
		return "EOF"
	}
	return frame
}

func (p *page) expect(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := p.next(); got != w {
			t.Errorf("the page got %q, want %q", got, w)
		}
	}
}

var anySilence scenecast.IdlePolicy
