package socket_test

import (
	"context"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"scenecast"
	"scenecast/socket"
	"scenecast/websocket"
)

// TestEndingIsToldBehindTheTask: a page that is closed because of what a task sends is in its slot until the task has
// returned, takes nothing more, and then its ending is told.
func TestEndingIsToldBehindTheTask(t *testing.T) {
	onEachKind(t, socket.Options{OutboxBytes: 1000}, func(t *testing.T, s *harness) {
		p := s.connect()
		s.do(func() {
			large := &scenecast.Frame{Data: named("large", 2000)}
			small := &scenecast.Frame{Data: named("small", 10)}
			if s.loop.SendShared(s.slots[0], large) || s.loop.SendShared(s.slots[0], small) || s.loop.Send(s.slots[0], small.Data) {
				t.Error("a page that is closing took a frame")
			}
			s.loop.OnWritten(s.slots[0], func() { t.Error("a page that is closing has written what waits") })
			if len(s.endings) > 0 {
				t.Error("the ending was told inside of the task")
			}
		})
		s.await("opened 0.0", "closed 0.0")
		p.expect(t, "close 4408 slow consumer: the outbox was full")
	})
}

// TestHandlerClosesAnEndedPage: what it has closed itself it is not told of, also if the page had ended before.
func TestHandlerClosesAnEndedPage(t *testing.T) {
	onEachKind(t, socket.Options{OutboxBytes: 1000}, func(t *testing.T, s *harness) {
		p := s.connect()
		s.do(func() {
			s.loop.SendShared(s.slots[0], &scenecast.Frame{Data: named("large", 2000)})
			s.loop.Close(s.slots[0], scenecast.EndingBy(scenecast.CauseDisconnected, ""))
			if s.loop.Send(s.slots[0], named("small", 10)) {
				t.Error("a stale slot took a frame")
			}
		})
		p.expect(t, "close 4408 slow consumer: the outbox was full")
		p.send(ws.NewCloseFrame(nil))
		p.expect(t, "EOF")
		s.await("opened 0.0")
		s.expectEndings(map[scenecast.Cause]int64{scenecast.CauseOutboxFull: 1})
	})
}

// TestPageOpensAndEndsAtOnce: an ending that Opened brings about is told behind it.
func TestPageOpensAndEndsAtOnce(t *testing.T) {
	onEachKind(t, socket.Options{OutboxBytes: 1000}, func(_ *testing.T, s *harness) {
		s.onOpen = func(slot scenecast.Slot) {
			s.loop.SendShared(slot, &scenecast.Frame{Data: named("large", 2000)})
		}
		s.dialPage("")
		s.await("opened 0.0", "closed 0.0")
	})
}

