package listener

import (
	"net"
	"sync"
)

// handed is the listener through which net/http gets the connections that loops do not keep.
type handed struct {
	addr net.Addr

	mu      sync.Mutex
	changed sync.Cond
	waiting []net.Conn
	closed  bool
}

func newHanded(addr net.Addr) *handed {
	h := &handed{addr: addr}
	h.changed.L = &h.mu
	return h
}

// put gives a connection over without waiting; when the listener is closed, so is the connection.
func (h *handed) put(c net.Conn) {
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
func (h *handed) Accept() (net.Conn, error) {
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
func (h *handed) Close() error {
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
func (h *handed) Addr() net.Addr { return h.addr }

// handedConn is a connection of which a loop has read the beginning.
type handedConn struct {
	net.Conn
	said []byte // not read again yet
}

// Read implements net.Conn.
func (c *handedConn) Read(b []byte) (int, error) {
	if len(c.said) == 0 {
		return c.Conn.Read(b)
	}
	n := copy(b, c.said)
	c.said = c.said[n:]
	return n, nil
}

// CloseWrite: see headConn.
func (c *handedConn) CloseWrite() error { return closeWrite(c.Conn) }
