package socket_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scenecast"
	"scenecast/socket"
)

// kinds are the ways in which a page comes to a loop, and what it is there.
var kinds = []struct {
	name       string
	goroutines bool // its socket has goroutines
	listens    bool // it comes by the loop's own port
}{
	{"epoll", false, false},
	{"epoll, by the loop's port", false, true},
	{"goroutines", true, false},
}

// patience ends a test that would hang; nothing is asserted about it.
const patience = time.Minute

// harness is a loop with its shard, to which pages connect over TCP.
type harness struct {
	*shard
	t          *testing.T
	handshaker *handshaker
	port       net.Listener // of the loop's own, or from which connections are attached
	listens    bool
	goroutines bool // of its sockets
	receive    int  // bytes that the kernel keeps for a page to read; 0: as many as it likes
	deliveries deliveries
	ended      bool
}

// onEachKind runs a test on each kind of sockets.
func onEachKind(t *testing.T, o socket.Options, test func(t *testing.T, s *harness)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			o.Portable = k.goroutines
			s := newHarness(t, o, k.listens)
			s.goroutines = k.goroutines
			test(t, s)
		})
	}
}

// newHarness starts a loop until the test ends.
func newHarness(t *testing.T, o socket.Options, listens bool) *harness {
	t.Helper()
	return newHarnessBuffered(t, o, listens, smallBuffer)
}

// smallBuffer is how much the kernel holds back for a page, so that one which does not read is soon noticed.
const smallBuffer = 4 << 10

// newHarnessBuffered has the kernel hold back so many bytes for each page.
func newHarnessBuffered(t *testing.T, o socket.Options, listens bool, sendBuffer int) *harness {
	t.Helper()
	loop, err := socket.NewLoop(o)
	if err != nil {
		t.Fatal(err)
	}
	s := &shard{loop: loop}
	loop.Start(s)
	return newHarnessOn(t, s, listens, sendBuffer)
}

// newHarnessOn makes a harness of a loop that runs.
func newHarnessOn(t *testing.T, of *shard, listens bool, sendBuffer int) *harness {
	t.Helper()
	config := net.ListenConfig{Control: setBuffer(unix.SO_SNDBUF, sendBuffer)}
	port, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &harness{
		shard: of, t: t,
		handshaker: &handshaker{admission: scenecast.Admission{Protocol: wire{}}, hijacked: make(chan hijacked, 100)},
		port:       port, listens: listens,
	}
	of.check = func(index uint32) { s.deliveries.checkSlot(t, index) }
	if listens {
		if err := of.loop.Listen(port.(*net.TCPListener), s.handshaker, 0); err != nil {
			t.Fatal(err)
		}
		_ = port.Close()
	}
	t.Cleanup(s.end)
	return s
}

// end stops the loop at once, and looks at what it leaves behind. Calling it twice does no harm.
func (s *harness) end() {
	if s.ended {
		return
	}
	s.ended = true
	_ = s.port.Close()
	s.stop() // once more, where a test has done so: that does no harm
	s.deliveries.check(s.t)
	if n := s.loop.OutboxBytes(); n != 0 {
		s.t.Errorf("%d bytes still wait for pages that have gone", n)
	}
}

func setBuffer(option, bytes int) func(_, _ string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) (err error) {
		controlErr := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, option, bytes) })
		if controlErr != nil {
			return controlErr
		}
		return err
	}
}

// dial makes a connection on which nothing has been said.
func (s *harness) dial() net.Conn {
	s.t.Helper()
	d := net.Dialer{KeepAlive: -1}
	if s.receive > 0 {
		d.Control = setBuffer(unix.SO_RCVBUF, s.receive)
	}
	conn, err := d.DialContext(context.Background(), "tcp", s.port.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	s.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// dialPage makes a page of a connection, which has said this behind its handshake. The shard knows it when it returns.
func (s *harness) dialPage(early string) net.Conn {
	s.t.Helper()
	before := s.opened()
	conn := s.dial()
	if s.listens {
		_, _ = io.WriteString(conn, askPage+early)
		expectBytes(s.t, conn, answerPage)
	} else {
		accepted, err := s.port.Accept()
		if err != nil {
			s.t.Fatal(err)
		}
		s.loop.Attach(accepted, []byte(early), s.handshaker.admission)
	}
	s.awaitThat("the page is open", func() bool { return len(s.slots) > before })
	return conn
}

func (s *harness) opened() (n int) {
	s.do(func() { n = len(s.slots) })
	return n
}

// connect is dialPage for a page that reads, and writes down what it gets.
func (s *harness) connect() *page {
	p := &page{conn: s.dialPage(""), frames: make(chan string, 10000)}
	go p.read()
	return p
}

// awaitThat waits until something holds, which is asked on the owner's goroutine.
func (s *harness) awaitThat(what string, holds func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		var held bool
		s.do(func() { held = holds() })
		if held {
			return
		}
		if time.Now().After(deadline) {
			s.do(func() { s.t.Fatalf("not within %v: %s; the shard was told %q", patience, what, s.events) })
		}
		time.Sleep(time.Millisecond) // the loop, which the question has woken, is to have time for what is awaited
	}
}

// await waits until the shard has been told this, and nothing else.
func (s *harness) await(want ...string) {
	s.t.Helper()
	s.awaitThat("events", func() bool { return len(s.events) >= len(want) })
	s.do(func() {
		if !slices.Equal(s.events, want) {
			s.t.Errorf("the shard was told %q, want %q", s.events, want)
		}
	})
}

func expectBytes(t *testing.T, from io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(from, got); string(got) != want {
		t.Fatalf("got %q (%v), want %q", got[:n], err, want)
	}
}

// What clients of a handshaker say: a line.
const (
	askPage    = "page\n"
	answerPage = "come in\n"
	askAway    = "away\n"
	askOther   = "other\n"
	tooLate    = "too late\n"
	noFiles    = "no files\n"
)

// handshaker is a small one: each request is a line.
type handshaker struct {
	admission scenecast.Admission
	hijacked  chan hijacked
}

type hijacked struct {
	conn net.Conn
	read string
}

func (d *handshaker) Handshake(head []byte, _ netip.AddrPort, mayJoin func() bool) socket.Handshake {
	line, _, whole := bytes.Cut(head, []byte("\n"))
	size := len(line) + 1
	switch {
	case !whole && len(head) < 100:
		return socket.Handshake{}
	case whole && string(line)+"\n" == askPage && !mayJoin():
		return socket.Handshake{Action: socket.Wait}
	case whole && string(line)+"\n" == askPage:
		return socket.Handshake{Action: socket.Accept, Head: size, Response: []byte(answerPage), Admission: d.admission}
	case whole && string(line)+"\n" == askAway:
		return socket.Handshake{Action: socket.Reject, Head: size, Response: []byte(answerPage), Ending: scenecast.Ending{Code: scenecast.CloseUnauthorized, Detail: "who are you?"}}
	default:
		return socket.Handshake{Action: socket.Hijack}
	}
}

func (d *handshaker) Hijack(c net.Conn, read []byte) { d.hijacked <- hijacked{c, string(read)} }

func (d *handshaker) HeadTimeout() []byte      { return []byte(tooLate) }
func (d *handshaker) OutOfDescriptors() []byte { return []byte(noFiles) }
