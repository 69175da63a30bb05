// Package listener is the one port: it serves HTTP, and lets WebSockets in where a gate admits them.
package listener

import (
	"bytes"
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
	"scenecast/problem"
	"scenecast/websocket"
)

// Acceptor takes over connections whose handshake is done; socket loops do.
type Acceptor interface {
	Attach(c net.Conn, early []byte, a scenecast.Admission)
	Refuse(c net.Conn, early []byte, code scenecast.CloseCode, reason string)
}

// Upgrade is what happens to WebSocket requests of one path.
type Upgrade struct {
	Gate        scenecast.Gate
	Subprotocol string // that the page must offer; empty: none
	// Refuse answers over HTTP, in the path's own form.
	Refuse func(w http.ResponseWriter, r *http.Request, err error)
	// CloseCode, where it is set, has pages that the gate refuses told by a close frame instead.
	CloseCode func(err error) (scenecast.CloseCode, string)
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
	if err := s.upgrade(w, r, upgrade); err != nil {
		upgrade.Refuse(w, r, err)
	}
}

// upgrade lets a WebSocket in, or returns why not.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, u Upgrade) error {
	if err := websocket.CheckHandshake(r, u.Subprotocol); err != nil {
		return err
	}
	admission, refused := u.Gate.Admit(r)
	if refused != nil && u.CloseCode == nil {
		return refused
	}
	conn, early, err := s.takeOver(w, websocket.SwitchingProtocols(r, u.Subprotocol, ""))
	if err != nil {
		return err
	}
	loop := s.options.Loops[s.next.Add(1)%uint32(len(s.options.Loops))]
	if refused != nil {
		if problem.Of(refused).Kind == problem.Internal {
			s.options.Logger.Error("admission failed", "path", r.URL.Path, "err", refused)
		}
		code, reason := u.CloseCode(refused)
		loop.Refuse(conn, early, code, reason)
		return nil
	}
	loop.Attach(conn, early, admission)
	return nil
}

// takeOver takes the connection from net/http, with the bytes that were read behind the request, and sends the answer. A
// page that has gone by then is noticed by whoever reads from it next.
func (s *Server) takeOver(w http.ResponseWriter, answer []byte) (conn net.Conn, early []byte, err error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("take the connection over: %w", err)
	}
	early, _ = buffered.Reader.Peek(buffered.Reader.Buffered())
	conn = conn.(*headConn).Conn
	_ = conn.SetDeadline(time.Now().Add(s.options.HeadTimeout))
	_, _ = conn.Write(answer)
	_ = conn.SetDeadline(time.Time{})
	return conn, bytes.Clone(early), nil
}
