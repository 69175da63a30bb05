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
	name     string
	portable bool // its socket has goroutines
	listens  bool // it comes by the loop's own port
}{
	{"bare", false, false},
	{"bare, by the loop's port", false, true},
	{"portable", true, false},
}

// patience ends a test that would hang; nothing is asserted about it.
const patience = 20 * time.Second

// office is a loop with its shard, to which pages connect over TCP.
type office struct {
	*shard
	t       *testing.T
	door    *handshaker
	port    net.Listener // of the loop's own, or from which connections are attached
	listens bool
	receive int // bytes that the kernel keeps for a page to read; 0: as many as it likes
	ledger  ledger
	ended   bool
}

// onEachKind runs a test on each kind of sockets.
func onEachKind(t *testing.T, o socket.Options, test func(t *testing.T, s *office)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			o.Portable = k.portable
			test(t, openOffice(t, o, k.listens))
		})
	}
}

// openOffice starts a loop until the test ends.
func openOffice(t *testing.T, o socket.Options, listens bool) *office {
	t.Helper()
	loop, err := socket.NewLoop(o)
	if err != nil {
		t.Fatal(err)
	}
	s := &shard{loop: loop}
	loop.Start(s)
	return furnish(t, s, listens)
}

// furnish makes an office of a loop that runs.
func furnish(t *testing.T, of *shard, listens bool) *office {
	t.Helper()
	// What the kernel holds back for a page is little, so that a page which does not read is soon noticed.
	config := net.ListenConfig{Control: setBuffer(unix.SO_SNDBUF, 4<<10)}
	port, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &office{
		shard: of, t: t,
		door: &handshaker{admission: scenecast.Admission{Protocol: wire{}}, handed: make(chan handed, 100)},
		port: port, listens: listens,
	}
	if listens {
		if err := of.loop.Listen(port.(*net.TCPListener), s.door, 0); err != nil {
			t.Fatal(err)
		}
		_ = port.Close()
	}
	t.Cleanup(s.end)
	return s
}

// end stops the loop at once, and looks at what it leaves behind. Calling it twice does no harm.
func (s *office) end() {
	if s.ended {
		return
	}
	s.ended = true
	_ = s.port.Close()
	s.stop() // once more, where a test has done so: that does no harm
	s.ledger.check(s.t)
	if n := s.loop.HeldBytes(); n != 0 {
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
func (s *office) dial() net.Conn {
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

// enter makes a page of a connection, which has said this behind its handshake. The shard knows it when it returns.
func (s *office) enter(early string) net.Conn {
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
		s.loop.Attach(accepted, []byte(early), s.door.admission)
	}
	s.awaitThat("the page is open", func() bool { return len(s.slots) > before })
	return conn
}

func (s *office) opened() (n int) {
	s.do(func() { n = len(s.slots) })
	return n
}

// connect is enter for a page that reads, and writes down what it gets.
func (s *office) connect() *page {
	p := &page{conn: s.enter(""), frames: make(chan string, 10000)}
	go p.read()
	return p
}

// awaitThat waits until something holds, which is asked on the owner's goroutine.
func (s *office) awaitThat(what string, holds func() bool) {
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
func (s *office) await(want ...string) {
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

// What visitors of a handshaker say: a line.
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
	handed    chan handed
}

type handed struct {
	conn net.Conn
	said string
}

func (d *handshaker) Handshake(said []byte, _ netip.AddrPort) socket.Handshake {
	line, _, whole := bytes.Cut(said, []byte("\n"))
	head := len(line) + 1
	switch {
	case !whole && len(said) < 100:
		return socket.Handshake{}
	case whole && string(line)+"\n" == askPage:
		return socket.Handshake{Action: socket.Accept, Head: head, Response: []byte(answerPage), Admission: d.admission}
	case whole && string(line)+"\n" == askAway:
		return socket.Handshake{Action: socket.Reject, Head: head, Response: []byte(answerPage), Ending: scenecast.Ending{Code: scenecast.CloseUnauthorized, Detail: "who are you?"}}
	default:
		return socket.Handshake{Action: socket.Hijack}
	}
}

func (d *handshaker) Hijack(c net.Conn, said []byte) { d.handed <- handed{c, string(said)} }

func (d *handshaker) HeadTimeout() []byte      { return []byte(tooLate) }
func (d *handshaker) OutOfDescriptors() []byte { return []byte(noFiles) }
