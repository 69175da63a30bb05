package listener

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// connections are those that net/http serves.
type connections struct {
	mu     sync.Mutex
	open   map[net.Conn]*connection // as net/http names them
	closed bool                     // there are to be no others
}

// connection is one of them, of either version of HTTP.
type connection struct {
	conn      net.Conn
	requests  atomic.Int32 // that are being answered
	idleSince atomic.Int64 // Unix time in nanoseconds: when the last request was answered, or the connection was opened
}

func newConnections() *connections { return &connections{open: make(map[net.Conn]*connection)} }

type connectionKey struct{}

// connectionOf is the request's connection.
func connectionOf(r *http.Request) *connection {
	return r.Context().Value(connectionKey{}).(*connection)
}

// context implements http.Server.ConnContext: a connection is counted from here on.
func (l *connections) context(ctx context.Context, c net.Conn) context.Context {
	opened := &connection{conn: c}
	opened.idleSince.Store(time.Now().UnixNano())
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[c] = opened
	if l.closed {
		_ = c.Close()
	}
	return context.WithValue(ctx, connectionKey{}, opened)
}

// note implements http.Server.ConnState.
func (l *connections) note(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateHijacked, http.StateClosed:
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.open, c)
	case http.StateActive: // a head has come, or something that is none
		if h := asHTTPConn(c); h != nil {
			h.awaiting.Store(false)
		}
	case http.StateIdle:
		if h := asHTTPConn(c); h != nil {
			h.begun.Store(false)
			h.awaiting.Store(true)
		}
	}
}

// begin counts a request until end.
func (c *connection) begin() { c.requests.Add(1) }

func (c *connection) end() {
	c.idleSince.Store(time.Now().UnixNano())
	c.requests.Add(-1)
}

// closeIdle closes the connection that has waited for the longest for a request. False: there is none. A client that sends one at
// the same moment has it fail, as whenever a server closes a kept connection, and sends it again (RFC 9110, 9.2.2).
func (l *connections) closeIdle() bool {
	l.mu.Lock()
	var oldest *connection
	for _, c := range l.open {
		if c.requests.Load() == 0 && (oldest == nil || c.idleSince.Load() < oldest.idleSince.Load()) {
			oldest = c
		}
	}
	if oldest != nil {
		delete(l.open, oldest.conn)
	}
	l.mu.Unlock()
	if oldest == nil {
		return false
	}
	_ = oldest.conn.Close()
	return true
}

// closeUnread closes the HTTP/1 connections on which no request has come in whole. Those of HTTP/2 net/http closes itself.
func (l *connections) closeUnread() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.open {
		if h := asHTTPConn(conn); h != nil && h.awaiting.Load() {
			_ = conn.Close()
		}
	}
}

// close is closeUnread, and goes for all connections that are still to come.
func (l *connections) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.closeUnread()
}

// busy is how many requests are being answered.
func (l *connections) busy() (requests int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.open {
		requests += int(c.requests.Load())
	}
	return requests
}
