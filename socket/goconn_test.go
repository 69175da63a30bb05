package socket_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"scenecast"
	"scenecast/socket"
	"scenecast/websocket"
)

func TestMessagesBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(socket.Options{})
		defer s.stop()
		s.onText = func(slot scenecast.Slot, text string) {
			s.loop.Send(slot, websocket.TextFrame([]byte("echo "+text)))
		}
		p := s.attach(anyIdle, true)
		p.send(ws.NewTextFrame([]byte("one")))
		p.send(ws.NewTextFrame([]byte("two")))
		p.send(ws.NewPingFrame([]byte("?")))
		p.expect(t, "text echo one", "text echo two", "pong ?")
		s.expect(t, "opened 0.0", "received one", "received two")
		_ = p.conn.Close()
		s.expect(t, "opened 0.0", "received one", "received two", "closed 0.0")
	})
}

// TestEarlyBytes: what a page sent right behind its handshake is not lost.
func TestEarlyBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(socket.Options{})
		defer s.stop()
		server, client := net.Pipe()
		defer client.Close()
		early := bytes.NewBuffer(nil)
		_ = ws.WriteFrame(early, ws.MaskFrame(ws.NewTextFrame([]byte("early"))))
		s.loop.Attach(server, early.Bytes(), scenecast.Admission{})
		s.expect(t, "opened 0.0", "received early")
	})
}

func TestPageCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(socket.Options{})
		defer s.stop()
		p := s.attach(anyIdle, true)
		p.send(ws.NewCloseFrame(ws.NewCloseFrameBody(1001, "left")))
		p.expect(t, "close 1001", "EOF")
		s.expect(t, "opened 0.0", "closed 0.0")
	})
}

// TestRefuse: the page is told why, and the shard never hears of it.
func TestRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(socket.Options{})
		defer s.stop()
		other := s.attach(anyIdle, true) // in the slot that a socket without one might be taken for
		server, client := net.Pipe()
		p := &page{conn: client, frames: make(chan string, 10)}
		s.loop.Refuse(server, nil, scenecast.Ending{Code: scenecast.CloseUnauthorized, Detail: "who are you?"})
		go p.read()
		p.expect(t, "close 4401 who are you?")
		p.send(ws.NewTextFrame([]byte("x")))
		p.send(ws.NewCloseFrame(nil))
		p.expect(t, "EOF")
		s.expect(t, "opened 0.0")
		s.do(func() { s.loop.Send(s.slots[0], websocket.TextFrame([]byte("still here"))) })
		other.expect(t, "text still here")
	})
}

func TestServerCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, answers := range []bool{true, false} {
			s := start(socket.Options{CloseWait: 5 * time.Second})
			p := s.attach(anyIdle, true)
			begun := time.Now()
			s.do(func() { s.loop.Close(s.slots[0], scenecast.Ending{Code: scenecast.CloseShuttingDown, Detail: "bye"}) })
			p.expect(t, "close 4503 bye")
			if answers {
				p.send(ws.NewCloseFrame(ws.NewCloseFrameBody(4503, "")))
			}
			p.expect(t, "EOF")
			want := map[bool]time.Duration{true: 0, false: 5 * time.Second}[answers]
			if waited := time.Since(begun); waited != want {
				t.Errorf("page answers %v: closed after %v, want %v", answers, waited, want)
			}
			s.expect(t, "opened 0.0") // the shard closed it itself, so it is not told
			s.stop()
		}
	})
}

func TestViolations(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes []byte
		want  string
	}{
		{"unmasked", []byte{0x81, 0x01, 'a'}, "close 1002 frames from client to server must be masked"},
		{"no UTF-8", compiled(ws.NewTextFrame([]byte("\xff"))), "close 1007 text message is not valid UTF-8"},
		{"too big", compiled(ws.NewTextFrame(make([]byte, 101))), "close 1009 message over 100 bytes (setting: websocket.max_message)"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := start(socket.Options{MaxMessage: 100})
			defer s.stop()
			p := s.attach(anyIdle, true)
			_, _ = p.conn.Write(c.bytes)
			if got := p.next(); got != c.want {
				t.Errorf("%s: the page got %q, want %q", c.name, got, c.want)
			}
			p.send(ws.NewTextFrame([]byte("too late")))
			s.expect(t, "opened 0.0", "closed 0.0")
			_ = p.conn.Close()
		})
	}
}

func compiled(f ws.Frame) []byte { return ws.MustCompileFrame(ws.MaskFrame(f)) }

func compiledText(text string) []byte { return compiled(ws.NewTextFrame([]byte(text))) }

// TestHalfOpen: a page that answers no ping is gone after at most ping interval and pong wait.
func TestHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(socket.Options{PingEvery: 25 * time.Second, PongWait: 10 * time.Second})
		defer s.stop()
		p := s.attach(anyIdle, true)
		begun := time.Now()
		p.expect(t, "ping")
		if after := time.Since(begun); after < 20*time.Second || after > 25*time.Second {
			t.Errorf("pinged after %v, want 20 s to 25 s", after)
		}
		p.send(ws.NewPongFrame(nil))
		p.expect(t, "ping", "close 4410 no pong within 10s")
		s.expect(t, "opened 0.0", "closed 0.0")
		_ = p.conn.Close()
	})
}

// TestAnySignOfLife: a message does for a pong.
func TestAnySignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(socket.Options{PingEvery: 25 * time.Second, PongWait: 10 * time.Second})
		defer s.stop()
		p := s.attach(anyIdle, true)
		for range 3 {
			p.expect(t, "ping")
			time.Sleep(9 * time.Second)
			p.send(ws.NewTextFrame([]byte("x")))
		}
		s.expect(t, "opened 0.0", "received x", "received x", "received x")
	})
}

