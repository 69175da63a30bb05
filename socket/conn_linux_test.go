package socket_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"scenecast"
	"scenecast/socket"
	"scenecast/websocket"
)

// These tests are those of socket_test.go, over TCP, on both kinds of sockets.

func TestTCPMessagesBothWays(t *testing.T) {
	onEachKind(t, socket.Options{}, func(t *testing.T, s *harness) {
		s.onText = func(slot scenecast.Slot, text string) {
			s.loop.Send(slot, websocket.TextFrame([]byte("echo "+text)))
		}
		p := s.connect()
		p.send(ws.NewTextFrame([]byte("one")))
		p.send(ws.NewTextFrame([]byte("two")))
		p.send(ws.NewPingFrame([]byte("?")))
		p.expect(t, "text echo one", "text echo two", "pong ?")
		for _, b := range compiled(ws.NewTextFrame([]byte("in pieces"))) {
			_, _ = p.conn.Write([]byte{b})
		}
		p.expect(t, "text echo in pieces")
		_ = p.conn.Close()
		s.await("opened 0.0", "received one", "received two", "received in pieces", "closed 0.0")
	})
}

func TestTCPEarlyBytes(t *testing.T) {
	onEachKind(t, socket.Options{}, func(_ *testing.T, s *harness) {
		early := compiled(ws.NewTextFrame([]byte("early")))
		conn := s.dialPage(string(early) + string(early[:4]))
		_, _ = conn.Write(early[4:])
		s.await("opened 0.0", "received early", "received early")
	})
}

func TestTCPPageCloses(t *testing.T) {
	onEachKind(t, socket.Options{}, func(t *testing.T, s *harness) {
		p := s.connect()
		p.send(ws.NewCloseFrame(ws.NewCloseFrameBody(1001, "left")))
		p.expect(t, "close 1001", "EOF")
		s.await("opened 0.0", "closed 0.0")
	})
}

// TestTCPServerCloses: with an answer the socket ends at once; without one, and with any amount of talk, after CloseWait.
func TestTCPServerCloses(t *testing.T) {
	for name, answer := range map[string]string{
		"an answer":     string(compiled(ws.NewCloseFrame(ws.NewCloseFrameBody(4503, "")))),
		"no answer":     "",
		"other answers": string(compiled(ws.NewTextFrame([]byte("no")))) + "\xff\xff\xff",
	} {
		t.Run(name, func(t *testing.T) {
			onEachKind(t, socket.Options{CloseWait: 100 * time.Millisecond}, func(t *testing.T, s *harness) {
				p := s.connect()
				s.do(func() { s.loop.Close(s.slots[0], scenecast.Ending{Code: scenecast.CloseShuttingDown, Detail: "bye"}) })
				p.expect(t, "close 4503 bye")
				_, _ = io.WriteString(p.conn, answer)
				p.expect(t, "EOF")
				s.await("opened 0.0")
			})
		})
	}
}

func TestTCPViolations(t *testing.T) {
	for _, c := range []struct {
		bytes string
		want  string
	}{
		{"\x81\x01a", "close 1002 frames from client to server must be masked"},
		{string(compiled(ws.NewTextFrame([]byte("\xff")))), "close 1007 text message is not valid UTF-8"},
		{string(compiled(ws.NewTextFrame(make([]byte, 101)))), "close 1009 message over 100 bytes (setting: websocket.max_message)"},
	} {
		onEachKind(t, socket.Options{MaxMessage: 100}, func(t *testing.T, s *harness) {
			p := s.connect()
			_, _ = io.WriteString(p.conn, c.bytes)
			p.expect(t, c.want)
			p.send(ws.NewTextFrame([]byte("too late")))
			s.await("opened 0.0", "closed 0.0")
			_ = p.conn.(*net.TCPConn).CloseWrite()
			p.expect(t, "EOF")
			s.await("opened 0.0", "closed 0.0")
		})
	}
}

func TestTCPStaleSlot(t *testing.T) {
	onEachKind(t, socket.Options{}, func(t *testing.T, s *harness) {
		first := s.connect()
		_ = first.conn.Close()
		s.awaitThat("the page has gone", func() bool { return len(s.events) == 2 })
		second := s.connect()
		s.do(func() {
			if s.slots[0].Index != s.slots[1].Index {
				t.Errorf("slots %v: the index is not used again", s.slots)
			}
			if s.loop.Send(s.slots[0], websocket.TextFrame([]byte("for the first"))) ||
				s.loop.SendShared(s.slots[0], &scenecast.Frame{Data: websocket.TextFrame([]byte("for the first"))}) {
				t.Error("a stale slot took a frame")
			}
			s.loop.OnWritten(s.slots[0], func() { t.Error("nothing was written") })
			s.loop.Close(s.slots[0], scenecast.Ending{Code: scenecast.CloseNormal, Detail: ""})
			s.loop.Send(s.slots[1], websocket.TextFrame([]byte("for the second")))
		})
		second.expect(t, "text for the second")
	})
}

// TestTCPHalfOpen: pings and silence, in real time and hence without times.
func TestTCPHalfOpen(t *testing.T) {
	onEachKind(t, socket.Options{PingEvery: 50 * time.Millisecond, PongWait: 50 * time.Millisecond}, func(t *testing.T, s *harness) {
		p := s.connect()
		p.expect(t, "ping", "close 4410 no pong within 50ms")
		s.await("opened 0.0", "closed 0.0")
	})
}

// TestTCPHalfClosed: a page that can say nothing any more has gone.
func TestTCPHalfClosed(t *testing.T) {
	onEachKind(t, socket.Options{}, func(t *testing.T, s *harness) {
		p := s.connect()
		p.send(ws.NewTextFrame([]byte("last words")))
		_ = p.conn.(*net.TCPConn).CloseWrite()
		p.expect(t, "EOF")
		s.await("opened 0.0", "received last words", "closed 0.0")
	})
}

// TestTCPReset: a page whose connection breaks has gone, whatever is going on with it.
func TestTCPReset(t *testing.T) {
	for name, before := range map[string]func(s *harness, conn net.Conn){
		"idle":              func(*harness, net.Conn) {},
		"half a message":    func(_ *harness, conn net.Conn) { _, _ = io.WriteString(conn, "\x81\x85\x00\x00") },
		"bytes wait for it": func(s *harness, _ net.Conn) { s.do(func() { s.loop.Send(s.slots[0], bigFrame) }) },
		"a shared frame waits": func(s *harness, _ net.Conn) {
			s.do(func() { s.loop.SendShared(s.slots[0], &scenecast.Frame{Data: bigFrame}) })
		},
		"bytes it has not read": func(s *harness, _ net.Conn) {
			s.do(func() { s.loop.Send(s.slots[0], websocket.TextFrame([]byte("x"))) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEachKind(t, socket.Options{}, func(_ *testing.T, s *harness) {
				conn := s.dialPage("")
				before(s, conn)
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
				s.await("opened 0.0", "closed 0.0")
			})
		})
	}
}

var bigFrame = websocket.TextFrame(make([]byte, 1<<20-100))
