package listener

import (
	"net"
	"sync"
)

// handoffListener is the listener through which net/http gets the connections that loops do not keep.
type handoffListener struct {
	addr net.Addr

	mu      sync.Mutex
	changed sync.Cond
	waiting []net.Conn
	closed  bool
}

var _ net.Listener = (*handoffListener)(nil)

func newHandoffListener(addr net.Addr) *handoffListener {
	h := &handoffListener{addr: addr}
	h.changed.L = &h.mu
	return h
}

// put gives a connection over without waiting; when the listener is closed, so is the connection.
func (h *handoffListener) put(c net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		_ = c.Close()
		return
	}
	h.waiting = append(h.waiting, c)
	h.changed.Signal()
}

// Accept implements net.Listener.
func (h *handoffListener) Accept() (net.Conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.waiting) == 0 {
		if h.closed {
			return nil, net.ErrClosed
		}
		h.changed.Wait()
	}
	c := h.waiting[0]
	h.waiting[0] = nil
	h.waiting = h.waiting[1:]
	return c, nil
}

// Close implements net.Listener.
func (h *handoffListener) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, c := range h.waiting {
		_ = c.Close()
	}
	h.waiting = nil
	h.changed.Broadcast()
	return nil
}

// Addr implements net.Listener.
func (h *handoffListener) Addr() net.Addr { return h.addr }

// prefixConn is a connection whose first bytes have been read already.
type prefixConn struct {
	net.Conn
	prefix []byte   // to be read before what the connection still brings
	remote net.Addr // whom a proxy has passed on; nil: nobody
}

// RemoteAddr implements net.Conn.
func (c *prefixConn) RemoteAddr() net.Addr {
	if c.remote != nil {
		return c.remote
	}
	return c.Conn.RemoteAddr()
}

// Read implements net.Conn.
func (c *prefixConn) Read(b []byte) (int, error) {
	if len(c.prefix) == 0 {
		return c.Conn.Read(b)
	}
	n := copy(b, c.prefix)
	c.prefix = c.prefix[n:]
	return n, nil
}

// NetConn is the connection below, as tls.Conn has it.
func (c *prefixConn) NetConn() net.Conn { return c.Conn }

// CloseWrite closes one direction as httpConn.CloseWrite does.
func (c *prefixConn) CloseWrite() error { return closeWrite(c.Conn) }
