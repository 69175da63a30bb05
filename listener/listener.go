// Package listener is the one port: it serves HTTP, and at its endpoints requests become pages.
//
// Where the loops own their sockets (package socket), each has a listening socket of its own, among which the kernel spreads the
// connections. A loop reads a request's head; a page stays on the loop, and anything else is handed to net/http with the bytes
// that were read. Where they do not, and with TLS, net/http reads all requests and gives the loops the pages.
package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/problem"
	"scenecast/ratelimit"
	"scenecast/socket"
)

// Protocols are what a port with TLS offers (RFC 7301), for tls.Config.NextProtos.
var Protocols = []string{"h2", "http/1.1"}

// Options configure the port.
type Options struct {
	Addr      string         // host:port; port 0 takes any free one. Or unix: and the path of a socket
	TLS       *tls.Config    // nil: plain HTTP. It, and what its GetConfigForClient returns, offers Protocols
	Handler   http.Handler   // for what is no endpoint's
	Endpoints []Endpoint     // where pages connect; the first that serves a request counts
	Loops     []*socket.Loop // which share the connections evenly

	// Origins are the sites whose pages may connect, now. Nil: only the server's own may.
	Origins func() *Origins

	// Inherited are the listening sockets of a process whose place this one takes, one for each loop; they are closed. Nil: the port is opened.
	Inherited []*os.File

	// SocketMode are the permissions of a socket at a path. Defaults to 0600.
	SocketMode fs.FileMode

	// ProxyProtocol says whose PROXY headers are believed, now. Nil, or a function that returns nil: nobody's.
	ProxyProtocol func() *ProxyProtocol

	// Release is given the leases of pages that were admitted and then could not become one. Nil: there are none.
	Release func(lease scenecast.Lease)

	// Starting says why no page is let in yet, a *problem.Problem, from any goroutine and event loop. Nil, or what returns nil: pages are.
	Starting func() error

	// Refused is told of each page that is refused, and why, from any goroutine and event loop. It must not wait. Nil: nobody asks.
	Refused func(r *http.Request, p *problem.Problem)

	// Descriptors is the reserve that loops and listeners share. Nil: there is none.
	Descriptors *socket.DescriptorReserve

	Deflate      bool          // agree to compress the messages of pages that offer it
	AcceptRate   int           // pages per second that may connect; others wait. Defaults to any number.
	SendBuffer   int           // bytes that the kernel may hold back for one page. Defaults to 32 KiB.
	HeadTimeout  time.Duration // for a request's head to come in, and for a TLS handshake. Defaults to 10 s.
	BodyTimeout  time.Duration // for a whole request to come in. Defaults to 30 s.
	WriteTimeout time.Duration // for the client to take the next part of a response. Defaults to 30 s.
	IdleTimeout  time.Duration // for the next request on a connection. Defaults to 2 min.
	MaxHead      int           // bytes of a request's head. Defaults to 16 KiB.
	MaxResponses int           // bytes of large responses that may wait for their clients, all together. Defaults to 64 MiB.
	Logger       *slog.Logger
}

func (o Options) withDefaults() Options {
	defaultTo(&o.SendBuffer, 32<<10)
	defaultTo(&o.SocketMode, 0o600)
	defaultTo(&o.HeadTimeout, 10*time.Second)
	defaultTo(&o.BodyTimeout, 30*time.Second)
	defaultTo(&o.WriteTimeout, 30*time.Second)
	defaultTo(&o.IdleTimeout, 2*time.Minute)
	defaultTo(&o.MaxHead, 16<<10)
	defaultTo(&o.MaxResponses, 64<<20)
	if o.Origins == nil {
		none := NewOrigins(nil, nil)
		o.Origins = func() *Origins { return none }
	}
	if o.ProxyProtocol == nil {
		o.ProxyProtocol = func() *ProxyProtocol { return nil }
	}
	if o.Release == nil {
		o.Release = func(scenecast.Lease) {}
	}
	return o
}

