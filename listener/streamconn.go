package listener

import (
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"scenecast/deadline"
)

// past is a deadline that has passed.
var past = time.Unix(1, 0)

// streamConn is the response to a request of HTTP/2 as a connection, so that a loop can own it like other sockets. There is nothing
// to be read from it but its end. Its handler runs serve until the connection is closed.
type streamConn struct {
	w       http.ResponseWriter
	control *http.ResponseController
	gone    <-chan struct{} // closed when the client has left
	addr    net.Addr        // of the client; a loop asks for no other
	done    chan struct{}   // closed by Close
	close   sync.Once
	reading *deadline.Deadline

	writing sync.Mutex // held while the response is written to

	mu       sync.Mutex
	deadline time.Time // of writes
	active   bool      // one is under way
	finished bool      // the handler has returned, and net/http's writer must not be touched
}

var _ net.Conn = (*streamConn)(nil)

func newStreamConn(w http.ResponseWriter, r *http.Request) *streamConn {
	return &streamConn{
		w:       w,
		control: http.NewResponseController(w),
		gone:    r.Context().Done(),
		addr:    textAddr(r.RemoteAddr),
		done:    make(chan struct{}),
		reading: deadline.New(),
	}
}

// serve waits until the connection is closed, and nobody writes to it any more.
func (c *streamConn) serve() {
	<-c.done
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished = true
}

// Read implements net.Conn.
func (c *streamConn) Read([]byte) (int, error) {
	select {
	case <-c.done:
		return 0, net.ErrClosed
	case <-c.gone:
		return 0, io.EOF
	case <-c.reading.Wait():
		return 0, os.ErrDeadlineExceeded
	}
}

// Write implements net.Conn.
func (c *streamConn) Write(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	select {
	case <-c.done:
		return 0, net.ErrClosed
	default:
	}
	c.setActive(true)
	defer c.setActive(false)
	n, err := c.w.Write(b)
	if err == nil {
		err = c.control.Flush()
	}
	return n, err
}

// setActive has net/http's deadline in force during a write alone: where it passes, net/http resets the stream, written to or not.
func (c *streamConn) setActive(active bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active = active
	switch {
	case active && !c.deadline.IsZero():
		_ = c.control.SetWriteDeadline(c.deadline)
	case !active:
		_ = c.control.SetWriteDeadline(time.Time{})
	}
}

// Close implements net.Conn. A write that is under way fails.
func (c *streamConn) Close() error {
	c.close.Do(func() {
		close(c.done)
		_ = c.SetWriteDeadline(past)
	})
	return nil
}

// LocalAddr implements net.Conn.
func (c *streamConn) LocalAddr() net.Addr { return c.addr }

// RemoteAddr implements net.Conn.
func (c *streamConn) RemoteAddr() net.Addr { return c.addr }

// SetDeadline implements net.Conn.
func (c *streamConn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *streamConn) SetReadDeadline(t time.Time) error {
	c.reading.Set(t)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *streamConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if c.active && !c.finished {
		return c.control.SetWriteDeadline(t)
	}
	return nil
}

// textAddr is an address that is known as text.
type textAddr string

// Network implements net.Addr.
func (textAddr) Network() string { return "tcp" }

// String implements net.Addr.
func (a textAddr) String() string { return string(a) }
