package listener

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"scenecast/problem"
)

// connections are those that net/http serves.
type connections struct {
	mu     sync.Mutex
	open   map[net.Conn]*connection // as net/http names them
	closed bool                     // there are to be no others

	arriving int // that net/http is to get, and does not name yet
}

// connection is one of them, of either version of HTTP.
type connection struct {
	conn      net.Conn
	requests  atomic.Int32 // that are being answered
	idleSince atomic.Int64 // Unix time in nanoseconds when the last request was answered; 0: none has been
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
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[c] = opened
	l.arriving--
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
			h.endRequest()
		}
	}
}

// arrive counts a connection that net/http is to get.
func (l *connections) arrive() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arriving++
}

// begin counts a request until end.
func (c *connection) begin() { c.requests.Add(1) }

func (c *connection) end() {
	c.idleSince.Store(time.Now().UnixNano())
	c.requests.Add(-1)
}

// closeIdle closes the connection that has waited for the longest for another request, since before that time. False: there is none.
// A client that sends one at the same moment has it fail, as whenever a server closes a kept connection, and sends it again (RFC
// 9110, 9.2.2).
func (l *connections) closeIdle(before time.Time) bool {
	l.mu.Lock()
	var oldest *connection
	longest := before.UnixNano()
	for _, c := range l.open {
		since := c.idleSince.Load()
		if since != 0 && since < longest && c.requests.Load() == 0 {
			oldest, longest = c, since
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

// idleAtATime is how many connections CloseIdle closes. More than come in meanwhile, so that the reserve gets free.
const idleAtATime = 4

// CloseIdle closes the HTTP connections that have waited for the longest for another request, a few of them, because descriptors are
// short. Any goroutine and event loop may call it: it does not wait.
func (s *Server) CloseIdle() {
	s.idleWanted.Store(time.Now().UnixNano())
	if s.closingIdle.Swap(true) {
		return // the goroutine that runs goes on
	}
	go func() {
		for {
			wanted := s.idleWanted.Load()
			for range idleAtATime {
				s.connections.closeIdle(time.Unix(0, wanted))
			}
			s.closingIdle.Store(false)
			if s.idleWanted.Load() == wanted || s.closingIdle.Swap(true) {
				return
			}
		}
	}()
}

// mayBePage returns a problem where the connection's descriptor is kept for what is no page.
func (s *Server) mayBePage(c net.Conn) error {
	if h := asHTTPConn(c); h != nil {
		c = h.Conn
	}
	if s.options.Descriptors == nil || s.options.Descriptors.Admits(c) {
		return nil
	}
	return problem.New(problem.Unavailable, outOfDescriptorsText)
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
