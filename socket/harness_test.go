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
	loop    *socket.Loop
	events  []string
	slots   []scenecast.Slot
	endings []scenecast.Ending
	onText  func(slot scenecast.Slot, text string)
	onOpen  func(slot scenecast.Slot)
	check   func(index uint32) // of a slot that is opened
	calls   int                // of it, and of tasks, that are under way
}

// call notes a call of the shard, or a task. There may be one at a time.
func (s *shard) call() (end func()) {
	if s.calls++; s.calls > 1 {
		s.events = append(s.events, "A CALL INSIDE A CALL")
	}
	return func() { s.calls-- }
}

func (s *shard) Opened(slot scenecast.Slot, _ scenecast.Admission) {
	defer s.call()()
	s.slots = append(s.slots, slot)
	s.events = append(s.events, fmt.Sprintf("opened %d.%d", slot.Index, slot.Generation))
	if s.check != nil {
		s.check(slot.Index)
	}
	if s.onOpen != nil {
		s.onOpen(slot)
	}
}

func (s *shard) Received(slot scenecast.Slot, m scenecast.Inbound) {
	defer s.call()()
	s.events = append(s.events, fmt.Sprintf("received %s", m.Data))
	if s.onText != nil {
		s.onText(slot, string(m.Data))
	}
}

func (s *shard) Closed(slot scenecast.Slot, e scenecast.Ending) {
	defer s.call()()
	s.endings = append(s.endings, e)
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
	s.loop.Post(func() {
		defer close(done)
		defer s.call()()
		task()
	})
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
func (s *shard) attach(idle scenecast.IdlePolicy, reads bool) *page {
	server, client := net.Pipe()
	p := &page{conn: client, frames: make(chan string, 1000)}
	s.loop.Attach(server, nil, scenecast.Admission{Idle: idle})
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

var anyIdle scenecast.IdlePolicy
