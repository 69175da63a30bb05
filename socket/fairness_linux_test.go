package socket_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"scenecast"
	"scenecast/socket"
)

// These tests count what is done in a round of a loop: between two tasks of which one posts the other, there is one round at most.

// eachRound calls a function about once in a round with what a counter has grown by since the call before, until it says that it is
// done.
func (s *harness) eachRound(counter *int, check func(grown int) (done bool)) {
	ended := make(chan struct{})
	var again func(before int)
	again = func(before int) {
		now := *counter
		if check(now - before) {
			close(ended)
			return
		}
		s.loop.Post(func() { again(now) })
	}
	s.loop.Post(func() { again(*counter) })
	<-ended
}

// most is how many frames of a page are handled in a round: of what had come before, and of what comes.
const most = 2 * 32

// TestManyMessagesOfAPage are handled a few at a time, however many come at once.
func TestManyMessagesOfAPage(t *testing.T) {
	onEachKind(t, socket.Options{}, func(t *testing.T, s *harness) {
		const messages = 1500
		received := 0
		s.onText = func(scenecast.Slot, string) { received++ }
		conn := s.dialPage("")
		many := strings.Repeat(string(compiledText("set")), messages)
		go func() { _, _ = io.WriteString(conn, many) }()
		s.eachRound(&received, func(n int) bool {
			if n > most {
				t.Errorf("%d messages were handled in a round", n)
				return true
			}
			return received == messages
		})
	})
}

// TestFloodOfManyPages: pages that send without pause are handled in turn, so one that has something to say is heard among them.
func TestFloodOfManyPages(t *testing.T) {
	onEachKind(t, socket.Options{}, func(t *testing.T, s *harness) {
		const pages, messages = 16, 2000
		received, heard, atOnce := 0, -1, 0
		s.onText = func(_ scenecast.Slot, text string) {
			if text == "healthy" {
				heard = received
			}
			received++
		}
		healthy := s.dialPage("")
		var conns []net.Conn
		for range pages {
			conns = append(conns, s.dialPage(""))
		}
		flood := strings.Repeat(string(compiledText("flood")), messages)
		s.do(func() {
			for _, conn := range conns {
				go func() { _, _ = io.WriteString(conn, flood) }()
			}
			_, _ = healthy.Write(compiledText("healthy"))
		})
		s.eachRound(&received, func(n int) bool {
			atOnce = max(atOnce, n)
			return received == pages*messages+1
		})
		if atOnce > (pages+1)*most {
			t.Errorf("%d messages were handled in a round, of at most %d", atOnce, (pages+1)*most)
		}
		if heard > pages*messages/4 {
			t.Errorf("the healthy page was heard behind %d messages of others", heard)
		}
	})
}

// TestPingFlood: pings are answered a few at a time as well, all of them and in their order.
func TestPingFlood(t *testing.T) {
	onEachKind(t, socket.Options{}, func(t *testing.T, s *harness) {
		conn := s.dialPage("")
		const pings = 1000
		go func() {
			_, _ = io.WriteString(conn, strings.Repeat(string(compiled(ws.NewPingFrame([]byte("p")))), pings)+string(compiled(ws.NewPingFrame([]byte("last")))))
		}()
		expectBytes(t, conn, strings.Repeat("\x8a\x01p", pings)+"\x8a\x04last")
	})
}

// TestTasksLeaveTimeToPages: long tasks share rounds with what happens on sockets.
func TestTasksLeaveTimeToPages(t *testing.T) {
	s := newHarness(t, socket.Options{PingEvery: -1}, true)
	const tasks = 100
	ran, heard := 0, 0
	s.onText = func(scenecast.Slot, string) { heard = ran }
	conn := s.dialPage("")
	s.do(func() {
		for range tasks {
			s.loop.Post(func() {
				if ran == 0 {
					_, _ = conn.Write(compiledText("are you there?"))
				}
				s.loop.Advance(10 * time.Millisecond) // it takes its time
				ran++
			})
		}
	})
	s.awaitThat("all is done", func() bool { return ran == tasks })
	if heard == 0 || heard > 3 {
		t.Errorf("the page was heard behind %d tasks", heard)
	}
}

// TestManyAlarmsAtOnce are acted on in several rounds.
func TestManyAlarmsAtOnce(t *testing.T) {
	s := newHarness(t, socket.Options{PingEvery: time.Hour}, true)
	const pages = 700
	all := make([]*page, pages)
	for i := range all {
		all[i] = s.connect()
	}
	s.do(func() { s.loop.Advance(time.Hour) })
	for _, p := range all {
		p.expect(t, "ping")
	}
}

// TestEventsOfASocketThatWasClosedSince: what the kernel has told, and a round had no time for, may be about a socket that is closed
// by then, and is nothing.
func TestEventsOfASocketThatWasClosedSince(t *testing.T) {
	s := newHarness(t, socket.Options{PingEvery: -1}, true)
	const pages = 20
	var conns []net.Conn
	for range pages {
		conns = append(conns, s.dialPage(""))
	}
	left := make(map[scenecast.Slot]bool)
	for _, slot := range s.slots {
		left[slot] = true
	}
	s.onText = func(slot scenecast.Slot, _ string) {
		delete(left, slot)
		if len(left) != pages-1 {
			return
		}
		s.loop.Advance(time.Second) // the round has no time for the others …
		s.loop.Post(func() {        // … which end in it
			for i, slot := range s.slots {
				if left[slot] {
					_ = conns[i].(*net.TCPConn).SetLinger(0)
					_ = conns[i].Close()
					s.loop.Send(slot, named("late", 10))
				}
			}
		})
	}
	s.do(func() {
		for _, conn := range conns {
			_, _ = conn.Write(compiledText("x"))
		}
	})
	s.awaitThat("they have ended", func() bool { return len(s.endings) == pages-1 })
	for range 2 * pages {
		s.dialPage("")
	}
	s.do(func() {
		seen := make(map[scenecast.Slot]bool)
		open := make(map[uint32]bool)
		for i, slot := range s.slots {
			if seen[slot] || i >= pages && open[slot.Index] {
				t.Errorf("two pages have the slot %v", slot)
			}
			seen[slot], open[slot.Index] = true, i >= pages
		}
		if len(s.endings) != pages-1 {
			t.Errorf("%d pages have ended", len(s.endings))
		}
	})
}