// TestEndingCauses: the handler is told why a page has ended, alike on each kind of sockets, and the ending is counted.
func TestEndingCauses(t *testing.T) {
	stall := func(s *harness) {
		s.do(func() { s.share(s.slots[0], "filler", s.deliveries.frame("filler", 500<<10)) })
	}
	reset := func(conn net.Conn) {
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}
	for _, c := range []struct {
		name    string
		options socket.Options
		end     func(s *harness, conn net.Conn)
		want    scenecast.Ending
	}{
		{"the page closes", socket.Options{}, func(_ *harness, conn net.Conn) {
			_, _ = conn.Write(compiled(ws.NewCloseFrame(ws.NewCloseFrameBody(1001, "going"))))
		}, scenecast.Ending{Cause: scenecast.CausePageClosed, Code: 1001, Detail: "going"}},
		{"the page closes without a code", socket.Options{}, func(_ *harness, conn net.Conn) {
			_, _ = conn.Write(compiled(ws.NewCloseFrame(nil)))
		}, scenecast.Ending{Cause: scenecast.CausePageClosed}},
		{"no close frame", socket.Options{}, func(_ *harness, conn net.Conn) { _ = conn.Close() },
			scenecast.Ending{Cause: scenecast.CauseReset, Detail: "the connection ended without a close frame"}},
		{"reset", socket.Options{}, func(_ *harness, conn net.Conn) { reset(conn) },
			scenecast.Ending{Cause: scenecast.CauseReset, Detail: "connection reset by peer"}},
		{"reset while bytes wait", socket.Options{}, func(s *harness, conn net.Conn) {
			stall(s)
			reset(conn)
		}, scenecast.Ending{Cause: scenecast.CauseReset, Detail: "connection reset by peer"}},
		{"violation", socket.Options{}, func(_ *harness, conn net.Conn) { _, _ = io.WriteString(conn, "\x81\x01a") },
			scenecast.Ending{Cause: scenecast.CauseViolation, Code: 1002, Detail: "frames from client to server must be masked"}},
		{"message too big", socket.Options{MaxMessage: 100}, func(_ *harness, conn net.Conn) {
			_, _ = conn.Write(compiled(ws.NewTextFrame(make([]byte, 101))))
		}, scenecast.Ending{Cause: scenecast.CauseViolation, Code: 1009, Detail: tooBig(100)}},
		{"its own outbox is full", socket.Options{OutboxFrames: 2}, func(s *harness, _ net.Conn) {
			stall(s)
			s.do(func() {
				for s.share(s.slots[0], "small", s.deliveries.frame("small", 10)) {
				}
			})
		}, scenecast.Ending{Cause: scenecast.CauseOutboxFull, Code: 4408, Detail: "slow consumer: the outbox was full"}},
		{"all outboxes together are full", socket.Options{OutboxTotal: 10 << 10}, func(s *harness, _ net.Conn) {
			stall(s)
			s.do(func() {
				for s.share(s.slots[0], "small", s.deliveries.frame("small", 1000)) {
				}
			})
		}, scenecast.Ending{Cause: scenecast.CauseOutboxBudget, Code: 4408, Detail: "slow consumer: the outboxes of all pages together were full"}},
		{"write timeout", socket.Options{WriteTimeout: 50 * time.Millisecond}, func(s *harness, _ net.Conn) { stall(s) },
			scenecast.Ending{Cause: scenecast.CauseWriteTimeout}},
		{"no pong", socket.Options{PingEvery: 20 * time.Millisecond, PongWait: 20 * time.Millisecond}, func(*harness, net.Conn) {},
			scenecast.Ending{Cause: scenecast.CauseNoPong, Code: 4410, Detail: "no pong within 20ms"}},
		{"stopped", socket.Options{}, func(s *harness, _ net.Conn) { s.end() }, scenecast.Ending{Cause: scenecast.CauseStopped}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEachKind(t, c.options, func(t *testing.T, s *harness) {
				s.receive = 4 << 10
				conn := s.dialPage("")
				c.end(s, conn)
				if !s.ended {
					s.await("opened 0.0", "closed 0.0")
					s.end()
				}
				for i := range s.endings { // a writer may find the reset first, and leave its reader the mere end
					if c.name == "reset while bytes wait" {
						s.endings[i].Detail = c.want.Detail
					}
				}
				if !slices.Equal(s.endings, []scenecast.Ending{c.want}) {
					t.Errorf("the handler was told %+v, want %+v", s.endings, c.want)
				}
				s.expectEndings(map[scenecast.Cause]int64{c.want.Cause: 1})
			})
		})
	}
}

func (s *harness) expectEndings(want map[scenecast.Cause]int64) {
	s.t.Helper()
	got := s.loop.Endings()
	for _, c := range scenecast.Causes() {
		if got[c] != want[c] {
			s.t.Errorf("%d pages have ended by %v, want %d", got[c], c, want[c])
		}
	}
}

// TestIdlePageIsCountedAsIdle: a page that only answers pings is alive; one that says nothing at all is idle.
func TestIdlePageIsCountedAsIdle(t *testing.T) {
	onEachKind(t, socket.Options{PingEvery: -1}, func(t *testing.T, s *harness) {
		s.handshaker.admission.Idle = scenecast.IdlePolicy{CheckEvery: 20 * time.Millisecond, Allowed: 20 * time.Millisecond}
		s.connect().expect(t, "close 4410 no frame within 20ms")
		s.await("opened 0.0", "closed 0.0")
		s.expectEndings(map[scenecast.Cause]int64{scenecast.CauseIdle: 1})
	})
}

// TestHandlerClosesIsCounted by the handler's cause, and besides if the page does not answer its close frame.
func TestHandlerClosesIsCounted(t *testing.T) {
	for name, answers := range map[string]bool{"answered": true, "not answered": false} {
		t.Run(name, func(t *testing.T) {
			o := socket.Options{CloseWait: 50 * time.Millisecond}
			if answers {
				o.CloseWait = patience
			}
			onEachKind(t, o, func(t *testing.T, s *harness) {
				p := s.connect()
				s.do(func() { s.loop.Close(s.slots[0], scenecast.EndingBy(scenecast.CauseDraining, "bye")) })
				p.expect(t, "close 4503 bye")
				want := map[scenecast.Cause]int64{scenecast.CauseDraining: 1}
				if answers {
					p.send(ws.NewCloseFrame(nil))
				} else {
					want[scenecast.CauseCloseTimeout] = 1
				}
				p.expect(t, "EOF")
				s.end()
				s.expectEndings(want)
			})
		})
	}
}