func defaultTo[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Server is a listening port.
type Server struct {
	options Options
	ports   []port      // one for each loop that accepts connections itself; or only one
	socket  *unixSocket // nil: the port is one of TCP
	addr    net.Addr
	http    *http.Server

	handoff  *handoffListener // the connections that net/http is to serve
	acceptor *acceptor        // nil: the loops accept connections
	next     atomic.Uint32    // loop, round robin
	turns    *turns
	// refusedConnections tells of those that never came to a request.
	refusedConnections *ratelimit.Log

	connections *connections
	idleWanted  atomic.Int64 // when CloseIdle was called last, as Unix time in nanoseconds
	closingIdle atomic.Bool  // its goroutine runs
	bodies      *requestBodies
	responses   *responseBudget

	acceptOnce sync.Once
	acceptErr  error

	drainOnce sync.Once
	draining  chan struct{} // closed by Drain

	refusesPages atomic.Bool
	shut         atomic.Bool
	moving       atomic.Pointer[moving] // nil: no other process takes this one's place
}

// refusedPerSecond bounds the lines about TLS handshakes and PROXY headers in the log.
const refusedPerSecond = 5

// Listen opens the port; Serve answers on it.
func Listen(ctx context.Context, o Options) (*Server, error) {
	o = o.withDefaults()
	sockets := 1
	if o.TLS == nil && o.Loops[0].CanListen() {
		sockets = len(o.Loops)
	}
	s := &Server{
		options:            o,
		turns:              newTurns(o.AcceptRate),
		connections:        newConnections(),
		refusedConnections: ratelimit.NewLog(o.Logger, refusedPerSecond),
		bodies:             newRequestBodies(),
		responses:          newResponseBudget(o.MaxResponses),
		draining:           make(chan struct{}),
	}
	if err := s.open(ctx, sockets); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s.handoff = newHandoffListener(s.addr)
	s.http = s.newHTTPServer()
	if sockets == 1 {
		s.acceptor = newAcceptor(s, s.ports[0])
	}
	return s, nil
}

// headSlop is what net/http lets a request's head have over MaxHeaderBytes.
const headSlop = 4 << 10

// newHTTPServer has net/http serve HTTP/1, and over TLS HTTP/2 too. A WebSocket opens by HTTP/1.1: net/http does not let a server
// offer RFC 8441.
func (s *Server) newHTTPServer() *http.Server {
	o := s.options
	versions := new(http.Protocols)
	versions.SetHTTP1(true)
	versions.SetHTTP2(o.TLS != nil)
	return &http.Server{
		Handler:                      s,
		Protocols:                    versions,
		HTTP2:                        &http.HTTP2Config{SendPingTimeout: o.WriteTimeout, WriteByteTimeout: o.WriteTimeout},
		ReadHeaderTimeout:            o.HeadTimeout,
		ReadTimeout:                  o.BodyTimeout,
		IdleTimeout:                  o.IdleTimeout,
		MaxHeaderBytes:               max(1, o.MaxHead-headSlop),
		DisableGeneralOptionsHandler: true, // which answers behind the back of ServeHTTP
		ErrorLog:                     slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn),
		ConnContext:                  s.connections.context,
		ConnState:                    s.connections.note,
	}
}

// Addr is the address that the port is really open on.
func (s *Server) Addr() net.Addr { return s.addr }

// Serve answers requests until Shutdown; then it returns nil.
func (s *Server) Serve() error {
	err := s.Accept()
	if err == nil {
		err = s.http.Serve(httpListener{s.handoff, s})
	}
	if !s.shut.Load() && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// Accept has connections be accepted from when it returns; Serve does so by itself.
func (s *Server) Accept() error {
	s.acceptOnce.Do(func() { s.acceptErr = s.startAccepting() })
	return s.acceptErr
}

// startAccepting has the loops accept connections where they can.
func (s *Server) startAccepting() error {
	if s.options.TLS != nil || !s.options.Loops[0].CanListen() {
		go s.acceptor.run()
		return nil
	}
	for i, loop := range s.options.Loops {
		if err := loop.Listen(s.ports[i], newHandshaker(s), share(s.options.AcceptRate, len(s.options.Loops), i)); err != nil {
			return err
		}
	}
	for _, port := range s.ports {
		_ = port.Close() // the loops have descriptors of their own
	}
	return nil
}

// SetAcceptRate puts another rate of pages in force than that of the options. Those that wait already keep their turns.
func (s *Server) SetAcceptRate(perSecond int) {
	s.turns.setRate(perSecond)
	for i, loop := range s.options.Loops {
		loop.SetAcceptRate(share(perSecond, len(s.options.Loops), i))
	}
}

// share is a loop's part of a rate; 0 is any number. A loop accepts one per second at least.
func share(rate, loops, i int) int {
	if rate == 0 {
		return 0
	}
	return max(1, (rate+i)/loops)
}
