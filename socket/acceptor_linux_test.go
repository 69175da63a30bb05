package socket_test

import (
	"context"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/net/nettest"
	"golang.org/x/sys/unix"

	"scenecast/socket"
	"scenecast/websocket"
)

// newListening is a harness whose loop has a port of its own.
func newListening(t *testing.T, o socket.Options) *harness { return newHarness(t, o, true) }

// TestHandshakeInPieces: however a request is cut, it makes a page, and what follows it is the page's.
func TestHandshakeInPieces(t *testing.T) {
	s := newListening(t, socket.Options{})
	message := string(compiled(ws.NewTextFrame([]byte("early"))))
	for size := range len(askPage) + len(message) {
		conn := s.dial()
		for rest := askPage + message; rest != ""; {
			n := min(size+1, len(rest))
			_, _ = io.WriteString(conn, rest[:n])
			rest = rest[n:]
		}
		expectBytes(t, conn, answerPage)
		_ = conn.Close()
		s.awaitThat("the page has come, talked and gone", func() bool { return len(s.events) == 3*(size+1) })
	}
	s.do(func() {
		if all := strings.Join(s.events, " "); strings.Count(all, "received early") != len(s.slots) {
			t.Errorf("the shard was told %q", s.events)
		}
	})
}

// TestHandshakeTooLate is told so, if it has begun; one that has said nothing is not.
func TestHandshakeTooLate(t *testing.T) {
	s := newListening(t, socket.Options{HeadTimeout: 2 * time.Second})
	conns := make(map[string]net.Conn)
	cases := map[string]string{"": "", "p": tooLate, "pag": tooLate}
	for said := range cases { // all of them wait at the same time
		conns[said] = s.dial()
		_, _ = io.WriteString(conns[said], said)
	}
	for said, want := range cases {
		if got, err := io.ReadAll(conns[said]); string(got) != want || err != nil {
			t.Errorf("said %q: got %q (%v), want %q", said, got, err, want)
		}
	}
	s.await()
}

// TestHandshakeHijacked: whoever is no page is the handshaker's, with everything that was read.
func TestHandshakeHijacked(t *testing.T) {
	s := newListening(t, socket.Options{})
	long := strings.Repeat("x", 100)
	for _, pieces := range [][]string{
		{askOther},
		{"ot", "her\n"},
		{askOther + askPage + "pipelined"},
		{long},
		{long[:50], long[:50] + askPage},
	} {
		conn := s.dial()
		for _, piece := range pieces {
			_, _ = io.WriteString(conn, piece)
			time.Sleep(time.Millisecond) // so that most pieces come one by one; the end is the same if they do not
		}
		h := <-s.handshaker.hijacked
		_, _ = io.WriteString(conn, " and more")
		all := strings.Join(pieces, "") + " and more"
		expectBytes(t, io.MultiReader(strings.NewReader(h.read), h.conn), all)
		_, _ = io.WriteString(h.conn, "hello")
		expectBytes(t, conn, "hello")
		_ = h.conn.Close()
		if rest, err := io.ReadAll(conn); len(rest) > 0 || err != nil {
			t.Errorf("%q: behind the end %q, %v", pieces, rest, err)
		}
	}
	s.await()
}

// TestHijackedAndAttached: a page that net/http has let in needs no goroutine either.
func TestHijackedAndAttached(t *testing.T) {
	s := newListening(t, socket.Options{})
	conn := s.dial()
	_, _ = io.WriteString(conn, askOther)
	s.loop.Attach((<-s.handshaker.hijacked).conn, nil, s.handshaker.admission)
	s.await("opened 0.1")
	if n := s.loop.EpollConns(); n != 1 {
		t.Errorf("%d sockets without goroutines, want 1", n)
	}
	p := &page{conn: conn, frames: make(chan string, 1)}
	go p.read()
	s.do(func() { s.loop.Send(s.slots[0], websocket.TextFrame([]byte("welcome back"))) })
	p.expect(t, "text welcome back")
}

// TestHijackedConnection is what net.Conn says of a connection, whatever it reads and writes by.
func TestHijackedConnection(t *testing.T) {
	nettest.TestConn(t, func() (hijacked, other net.Conn, stop func(), err error) {
		s := newListening(t, socket.Options{})
		other = s.dial()
		_ = other.SetDeadline(time.Time{})
		_, err = io.WriteString(other, askOther)
		hijacked = (<-s.handshaker.hijacked).conn
		return hijacked, other, func() { _, _ = hijacked.Close(), other.Close() }, err
	})
}

