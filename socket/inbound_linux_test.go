package socket_test

import (
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"scenecast"
	"scenecast/socket"
)

// halfMessage is the beginning of a message, of so many bytes.
func halfMessage(bytes int) string {
	return string(compiled(ws.NewBinaryFrame(make([]byte, bytes+100))))[:bytes]
}

// TestIncompleteMessagesAreBounded: when all pages together hold too much, those are closed whose messages have been incomplete for
// longest.
func TestIncompleteMessagesAreBounded(t *testing.T) {
	const total, size, pages = 1 << 20, 50_000, 60
	onEachKind(t, socket.Options{InboundTotal: total}, func(t *testing.T, s *harness) {
		var conns []net.Conn
		for range pages {
			conn := s.dialPage("")
			conns = append(conns, conn)
			_, _ = conn.Write([]byte(halfMessage(size)))
			s.awaitThat("the loop has its beginning", func() bool { return s.loop.InboundPages() == len(conns)-len(s.endings) })
		}
		s.awaitThat("pages are closed", func() bool { return len(s.endings) >= pages/2 })
		s.do(func() {
			if n := s.loop.InboundBytes(); n > total+200_000 { // what comes before the task that closes pages

				t.Errorf("%d bytes of messages are incomplete", n)
			}
			want := scenecast.EndingBy(scenecast.CauseInboundBudget, "too many messages are incomplete")
			for i, e := range s.endings {
				if e != want {
					t.Errorf("ending %d: %+v, want %+v", i, e, want)
				}
			}
			for i := range s.endings {
				if closed := fmt.Sprintf("closed %d.0", i); !slices.Contains(s.events, closed) {
					t.Errorf("%q is missing: an older page is open, and a newer one was closed", closed)
				}
			}
		})
		if names := readNames(conns[0], "close 4429"); len(names) != 1 {
			t.Errorf("the oldest page got %q", names)
		}
	})
}

// TestIncompleteMessagesAreCounted as the heap counts them.
func TestIncompleteMessagesAreCounted(t *testing.T) {
	onEachKind(t, socket.Options{PingEvery: -1}, func(t *testing.T, s *harness) {
		const size, pages = 60_000, 200
		half := []byte(halfMessage(size))
		var conns []net.Conn
		for range pages {
			conns = append(conns, s.dialPage(""))
		}
		before := heapBytes()
		for _, conn := range conns {
			_, _ = conn.Write(half)
		}
		s.awaitThat("the loop has them", func() bool { return s.loop.InboundBytes() >= (size-100)*pages })
		grown, counted := heapBytes()-before, s.loop.InboundBytes()
		if grown > counted*14/10 || counted > grown*14/10 { // the collector may not have been everywhere
			t.Errorf("the heap has grown by %d bytes, and %d are counted", grown, counted)
		}
		for _, conn := range conns {
			_ = conn.Close()
		}
		s.awaitThat("they have left", func() bool { return len(s.endings) == pages && s.loop.InboundBytes() == 0 })
	})
}

func heapBytes() int {
	runtime.GC()
	runtime.GC() // what pools hold, too
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestMessageTimeout: a message must be whole within a time, and pings in between, which are whole, do not prolong it.
func TestMessageTimeout(t *testing.T) {
	for name, begun := range map[string]string{
		"half a frame":    halfMessage(10),
		"half a head":     "\x81",
		"a fragment":      "\x01\x80\x00\x00\x00\x00",
		"half a ping":     "\x89\x85\x00\x00\x00\x00x",
		"a message, half": string(compiledText("whole")) + halfMessage(10),
	} {
		t.Run(name, func(t *testing.T) {
			onEachKind(t, socket.Options{MessageTimeout: 50 * time.Millisecond}, func(t *testing.T, s *harness) {
				p := s.connect()
				_, _ = p.conn.Write([]byte(begun))
				p.expect(t, "close 4410 a message was not whole within 50ms")
				s.awaitThat("its ending", func() bool { return len(s.endings) == 1 && s.endings[0].Cause == scenecast.CauseMessageTimeout })
			})
		})
	}
}

// TestMessageTimeoutIsForOneMessage: a page that sends messages all the time, each of which begins in what is read with the one
// before, is in time.
func TestMessageTimeoutIsForOneMessage(t *testing.T) {
	s := newHarness(t, socket.Options{MessageTimeout: time.Minute, PingEvery: -1}, true)
	conn := s.dialPage("")
	message := string(compiledText(strings.Repeat("x", 100)))
	_, _ = conn.Write([]byte(message[:50]))
	received := 0
	for range 10 {
		s.do(func() { s.loop.Advance(50 * time.Second) })
		_, _ = conn.Write([]byte(message[50:] + message[:50]))
		received++
		s.awaitThat("the message", func() bool { return len(s.events) == 1+received })
	}
}

// TestClosingPageHoldsNothing: what a page had begun to send is dropped when it is closed, and what it sends then is not kept.
func TestClosingPageHoldsNothing(t *testing.T) {
	onEachKind(t, socket.Options{}, func(t *testing.T, s *harness) {
		conn := s.dialPage("")
		_, _ = conn.Write([]byte(halfMessage(50_000)))
		s.awaitThat("the loop has it", func() bool { return s.loop.InboundBytes() >= 45_000 })
		s.do(func() { s.loop.Close(s.slots[0], scenecast.EndingBy(scenecast.CauseDisconnected, "")) })
		_, _ = conn.Write(make([]byte, 100)) // the rest
		_, _ = conn.Write([]byte(halfMessage(50_000)))
		s.awaitThat("it holds hardly anything", func() bool { return s.loop.InboundBytes() < 1000 })
		_, _ = conn.Write(make([]byte, 100))
		if names := readNames(conn, "close 1000"); len(names) != 1 {
			t.Errorf("the page got %q", names)
		}
		if names := readNames(conn, ""); len(names) != 0 {
			t.Errorf("behind its close frame the page got %q", names)
		}
	})
}