// TestIdleCheck is the tutorial's: a look every 60 s, and a page without any frame for 121 s is closed.
func TestIdleCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(socket.Options{PingEvery: -1})
		defer s.stop()
		idle := scenecast.IdlePolicy{CheckEvery: 60 * time.Second, Allowed: 121 * time.Second}
		silent, talking := s.attach(idle, true), s.attach(idle, true)
		begun := time.Now()
		for range 5 {
			time.Sleep(59 * time.Second)
			talking.send(ws.NewTextFrame([]byte("heartbeat")))
		}
		silent.expect(t, "close 4410 no frame within 2m1s", "EOF")
		if after := time.Since(begun); after > 300*time.Second {
			t.Errorf("closed after %v", after)
		}
		synctest.Wait()
		if len(talking.frames) > 0 {
			t.Errorf("the talking page got %s", talking.next())
		}
		if want := []string{"opened 0.0", "opened 1.0"}; !slices.Equal(s.events[:2], want) || !slices.Contains(s.events, "closed 0.0") {
			t.Errorf("the shard was told %q", s.events)
		}
	})
}

// TestIdleCheckTime: the look at 180 s is the first that finds 121 s of silence.
func TestIdleCheckTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(socket.Options{PingEvery: -1})
		defer s.stop()
		p := s.attach(scenecast.IdlePolicy{CheckEvery: 60 * time.Second, Allowed: 121 * time.Second}, true)
		begun := time.Now()
		p.expect(t, "close 4410 no frame within 2m1s")
		if after := time.Since(begun); after != 180*time.Second {
			t.Errorf("closed after %v, want 3m0s", after)
		}
		_ = p.conn.Close()
	})
}

// TestSlowConsumer: a page that does not read is closed when its outbox is full, and delays nobody.
func TestSlowConsumer(t *testing.T) {
	frame := websocket.TextFrame(make([]byte, 98)) // 100 bytes
	for _, c := range []struct {
		name    string
		options socket.Options
		fits    int
	}{
		{"by frames", socket.Options{OutboxFrames: 10}, 10},
		{"by bytes", socket.Options{OutboxBytes: 1050}, 10},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := start(c.options)
			defer s.stop()
			stalled, healthy := s.attach(anyIdle, false), s.attach(anyIdle, true)
			sent := 0
			for range 3 * c.fits {
				s.do(func() {
					if s.loop.Send(s.slots[0], frame) {
						sent++
					}
					if !s.loop.Send(s.slots[1], frame) {
						t.Errorf("%s: the healthy page was refused", c.name)
					}
				})
				healthy.expect(t, "text "+string(make([]byte, 98)))
			}
			if sent != c.fits {
				t.Errorf("%s: %d frames were taken, want %d", c.name, sent, c.fits)
			}
			// It reads at last: whole frames, then why.
			go stalled.read()
			frames := 0
			for frame := range stalled.frames {
				frames++
				if strings.HasPrefix(frame, "close") {
					if frame != "close 4408 slow consumer: the outbox was full" {
						t.Errorf("%s: got %s", c.name, frame)
					}
					_ = stalled.conn.Close()
				}
			}
			if frames < 2 {
				t.Errorf("%s: the stalled page got %d frames", c.name, frames)
			}
		})
	}
}

// TestStalledForGood: a page that never reads again is cut after the write timeout.
func TestStalledForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(socket.Options{WriteTimeout: 10 * time.Second})
		defer s.stop()
		s.attach(anyIdle, false)
		s.do(func() { s.loop.Send(s.slots[0], websocket.TextFrame([]byte("x"))) })
		time.Sleep(10 * time.Second)
		s.expect(t, "opened 0.0", "closed 0.0")
	})
}

// TestStaleSlot: a slot that is used again is another page's, and its old address reaches nobody.
func TestStaleSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(socket.Options{})
		defer s.stop()
		first := s.attach(anyIdle, true)
		_ = first.conn.Close()
		synctest.Wait()
		second := s.attach(anyIdle, true)
		s.expect(t, "opened 0.0", "closed 0.0", "opened 0.1")
		s.do(func() {
			if s.loop.Send(s.slots[0], websocket.TextFrame([]byte("for the first"))) {
				t.Error("a stale slot took a frame")
			}
			s.loop.Close(s.slots[0], scenecast.Ending{Code: scenecast.CloseNormal, Detail: ""})
			s.loop.Send(s.slots[1], websocket.TextFrame([]byte("for the second")))
		})
		second.expect(t, "text for the second")
	})
}

// TestShutdown waits for pages that are closing, and cuts the others when its time is up.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(socket.Options{PingEvery: -1})
		polite, deaf := s.attach(anyIdle, true), s.attach(anyIdle, true)
		s.do(func() { s.loop.Close(s.slots[0], scenecast.Ending{Code: scenecast.CloseShuttingDown, Detail: ""}) })
		polite.expect(t, "close 4503")
		polite.send(ws.NewCloseFrame(nil))
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		begun := time.Now()
		s.loop.Shutdown(ctx)
		if waited := time.Since(begun); waited != time.Minute {
			t.Errorf("shutdown took %v, want the whole minute: a page is still open", waited)
		}
		deaf.expect(t, "EOF")
		if s.loop.Post(func() { t.Error("a stopped loop ran a task") }) {
			t.Error("a stopped loop took a task")
		}
		server, client := net.Pipe()
		s.loop.Attach(server, nil, scenecast.Admission{})
		if _, err := client.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("a stopped loop kept a connection: %v", err)
		}
	})
}

// TestShutdownOfAnEmptyLoop does not wait.
func TestShutdownOfAnEmptyLoop(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		s := start(socket.Options{})
		s.loop.Shutdown(context.Background())
	})
}
