package listener

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// httpListener gives net/http its connections.
type httpListener struct {
	net.Listener
	server *Server
}

// Accept implements net.Listener.
func (l httpListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.server.newHTTPConn(c), nil
}

// newHTTPConn is the connection as net/http is to see it. One that speaks HTTP/2 it must see as it is.
func (s *Server) newHTTPConn(c net.Conn) net.Conn {
	h := &httpConn{server: s}
	h.awaiting.Store(true)
	if c, ok := c.(*tls.Conn); ok {
		if c.ConnectionState().NegotiatedProtocol == "h2" {
			return c
		}
		h.Conn = c
		return tlsHTTPConn{h, c}
	}
	stall := &stallConn{Conn: c}
	stall.timeout.Store(int64(s.options.WriteTimeout))
	h.Conn = stall
	return h
}

// httpConn is a connection that net/http serves by HTTP/1. Where a request's head does not come in time net/http closes without a
// word; the connection answers 408 before that.
type httpConn struct {
	net.Conn
	server *Server

	awaiting atomic.Bool // net/http waits for the head of a request, and no response is under way
	begun    atomic.Bool // bytes of that head have come

	idle idleRead

	lastRead []byte // what the last read has brought, in net/http's buffer; the goroutine that reads only
}

// tlsHTTPConn is an httpConn over TLS.
type tlsHTTPConn struct {
	*httpConn
	tls *tls.Conn
}

// ConnectionState tells net/http what was agreed on, for Request.TLS.
func (c tlsHTTPConn) ConnectionState() tls.ConnectionState { return c.tls.ConnectionState() }

// asHTTPConn is the connection that net/http names; nil: one that speaks HTTP/2.
func asHTTPConn(c net.Conn) *httpConn {
	switch c := c.(type) {
	case *httpConn:
		return c
	case tlsHTTPConn:
		return c.httpConn
	}
	return nil
}

// Read implements net.Conn.
func (c *httpConn) Read(b []byte) (int, error) {
	idle := c.beginIdle(len(b))
	if idle && c.server.moving.Load() != nil {
		return 0, c.leave()
	}
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.lastRead = b[:n]
		c.begun.Store(true)
	}
	if idle && c.endIdle(n) && n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, c.leave()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && c.awaiting.Load() && c.begun.Load() {
		c.awaiting.Store(false) // one response is enough, also where net/http reads once more
		_ = c.Conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = c.Conn.Write(headerTimeout)
	}
	return n, err
}

// Write implements net.Conn. Large responses count in the server's budget until the client has taken them.
func (c *httpConn) Write(b []byte) (int, error) {
	if len(b) < largeResponse {
		return c.Conn.Write(b)
	}
	p := c.server.responses.add(len(b), func() { _ = c.Conn.Close() })
	defer c.server.responses.remove(p)
	var written int
	for written < len(b) {
		n, err := c.Conn.Write(b[written:min(len(b), written+largeResponse)])
		written += n
		if err != nil {
			return written, err
		}
		c.server.responses.progress(p)
	}
	return written, nil
}

// CloseWrite lets net/http close the direction to the client first when it refuses a request: closing both while the client still
// sends would reset the connection, and the client might lose the response.
func (c *httpConn) CloseWrite() error { return closeWrite(c.Conn) }

// closeWrite closes the direction to the client, where the connection can do that.
func closeWrite(c net.Conn) error {
	if c, ok := c.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// stallConn closes a connection whose client takes no byte for the timeout. Any progress renews it, so a slow client that reads
// steadily gets its response whole. It stands below TLS, which cannot go on after a write that has timed out.
type stallConn struct {
	net.Conn
	timeout atomic.Int64 // in nanoseconds; 0: writes have the deadline that was set
}

// NetConn is the connection below, as tls.Conn has it.
func (c *stallConn) NetConn() net.Conn { return c.Conn }

// Write implements net.Conn.
func (c *stallConn) Write(b []byte) (written int, err error) {
	for {
		timeout := time.Duration(c.timeout.Load())
		if timeout > 0 {
			_ = c.Conn.SetWriteDeadline(time.Now().Add(timeout))
		}
		n, err := c.Conn.Write(b[written:])
		written += n
		if err == nil || n == 0 || timeout == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return written, err
		}
	}
}

// CloseWrite is closeWrite of what is below.
func (c *stallConn) CloseWrite() error { return closeWrite(c.Conn) }
