package listener

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"scenecast/socket"
)

// Another process can take the place of this one: it inherits the listening sockets, and gets the connections on which a client may send
// another request. Requests that have begun are answered here.

// inherit opens the port with the listening sockets of another process.
func (s *Server) inherit(sockets int) error {
	if n := len(s.options.Inherited); n != sockets {
		return fmt.Errorf("the other process has %d listening sockets, and this one needs %d", n, sockets)
	}
	for _, file := range s.options.Inherited {
		l, err := net.FileListener(file) // has a descriptor of its own
		_ = file.Close()
		if err != nil {
			return err
		}
		p, ok := l.(port)
		if !ok {
			return errors.New("the other process has a port of another kind")
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

// Leave is called when another process has the port. The path of a socket is that one's from now on. take is given each connection on which
// the client has no request under way: the descriptor is closed when it returns. Of others, the request that is under way is the last one.
// Any goroutine calls take. Leave returns when no connection waits for a request any more, or within has passed.
func (s *Server) Leave(take func(fd int, v socket.Visitor), within time.Duration) {
	if s.socket != nil {
		s.socket.path = ""
	}
	s.moving.Store(&moving{take})
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(leavePause) {
		if s.connections.leave()+s.connections.busy() == 0 {
			return
		}
	}
}

// leavePause is between two looks at the connections.
const leavePause = 10 * time.Millisecond

// leave has the connections leave that wait for a request, and returns how many there are.
func (l *connections) leave() (waiting int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.open {
		h := asHTTPConn(conn)
		if h == nil || !h.mayLeave() {
			continue
		}
		waiting++
		h.leaving.Store(true)
		_ = h.Conn.SetReadDeadline(time.Unix(1, 0)) // wakes net/http, which is reading
	}
	return waiting
}

// mayLeave reports whether the connection waits for a request of which nothing has come.
func (c *httpConn) mayLeave() bool { return c.awaiting.Load() && !c.begun.Load() }

// leaves reports whether the connection, from which nothing is being read, is to leave now. The goroutine that reads calls it.
func (c *httpConn) leaves() bool {
	if !c.leaving.Load() || !c.mayLeave() {
		return false
	}
	stall, plain := c.Conn.(*stallConn)
	if !plain {
		return false
	}
	p, read := stall.Conn.(*prefixConn)
	return !read || p.remote == nil && len(p.prefix) == 0 // what a proxy says of it stands at its beginning, and has been read
}

var errMoved = errors.New("the connection has moved to another process")

// leave gives the connection to the other process. net/http closes it then.
func (c *httpConn) leave() error {
	moving := c.server.moving.Load()
	inner := c.Conn.(*stallConn).Conn
	if p, ok := inner.(*prefixConn); ok {
		inner = p.Conn
	}
	raw := socket.RawConn(inner)
	if moving == nil || raw == nil {
		return errMoved
	}
	visitor := socket.Visitor{Timeout: c.server.options.IdleTimeout}
	if addr, ok := inner.RemoteAddr().(*net.TCPAddr); ok {
		from := addr.AddrPort()
		visitor.From = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	}
	_ = raw.Control(func(fd uintptr) { moving.take(int(fd), visitor) })
	return errMoved
}

// SetReadDeadline implements net.Conn. One that net/http sets does not keep a connection from leaving.
func (c *httpConn) SetReadDeadline(t time.Time) error {
	if c.leaving.Load() && c.mayLeave() {
		t = time.Unix(1, 0)
	}
	return c.Conn.SetReadDeadline(t)
}
