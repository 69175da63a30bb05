package socket_test

import (
	"io"
	"net"
	"testing"
	"time"

	"scenecast/socket"
)

// newRated is a harness whose loop lets one page join per second.
func newRated(t *testing.T) *harness {
	s := newHarness(t, socket.Options{PingEvery: -1}, false)
	if err := s.loop.Listen(s.port.(*net.TCPListener), s.handshaker, 1); err != nil {
		t.Fatal(err)
	}
	_ = s.port.Close()
	return s
}

// TestRateLimitsPagesOnly: pages join at the rate, and wait connected until they may; whoever wants no page does not wait.
func TestRateLimitsPagesOnly(t *testing.T) {
	s := newRated(t)
	const pages = 61
	var waiting []net.Conn
	for range pages {
		conn := s.dial()
		_, _ = io.WriteString(conn, askPage)
		waiting = append(waiting, conn)
	}
	other := s.dial()
	_, _ = io.WriteString(other, askOther)
	_ = (<-s.handshaker.hijacked).conn.Close()
	s.awaitThat("all have been heard", func() bool { return s.loop.Waiting()+len(s.slots) == pages })
	if n := s.opened(); n == 0 || n == pages { // a minute has not passed
		t.Errorf("%d pages have joined", n)
	}
	s.do(func() { s.loop.Advance(pages * time.Second) })
	for _, conn := range waiting {
		expectBytes(t, conn, answerPage)
	}
	if n := s.opened(); n != pages {
		t.Errorf("%d pages have joined, want %d", n, pages)
	}
}

// TestTokensOfThoseWhoLeave are for others.
func TestTokensOfThoseWhoLeave(t *testing.T) {
	s := newRated(t)
	var waiting []net.Conn
	for range 60 {
		conn := s.dial()
		_, _ = io.WriteString(conn, askPage)
		waiting = append(waiting, conn)
	}
	s.awaitThat("all have been heard", func() bool { return s.loop.Waiting()+len(s.slots) == 60 })
	for _, conn := range waiting {
		_ = conn.Close()
	}
	s.awaitThat("all have left", func() bool { return s.loop.Waiting() == 0 })
	s.do(func() { s.loop.Advance(2 * time.Second) })
	before := s.opened()
	s.listens = true
	s.dialPage("")
	if n := s.opened(); n != before+1 {
		t.Errorf("%d pages have joined", n-before)
	}
}

// TestWaitingPageIsWhole: what a page sends while it waits is not lost.
func TestWaitingPageIsWhole(t *testing.T) {
	s := newRated(t)
	s.listens = true
	s.dialPage("")
	conn := s.dial()
	_, _ = io.WriteString(conn, askPage[:2])
	_, _ = io.WriteString(conn, askPage[2:]+string(compiledText("early")))
	_, _ = conn.Write(compiledText("later"))
	s.awaitThat("it waits or has joined", func() bool { return s.loop.Waiting()+len(s.slots) == 2 })
	s.do(func() { s.loop.Advance(time.Second) })
	expectBytes(t, conn, answerPage)
	s.await("opened 0.0", "opened 1.0", "received early", "received later")
}