// TestHandshakeRejected gets its answer and its close frame, and the shard never hears of it.
func TestHandshakeRejected(t *testing.T) {
	s := newListening(t, socket.Options{CloseWait: 50 * time.Millisecond})
	closing := string(compiled(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, ""))))
	for _, said := range []string{askAway, askAway + closing, askAway + "\xff\xff\xff", askAway + closing[:3]} {
		conn := s.dial()
		_, _ = io.WriteString(conn, said)
		expectBytes(t, conn, answerPage+"\x88\x0e\x11\x31who are you?")
		if rest, err := io.ReadAll(conn); len(rest) > 0 || err != nil {
			t.Errorf("said %q: behind the close frame %q, %v", said, rest, err)
		}
	}
	s.await()
}

// TestHandshakesAbandoned, however far they have come, and leave nothing behind.
func TestHandshakesAbandoned(t *testing.T) {
	before := openFiles(t)
	s := newListening(t, socket.Options{})
	for i := range 200 {
		conn := s.dial()
		_, _ = io.WriteString(conn, (askPage + "\x81\x85")[:i%len(askPage+"\x81\x85")])
		switch i % 3 {
		case 0:
			_ = conn.(*net.TCPConn).SetLinger(0)
		case 1:
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = io.ReadAll(conn)
		}
		_ = conn.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s.loop.StopListening()
	s.loop.Shutdown(ctx)
	if ctx.Err() != nil {
		t.Error("somebody is still there")
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d open files, before %d", after, before)
	}
}

// TestStopListening closes connections whose handshake is not complete; pages stay.
func TestStopListening(t *testing.T) {
	s := newListening(t, socket.Options{})
	p := s.connect()
	client := s.dial()
	_, _ = io.WriteString(client, "pag")
	for s.port.Addr(); ; time.Sleep(time.Millisecond) { // until the loop has it: it is behind this one
		if conn := s.dial(); s.isIn(conn) {
			break
		}
	}
	s.loop.StopListening()
	if got, _ := io.ReadAll(client); len(got) > 0 {
		t.Errorf("the client got %q", got)
	}
	if _, err := net.Dial("tcp", s.port.Addr().String()); err == nil {
		t.Error("the port is still open")
	}
	p.send(ws.NewPingFrame([]byte("still here")))
	p.expect(t, "pong still here")
}

// isIn reports whether a client becomes a page.
func (s *harness) isIn(conn net.Conn) bool {
	_, _ = io.WriteString(conn, askPage)
	_, err := io.ReadFull(conn, make([]byte, len(answerPage)))
	return err == nil
}

// TestNoDescriptors: where they have run out, connections are closed or wait, and come in when there are some again.
func TestNoDescriptors(t *testing.T) {
	s := newListening(t, socket.Options{})
	inside := s.connect()
	var waiting []net.Conn
	var limit unix.Rlimit
	s.do(func() { // meanwhile the loop lets nobody in
		for range 3 {
			waiting = append(waiting, s.dial())
		}
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
			return
		}
		none, err := os.Open(os.DevNull) // it takes the lowest number that is free
		if err != nil {
			t.Error(err)
			return
		}
		low := limit
		low.Cur = uint64(none.Fd())
		_ = none.Close()
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
			t.Error(err)
			return
		}
	})
	restore := func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) }
	defer restore()
	s.awaitThat("connections are closed", func() bool { return s.loop.OutOfDescriptors() > 0 })
	inside.send(ws.NewPingFrame([]byte("?")))
	inside.expect(t, "pong ?")
	restore()
	in := 0
	for _, conn := range waiting {
		if s.isIn(conn) {
			in++
		}
	}
	if turned := int(s.loop.OutOfDescriptors()); in+turned < len(waiting) || in == len(waiting) {
		t.Errorf("%d came in, %d were turned away, of %d", in, turned, len(waiting))
	}
	if !s.isIn(s.dial()) {
		t.Error("nobody is let in any more")
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatalf("this test counts open files in /proc: %v", err)
	}
	return len(files)
}

// TestReserveOfDescriptors is for no page, whichever way it comes; connections that are no pages come in, and whoever could free
// descriptors is told.
func TestReserveOfDescriptors(t *testing.T) {
	for _, listens := range []bool{true, false} {
		reserve := socket.ReserveFrom(0)
		short := make(chan struct{}, 100)
		reserve.OnShort = func() { short <- struct{}{} }
		s := newHarness(t, socket.Options{Descriptors: reserve}, listens)
		conn := s.dial()
		if listens {
			_, _ = io.WriteString(conn, askPage)
			expectBytes(t, conn, noFiles)
			<-short
			other := s.dial()
			_, _ = io.WriteString(other, askOther)
			_ = (<-s.handshaker.hijacked).conn.Close()
		} else {
			accepted, err := s.port.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if reserve.Admits(accepted) {
				t.Error("a page may have a descriptor of the reserve")
			}
			s.loop.Attach(accepted, nil, s.handshaker.admission)
			if names := readNames(conn, "close 4429"); len(names) != 1 {
				t.Errorf("the page got %q", names)
			}
		}
		s.await()
		if n := s.loop.OutOfDescriptors(); n != 1 {
			t.Errorf("%d pages were refused, want 1", n)
		}
	}
}
