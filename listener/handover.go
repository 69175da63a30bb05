package listener

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"scenecast/language"
	"scenecast/socket"
)

// Another process can take the place of this one: it inherits the listening sockets, and gets the connections on which a client may send
// another request. Requests that have begun are answered here.

// inherit opens the port with the listening sockets of another process.
func (s *Server) inherit(sockets int) error {
	if n := len(s.options.Inherited); n != sockets {
		return language.Errorf("the other process has %d listening sockets, and this one needs %d", n, sockets)
	}
	for _, file := range s.options.Inherited {
		l, err := net.FileListener(file) // has a descriptor of its own
		_ = file.Close()
		if err != nil {
			return err
		}
		p, ok := l.(port)
		if !ok {
			return language.NewError("the other process has a port of another kind")
		}
		if u, ok := l.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(false)
		}
		s.ports = append(s.ports, p)
	}
	s.addr = s.ports[0].Addr()
	if path, isSocket := strings.CutPrefix(s.options.Addr, unixPrefix); isSocket {
		s.socket = &unixSocket{path: path}
		var err error
		if s.socket.file, err = os.Lstat(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Abandon closes an inherited port that is not served: the other process has it still.
func (s *Server) Abandon() {
	for _, p := range s.ports {
		_ = p.Close()
	}
}

// moving is where connections go when another process takes the place of this one.
type moving struct {
	take func(fd int, v socket.Visitor)
}

// Leave is called when another process has the port. The path of a socket is that one's from now on. take is given each connection as soon as
// the client has no request under way: the descriptor is closed when it returns. Of a connection whose next request has begun to come, that
// is the last one here. Any goroutine calls take.
func (s *Server) Leave(take func(fd int, v socket.Visitor)) {
	if s.socket != nil {
		s.socket.path = ""
	}
	s.moving.Store(&moving{take})
	s.connections.leave()
}

// AwaitLeft returns when net/http has no connection any more, or ctx ends. No other must come. Before that net/http must not be told to
// end: it closes connections from which it has just answered a request, also where the next one is on its way.
func (s *Server) AwaitLeft(ctx context.Context) {
	for s.connections.leave() > 0 && ctx.Err() == nil {
		time.Sleep(leavePause)
	}
}

// leavePause is between two looks at the connections.
const leavePause = 10 * time.Millisecond

// leave has the connections leave that wait for a request, and returns how many net/http has.
func (l *connections) leave() (left int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.open {
		if h := asHTTPConn(conn); h != nil {
			h.wake()
		}
	}
	return len(l.open) + l.arriving
}

// idleRead is what httpConn must know to tell whether net/http has read nothing of the next request. A connection may only move then: what
// net/http has in its buffer would be lost. Only the goroutine that reads moves it.
type idleRead struct {
	mu        sync.Mutex
	buffer    int       // length of net/http's buffer
	deadline  time.Time // that net/http has set
	deadlines int       // how many it has set since the last request
	reading   bool      // it waits for a request, of which it has nothing
	woken     bool      // … and is to stop that
}

// endRequest is called when a request has been answered, before net/http sets the deadline for the next one.
func (c *httpConn) endRequest() {
	c.idle.mu.Lock()
	c.idle.deadlines = 0
	c.idle.mu.Unlock()
	c.begun.Store(false)
	c.awaiting.Store(true)
}

// beginIdle reports whether a read into so many bytes is one that waits for a request of which net/http has nothing; endIdle follows then.
// net/http's buffer is empty where it reads into all of it: what it has got together with the request before, or while it answered that,
// would stand at its beginning. When the request has begun it sets another deadline, so that an empty buffer within a head is told apart.
func (c *httpConn) beginIdle(into int) bool {
	i := &c.idle
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.buffer == 0 {
		i.buffer = into
	}
	if !c.awaiting.Load() || c.begun.Load() || into != i.buffer || i.deadlines > 1 || !c.isPlain() {
		return false
	}
	i.reading, i.woken = true, false
	return true
}

// endIdle reports whether the read was woken, as the connection is to leave. When a request has come in the same moment, net/http's deadline
// is in force again.
func (c *httpConn) endIdle(n int) (woken bool) {
	i := &c.idle
	i.mu.Lock()
	defer i.mu.Unlock()
	i.reading = false
	if i.woken && n > 0 {
		_ = c.Conn.SetReadDeadline(i.deadline)
	}
	return i.woken
}

// wake ends the read of a connection that waits for a request.
func (c *httpConn) wake() {
	i := &c.idle
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.reading && !i.woken {
		i.woken = true
		_ = c.Conn.SetReadDeadline(past)
	}
}

// SetReadDeadline implements net.Conn.
func (c *httpConn) SetReadDeadline(t time.Time) error {
	i := &c.idle
	i.mu.Lock()
	defer i.mu.Unlock()
	i.deadline = t
	i.deadlines++
	if i.reading && i.woken {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// isPlain reports whether the next bytes are those that the kernel has next: the connection is one without TLS, and nothing that was read of it
// waits.
func (c *httpConn) isPlain() bool {
	stall, plain := c.Conn.(*stallConn)
	if !plain {
		return false
	}
	p, read := stall.Conn.(*prefixConn)
	return !read || len(p.prefix) == 0
}

// errMoved is what net/http gets in the place of the next request. It answers other errors than those of reading.
var errMoved = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("the connection has moved to another process")}

// leave gives the connection to the other process. net/http closes it then.
func (c *httpConn) leave() error {
	inner := c.Conn.(*stallConn).Conn
	if p, ok := inner.(*prefixConn); ok {
		inner = p.Conn
	}
	raw := socket.RawConn(inner)
	if raw == nil {
		return errMoved
	}
	visitor := socket.Visitor{Timeout: c.server.options.IdleTimeout, Head: c.server.proxyHeaderAgain(peerOf(inner), c.RemoteAddr())}
	if addr, ok := inner.RemoteAddr().(*net.TCPAddr); ok {
		from := addr.AddrPort()
		visitor.From = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	}
	_ = raw.Control(func(fd uintptr) { c.server.moving.Load().take(int(fd), visitor) })
	return errMoved
}
