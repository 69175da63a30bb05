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

// net/http hangs up on a client whose request head does not come in time, without a word. headConn says what was wrong
// before it does: 408, RFC 9110, 15.5.9.

var slowHead = lastAnswer(http.StatusRequestTimeout, "the request head did not come in time (setting: http.head_timeout)")

type headListener struct{ net.Listener }

// Accept implements net.Listener.
func (l headListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &headConn{Conn: c}, nil
}

// headConn is a connection of the HTTP server's.
type headConn struct {
	net.Conn
	begun atomic.Bool // bytes of a request have come
	busy  atomic.Bool // a handler has the request: its head has come
}

// Read implements net.Conn.
func (c *headConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.begun.Store(true)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && !c.busy.Load() && c.begun.Swap(false) { // once: net/http tries again
		_ = c.Conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = c.Conn.Write(slowHead)
	}
	return n, err
}

// CloseWrite lets net/http end a refused request's connection softly: closing it while the client still sends would reset it,
// and the client might lose the answer.
func (c *headConn) CloseWrite() error { return closeWrite(c.Conn) }

// closeWrite ends the direction to the client, where the connection can do that.
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

func connOf(r *http.Request) *headConn { return r.Context().Value(connKey{}).(*headConn) }

// noteState starts over when a connection waits for its next request.
func noteState(c net.Conn, state http.ConnState) {
	if state == http.StateIdle {
		h := c.(*headConn)
		h.begun.Store(false)
		h.busy.Store(false)
	}
}