// TestStreamEndings: a page that only listens closes by ending its connection.
func TestStreamEndings(t *testing.T) {
	onEachKind(t, socket.Options{}, func(_ *testing.T, s *harness) {
		s.handshaker.admission.Protocol = new(lines)
		_ = s.dialPage("").Close()
		s.await("opened 0.0", "closed 0.0")
		s.expectEndings(map[scenecast.Cause]int64{scenecast.CausePageClosed: 1})
	})
}

// TestRefusedPagesAreCounted, and the handler never hears of them.
func TestRefusedPagesAreCounted(t *testing.T) {
	for _, byListener := range []bool{true, false} {
		s := newHarness(t, socket.Options{}, byListener)
		conn := s.dial()
		if byListener {
			_, _ = io.WriteString(conn, askAway)
			expectBytes(t, conn, answerPage)
		} else {
			accepted, err := s.port.Accept()
			if err != nil {
				t.Fatal(err)
			}
			s.loop.Refuse(accepted, nil, scenecast.EndingBy(scenecast.CauseRefused, "who are you?"))
		}
		readNames(conn, "")
		s.await()
		s.expectEndings(map[scenecast.Cause]int64{scenecast.CauseRefused: 1})
	}
}

// TestFramesLostWithAPage: frames that wait for a page that goes away count as dropped, and its close frame does not.
func TestFramesLostWithAPage(t *testing.T) {
	for name, closes := range map[string]bool{"reset": false, "reset while it is closing": true} {
		t.Run(name, func(t *testing.T) {
			onEachKind(t, socket.Options{}, func(t *testing.T, s *harness) {
				s.receive = 4 << 10
				conn := s.dialPage("")
				s.do(func() { s.share(s.slots[0], "filler", s.deliveries.frame("filler", 500<<10)) }) // the page has a part of it at most
				s.do(func() {
					s.share(s.slots[0], "one", s.deliveries.frame("one", 10))
					s.share(s.slots[0], "two", s.deliveries.frame("two", 10))
					s.loop.Send(s.slots[0], websocket.TextFrame([]byte("three")))
					if closes {
						s.loop.Close(s.slots[0], scenecast.EndingBy(scenecast.CauseDisconnected, ""))
					}
				})
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
				if !closes {
					s.await("opened 0.0", "closed 0.0")
				}
				s.end()
				if dropped := s.loop.Dropped(); dropped != 4 {
					t.Errorf("%d frames count as dropped, want 4", dropped)
				}
			})
		})
	}
}

// TestFramesPendingForAPageThatBreaksOff count as dropped as well: the kernel has taken none of them.
func TestFramesPendingForAPageThatBreaksOff(t *testing.T) {
	onEachKind(t, socket.Options{}, func(t *testing.T, s *harness) {
		conn := s.dialPage("")
		s.do(func() {
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
			for range 3 {
				s.share(s.slots[0], "late", s.deliveries.frame("late", 10))
			}
		})
		s.await("opened 0.0", "closed 0.0")
		s.end()
		lost := 0
		for _, written := range s.deliveries.done[copied{"late", 0}] {
			if !written {
				lost++
			}
		}
		if dropped := s.loop.Dropped(); int(dropped) != lost {
			t.Errorf("%d frames count as dropped, and %d were told to be lost", dropped, lost)
		}
	})
}

// TestPageClosesAndReadsNothing: it did close, so its time that passes is no close timeout.
func TestPageClosesAndReadsNothing(t *testing.T) {
	o := socket.Options{WriteTimeout: time.Second, CloseWait: 50 * time.Millisecond}
	onEachKind(t, o, func(t *testing.T, s *harness) {
		s.receive = 4 << 10
		conn := s.dialPage("")
		s.do(func() { // the close frame is there before the time to take the filler begins
			_, _ = conn.Write(compiled(ws.NewCloseFrame(nil)))
			s.share(s.slots[0], "filler", s.deliveries.frame("filler", 500<<10))
		})
		s.await("opened 0.0", "closed 0.0")
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		s.loop.Shutdown(ctx) // when it has gone
		s.ended = true
		if ctx.Err() != nil {
			t.Error("the socket was still there at the end")
		}
		s.expectEndings(map[scenecast.Cause]int64{scenecast.CausePageClosed: 1})
	})
}
