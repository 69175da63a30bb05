package socket_test

import (
	"io"
	"testing"
	"time"

	"scenecast"
	"scenecast/socket"
)

// TestSlowPageIsKept as long as it takes bytes, however slowly: so few that the kernel does not ask for more, and though its pong is
// behind all of them. When it takes none any more it is closed.
func TestSlowPageIsKept(t *testing.T) {
	o := socket.Options{PingEvery: 30 * time.Second, PongWait: 10 * time.Second, WriteTimeout: 10 * time.Second}
	s := newHarnessBuffered(t, o, true, 256<<10)
	s.receive = 4 << 10
	conn := s.dialPage("")
	s.do(func() { s.share(s.slots[0], "filler", s.deliveries.frame("filler", 1<<20-100)) })
	for range 20 {
		var before uint32
		s.do(func() { before = s.loop.Acked(s.slots[0]) })
		if _, err := io.CopyN(io.Discard, conn, 12<<10); err != nil {
			t.Fatal(err)
		}
		s.awaitThat("the kernel knows of it", func() bool { return s.loop.Acked(s.slots[0]) != before })
		s.do(func() { s.loop.Advance(10 * time.Second) })
		s.awaitThat("it was looked at", func() bool { return !s.loop.AlarmsAreDue() })
	}
	s.do(func() {
		if len(s.endings) > 0 {
			t.Errorf("a page that reads was closed: %+v", s.endings)
		}
	})
	for range 3 {
		s.do(func() { s.loop.Advance(10 * time.Second) })
	}
	s.awaitThat("it is closed", func() bool { return len(s.endings) == 1 })
	s.do(func() {
		if got := s.endings[0].Cause; got != scenecast.CauseWriteTimeout && got != scenecast.CauseNoPong { // both are due
			t.Errorf("the ending is %v", got)
		}
	})
}
