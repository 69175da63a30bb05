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
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/socket"
)

// Options configure the port.
type Options struct {
	Addr      string         // host:port; port 0 takes any free one
	TLS       *tls.Config    // nil: plain HTTP
	Handler   http.Handler   // for what is no endpoint's
	Endpoints []Endpoint     // where pages connect; the first that serves a request counts
	Loops     []*socket.Loop // which share the connections evenly

	// AllowedOrigins are the sites whose pages may connect, as browsers write them; "*" is any. The server's own pages always may.
	AllowedOrigins []string

	// Release is given the leases of pages that were admitted and then could not become one. Nil: there are none.
	Release func(lease scenecast.Lease)

	Deflate     bool          // agree to compress the messages of pages that offer it
	AcceptRate  int           // connections per second; others wait in the kernel's queue. Defaults to any number.
	SendBuffer  int           // bytes that the kernel may hold back for one page. Defaults to 32 KiB.
	HeadTimeout time.Duration // for a request's head to come in. Defaults to 10 s.
	BodyTimeout time.Duration // for a whole request to come in. Defaults to 30 s.
	IdleTimeout time.Duration // for the next request on a connection. Defaults to 2 min.
	MaxHead     int           // bytes of a request's head. Defaults to 16 KiB.
	Logger      *slog.Logger
}

func (o Options) withDefaults() Options {
	defaultTo(&o.SendBuffer, 32<<10)
	defaultTo(&o.HeadTimeout, 10*time.Second)
	defaultTo(&o.BodyTimeout, 30*time.Second)
	defaultTo(&o.IdleTimeout, 2*time.Minute)
	defaultTo(&o.MaxHead, 16<<10)
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
	origins originPolicy
	ports   []*net.TCPListener // one for each loop that accepts connections itself; or only one
	http    *http.Server
	handoff *handoffListener // connections from the loops
	next    atomic.Uint32    // loop, round robin
	refused *refusalCounter
	shut    atomic.Bool
}

// Listen opens the port; Serve answers on it.
func Listen(ctx context.Context, o Options) (*Server, error) {
	o = o.withDefaults()
	sockets := 1
	if o.TLS == nil && o.Loops[0].CanListen() {
		sockets = len(o.Loops)
	}
	ports, err := openPort(ctx, o.Addr, sockets, o.SendBuffer)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &Server{options: o, origins: newOriginPolicy(o.AllowedOrigins), ports: ports, handoff: newHandoffListener(ports[0].Addr()), refused: newRefusalCounter()}
	// HTTP/2 is left out: a WebSocket opens by an HTTP/1.1 upgrade (RFC 8441 is for another day).
	http1 := new(http.Protocols)
	http1.SetHTTP1(true)
	s.http = &http.Server{
		Handler:           s,
		Protocols:         http1,
		ReadHeaderTimeout: o.HeadTimeout,
		ReadTimeout:       o.BodyTimeout,
		IdleTimeout:       o.IdleTimeout,
		MaxHeaderBytes:    o.MaxHead,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn),
		ConnContext:       rememberConn,
		ConnState:         noteState,
	}
	return s, nil
}

// Addr is the address that the port is really open on.
func (s *Server) Addr() net.Addr { return s.ports[0].Addr() }

// Serve answers requests until Shutdown; then it returns nil.
func (s *Server) Serve() error {
	connections, err := s.connections()
	if err == nil {
		err = s.http.Serve(httpListener{connections})
	}
	if !s.shut.Load() && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// connections are what net/http is to read: what the loops hand over, or everything.
func (s *Server) connections() (net.Listener, error) {
	if s.options.TLS != nil {
		return tls.NewListener(s.limited(s.ports[0]), s.options.TLS), nil
	}
	if !s.options.Loops[0].CanListen() {
		return s.limited(s.ports[0]), nil
	}
	for i, loop := range s.options.Loops {
		if err := loop.Listen(s.ports[i], newHandshaker(s), share(s.options.AcceptRate, len(s.options.Loops), i)); err != nil {
			return nil, err
		}
		_ = s.ports[i].Close() // the loop has a descriptor of its own
	}
	return s.handoff, nil
}

// share is a loop's part of a rate; 0 is any number. A loop accepts one per second at least.
func share(rate, loops, i int) int {
	if rate == 0 {
		return 0
	}
	return max(1, (rate+i)/loops)
}

// Shutdown closes the port and waits for the requests under way until ctx ends. Pages are not its concern.
func (s *Server) Shutdown(ctx context.Context) error {
	s.shut.Store(true)
	for _, loop := range s.options.Loops {
		loop.StopListening()
	}
	err := s.http.Shutdown(ctx)
	for _, port := range s.ports {
		_ = port.Close() // those that are closed already do not mind
	}
	if err != nil {
		_ = s.http.Close()
		return fmt.Errorf("requests still under way: %w", err)
	}
	return nil
}
