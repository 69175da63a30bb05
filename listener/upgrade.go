package listener

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"time"

	"scenecast"
	"scenecast/problem"
	"scenecast/websocket"
)

// Admitter is a protocol's decision about a page, taken before anything is stored. Safe for concurrent use.
type Admitter interface {
	// Admit reads the upgrade request. An error (a *problem.Problem) refuses it, and it is answered over HTTP. A page that is
	// admitted holds a lease of the quota: whoever does not give it to a loop releases the lease.
	Admit(r *http.Request) (scenecast.Admission, error)
}

// entry is what was decided about a request to become a page.
type entry struct {
	answer    []byte // that it has become one
	admission scenecast.Admission

	// Of a page that is let in only to be sent away.
	sentAway bool
	ending   scenecast.Ending
}

// decide lets a page in, or returns why not.
func (s *Server) decide(r *http.Request, u *Upgrade) (e entry, err error) {
	if err := websocket.CheckHandshake(r, u.Subprotocol); err != nil {
		return e, err
	}
	if err = s.sites.check(r); err == nil {
		e.admission, err = u.Gate.Admit(r)
	}
	if err != nil {
		if u.CloseCode == nil {
			return e, err
		}
		if problem.Of(err).Kind == problem.Internal {
			s.options.Logger.Error("admission failed", "path", r.URL.Path, "err", err)
		}
		s.refused.count(err)
		e.admission, e.sentAway = scenecast.Admission{}, true
		code, reason := u.CloseCode(err)
		e.ending = scenecast.Ending{Cause: scenecast.CauseRefused, Code: code, Detail: reason}
	}
	extensions := ""
	if s.options.Deflate && !e.sentAway {
		extensions, e.admission.Deflate = websocket.AcceptDeflate(r.Header)
	}
	e.answer = websocket.SwitchingProtocols(r, u.Subprotocol, extensions)
	return e, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	connOf(r).busy.Store(true)
	if stream, ok := s.options.Streams[r.URL.Path]; ok {
		s.serveStream(w, r, &stream)
		return
	}
	upgrade, ok := s.options.Upgrades[r.URL.Path]
	if !ok || !websocket.IsUpgrade(r) {
		s.options.Handler.ServeHTTP(w, r)
		return
	}
	if err := s.upgrade(w, r, &upgrade); err != nil {
		s.refused.count(err)
		upgrade.Refuse(w, r, err)
	}
}

// upgrade gives a page's connection to a loop, or returns why not.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, u *Upgrade) error {
	e, err := s.decide(r, u)
	if err != nil {
		return err
	}
	return s.settle(w, &e)
}

// settle gives the connection of a page that has been let in to a loop. An error says why it cannot be had.
func (s *Server) settle(w http.ResponseWriter, e *entry) error {
	conn, early, err := s.takeOver(w, e.answer)
	if err != nil {
		s.options.Release(e.admission.Lease)
		return err
	}
	loop := s.options.Loops[s.next.Add(1)%uint32(len(s.options.Loops))]
	if e.sentAway {
		loop.Refuse(conn, early, e.ending)
	} else {
		loop.Attach(conn, early, e.admission)
	}
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
	early = bytes.Clone(early)
	conn = conn.(*headConn).Conn
	if h, ok := conn.(*handedConn); ok {
		conn, early = h.Conn, append(early, h.said...)
	}
	_ = conn.SetDeadline(time.Now().Add(s.options.HeadTimeout))
	_, _ = conn.Write(answer)
	_ = conn.SetDeadline(time.Time{})
	return conn, early, nil
}
