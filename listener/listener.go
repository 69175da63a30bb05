// Package listener is the one port: it serves HTTP, and lets WebSockets in where a gate admits them.
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
	"scenecast/websocket"
)

// Acceptor takes over connections whose handshake is done; socket loops do.
type Acceptor interface {
	Attach(c net.Conn, early []byte, a scenecast.Admission)
}

// Upgrade is what happens to WebSocket requests of one path.
type Upgrade struct {
	Gate   scenecast.Gate
	Refuse func(w http.ResponseWriter, r *http.Request, err error) // answers for the gate, in the path's own form
}

// Options configure the port.
type Options struct {
	Addr     string             // host:port; port 0 takes any free one
	TLS      *tls.Config        // nil: plain HTTP
	Handler  http.Handler       // for what is no upgrade
	Upgrades map[string]Upgrade // by path; on other paths an upgrade is the handler's
	Loops    []Acceptor         // which share the connections evenly

	HeadTimeout time.Duration // for a request's head to come in. Defaults to 10 s.
	BodyTimeout time.Duration // for a whole request to come in. Defaults to 30 s.
	IdleTimeout time.Duration // for the next request on a connection. Defaults to 2 min.
	MaxHead     int           // bytes of a request's head. Defaults to 16 KiB.
	Logger      *slog.Logger
}

// Server is a listening port.
type Server struct {
	options  Options
	listener net.Listener
	http     *http.Server
	next     atomic.Uint32 // loop, round robin
}

// Listen opens the port; Serve answers on it.
func Listen(ctx context.Context, o Options) (*Server, error) {
	// KeepAlive: the pings of package socket find out who is gone, and sooner.
	config := net.ListenConfig{KeepAlive: -1}
	l, err := config.Listen(ctx, "tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if o.TLS != nil {
		l = tls.NewListener(l, o.TLS)
	}
	s := &Server{options: o, listener: headListener{l}}
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
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers requests until Shutdown; then it returns nil.
func (s *Server) Serve() error {
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// Shutdown closes the port and waits for the requests under way until ctx ends. WebSockets are not its concern.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close()
		return fmt.Errorf("requests still under way: %w", err)
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	connOf(r).busy.Store(true)
	upgrade, ok := s.options.Upgrades[r.URL.Path]
	if !ok || !websocket.IsUpgrade(r) {
		s.options.Handler.ServeHTTP(w, r)
		return
	}
	if err := s.upgrade(w, r, upgrade.Gate); err != nil {
		upgrade.Refuse(w, r, err)
	}
}

// upgrade lets a WebSocket in, or returns why not.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, gate scenecast.Gate) error {
	if err := websocket.CheckHandshake(r); err != nil {
		return err
	}
	admission, err := gate.Admit(r)
	if err != nil {
		return err
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fmt.Errorf("take the connection over: %w", err)
	}
	early, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	conn = conn.(*headConn).Conn
	_ = conn.SetDeadline(time.Now().Add(s.options.HeadTimeout))
	if _, err := conn.Write(websocket.SwitchingProtocols(r, "")); err != nil {
		_ = conn.Close() // the page has gone: there is nobody to tell
		return nil
	}
	_ = conn.SetDeadline(time.Time{})
	i := s.next.Add(1) % uint32(len(s.options.Loops))
	s.options.Loops[i].Attach(conn, append([]byte(nil), early...), admission)
	return nil
}
