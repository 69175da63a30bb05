package listener

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// httpListener gives net/http its connections.
type httpListener struct{ net.Listener }

// Accept implements net.Listener.
func (l httpListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &httpConn{Conn: c}, nil
}

// httpConn is a connection that net/http serves. Where a request's head does not come in time net/http closes without a word;
// the connection answers 408 before that.
type httpConn struct {
	net.Conn
	begun atomic.Bool // bytes of a request have come
	busy  atomic.Bool // a handler has the request: its head has come
}

// Read implements net.Conn.
func (c *httpConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.begun.Store(true)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && !c.busy.Load() && c.begun.Swap(false) { // once: net/http tries again
		_ = c.Conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = c.Conn.Write(headerTimeout)
	}
	return n, err
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

type connKey struct{}

func rememberConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

func connOf(r *http.Request) *httpConn { return r.Context().Value(connKey{}).(*httpConn) }

// noteState starts over when a connection waits for its next request.
func noteState(c net.Conn, state http.ConnState) {
	if state == http.StateIdle {
		h := c.(*httpConn)
		h.begun.Store(false)
		h.busy.Store(false)
	}
}
