package socket_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"scenecast/socket"
)

// TestStallCostsNoPage: a loop that had no time to read the pongs of its pages does not give them up for that. They are more
// than the kernel tells of in one round.
func TestStallCostsNoPage(t *testing.T) {
	const pages = 600
	o := socket.Options{PingEvery: time.Hour, PongWait: time.Minute}
	s := newHarness(t, o, true)
	all := make([]*page, pages)
	for i := range all {
		all[i] = s.connect()
	}
	s.do(func() { s.loop.Advance(o.PingEvery) })
	for _, p := range all {
		p.expect(t, "ping")
	}
	s.do(func() {
		for _, p := range all {
			p.send(ws.NewPongFrame(nil))
		}
		s.loop.Advance(o.PongWait + time.Second) // the stall
	})
	s.awaitThat("all have been looked at", func() bool { return !s.loop.AlarmsAreDue() })
	s.do(func() { s.loop.Advance(o.PingEvery) })
	closed := 0
	for _, p := range all {
		if strings.HasPrefix(p.next(), "close") {
			closed++
		}
	}
	if closed > 0 {
		t.Errorf("%d of %d pages were given up, and had answered", closed, pages)
	}
}

// TestPingBehindPong: a page that has answered is pinged again after ping_interval, also where the time for a pong is longer.
func TestPingBehindPong(t *testing.T) {
	o := socket.Options{PingEvery: time.Minute, PongWait: time.Hour}
	s := newHarness(t, o, true)
	p := s.connect()
	for range 3 {
		s.do(func() { s.loop.Advance(o.PingEvery) })
		s.do(func() {}) // the loop, whose time has gone on, looks up
		p.expect(t, "ping")
		p.send(ws.NewPongFrame(nil))
		p.send(ws.NewTextFrame([]byte("behind the pong")))
		s.awaitThat("the pong was read", func() bool { return strings.HasPrefix(s.events[len(s.events)-1], "received") })
		s.do(func() { s.events = append(s.events, "next") })
	}
}
