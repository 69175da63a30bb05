package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"scenecast/ratelimit"
)

// acceptor accepts the connections of a port where loops do not, and hands them to net/http. TLS handshakes run before that, each
// on a goroutine of its own, so that what is wrong with one can be told to its client and to the log.
type acceptor struct {
	server *Server
	port   port

	mu          sync.Mutex
	handshaking map[net.Conn]struct{}
	closed      bool
	goroutines  sync.WaitGroup
}

func newAcceptor(s *Server, port port) *acceptor {
	return &acceptor{server: s, port: port, handshaking: make(map[net.Conn]struct{})}
}

// acceptPause is how long nothing is accepted where the system has no descriptor, or no memory, for a connection.
const acceptPause = 10 * time.Millisecond

// run accepts connections until close.
func (a *acceptor) run() {
	for {
		c, err := a.port.Accept()
		switch {
		case err == nil:
			a.take(c)
		case a.isClosed() || errors.Is(err, net.ErrClosed):
			return
		default:
			if !a.server.connections.closeIdle(time.Now()) {
				a.server.options.Logger.Warn("accept", "err", err)
			}
			time.Sleep(acceptPause)
		}
	}
}

func (a *acceptor) take(c net.Conn) {
	if a.server.options.TLS == nil && a.server.options.ProxyProtocol() == nil {
		a.server.handOff(c)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		_ = c.Close()
		return
	}
	a.handshaking[c] = struct{}{}
	a.goroutines.Go(func() { a.begin(c) })
}

// begin reads what a connection begins with before HTTP: a proxy's header, and a TLS handshake.
func (a *acceptor) begin(c net.Conn) {
	opened := c
	if a.server.options.ProxyProtocol() != nil {
		var err error
		if c, err = a.server.awaitProxyHeader(c); err != nil {
			a.forget(opened)
			return
		}
	}
	if a.server.options.TLS == nil {
		a.forget(opened)
		a.server.handOff(c)
		return
	}
	a.handshake(opened, c)
}

// forget takes a connection from those that close ends.
func (a *acceptor) forget(c net.Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.handshaking, c)
}

// handshake agrees with the client on TLS, and on the version of HTTP. The connection is the one that was accepted, or what is left of it
// behind a proxy's header.
func (a *acceptor) handshake(opened, c net.Conn) {
	stall := &stallConn{Conn: c}
	secure := tls.Server(stall, a.server.options.TLS)
	ctx, cancel := context.WithTimeout(context.Background(), a.server.options.HeadTimeout)
	err := secure.HandshakeContext(ctx)
	cancel()
	a.forget(opened)
	if err != nil {
		a.server.handshakeFailed(c, err)
		return
	}
	stall.timeout.Store(int64(a.server.options.WriteTimeout))
	a.server.handOff(secure)
}

// handOff gives a connection to net/http. One whose descriptor is of the reserve takes the place of one that waits for nothing.
func (s *Server) handOff(c net.Conn) {
	if s.options.Descriptors != nil && !s.options.Descriptors.Admits(c) {
		s.CloseIdle()
	}
	s.connections.arrive()
	s.handoff.put(c)
}

// close accepts nothing any more, and ends the handshakes that are under way.
func (a *acceptor) close() {
	a.mu.Lock()
	a.closed = true
	for c := range a.handshaking {
		_ = c.Close()
	}
	a.mu.Unlock()
	_ = a.port.Close()
	a.goroutines.Wait()
}

func (a *acceptor) isClosed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.closed
}

// turns spaces the pages that net/http lets in; loops do the same by themselves. Requests that become no page need no turn.
type turns struct {
	began time.Time

	mu     sync.Mutex
	bucket ratelimit.Bucket
}

func newTurns(perSecond int) *turns {
	return &turns{began: time.Now(), bucket: ratelimit.New(perSecond, 0)}
}

// setRate changes the rate. Requests that wait keep their turns.
func (t *turns) setRate(perSecond int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bucket.SetRate(perSecond, time.Since(t.began))
}

// await waits for a turn, at most until the client has gone or the server drains.
func (t *turns) await(ctx context.Context, draining <-chan struct{}) {
	t.mu.Lock()
	wait := t.bucket.Reserve(time.Since(t.began))
	t.mu.Unlock()
	if wait == 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-draining:
	}
}
