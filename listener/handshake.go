package listener

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"scenecast"
	"scenecast/problem"
	"scenecast/socket"
	"scenecast/websocket"
)

// handshake is what was decided about a request to become a page.
type handshake struct {
	response  []byte // which makes it one
	admission scenecast.Admission

	// Of a page that is refused by a close frame.
	rejected bool
	refusal  []byte // which it gets before the close frame; may be empty
	ending   scenecast.Ending
}

// handshake has the endpoint decide about a request; an error refuses it over HTTP.
func (s *Server) handshake(r *http.Request, e *Endpoint) (h handshake, err error) {
	if e.Transport == EventStream {
		return s.handshakeEventStream(r, e)
	}
	return s.handshakeWebSocket(r, e)
}

func (s *Server) handshakeWebSocket(r *http.Request, e *Endpoint) (h handshake, err error) {
	if err := websocket.CheckHandshake(r, e.Subprotocol); err != nil {
		return h, err
	}
	if err := checkNoBody(r); err != nil {
		return h, err
	}
	if h.admission, err = s.admit(r, e); err != nil {
		if e.CloseCode == nil || errors.Is(err, scenecast.ErrDeferred) {
			return h, err
		}
		s.refusedQuietly(r, err)
		code, reason := e.CloseCode(err)
		h.rejected, h.ending = true, scenecast.Ending{Cause: scenecast.CauseRefused, Code: code, Detail: reason}
		if e.Refusal != nil {
			h.refusal = e.Refusal(err)
		}
	}
	extensions := ""
	if s.options.Deflate && !h.rejected {
		extensions, h.admission.Deflate = websocket.AcceptDeflate(r.Header)
	}
	h.response = websocket.SwitchingProtocols(r, cmp.Or(e.Subprotocol, firstSubprotocol(r)), extensions)
	h.response = append(h.response, h.refusal...)
	return h, nil
}

// checkNoBody refuses a body, which on a page's connection would be taken for what the page sends.
func checkNoBody(r *http.Request) error {
	if r.ContentLength != 0 {
		return problem.New(problem.Invalid, "a page connects by a request without a body")
	}
	return nil
}

// firstSubprotocol is the first that the page offers. An endpoint that asks for none agrees to it: a browser that has offered some
// closes the connection where the response names none.
func firstSubprotocol(r *http.Request) string {
	first, _, _ := strings.Cut(r.Header.Get("Sec-Websocket-Protocol"), ",")
	if first = strings.TrimSpace(first); !isToken(first) {
		return ""
	}
	return first
}

// admit asks the origin policy of all apps, then the admitter, and then, because only a token says which app it is, the app's own.
func (s *Server) admit(r *http.Request, e *Endpoint) (scenecast.Admission, error) {
	origins := s.options.Origins()
	if err := origins.any.check(r); err != nil {
		return scenecast.Admission{}, err
	}
	if s.isDraining() || s.refusesPages.Load() {
		return scenecast.Admission{}, errGoingAway
	}
	if s.options.Starting != nil {
		if err := s.options.Starting(); err != nil {
			return scenecast.Admission{}, err
		}
	}
	a, err := e.Admitter.Admit(r)
	if err != nil {
		return scenecast.Admission{}, err
	}
	if err := origins.of(a.App).check(r); err != nil {
		s.options.Release(a.Lease)
		return scenecast.Admission{}, err
	}
	return a, nil
}

// attach gives the connection of a request that has become a page to a loop. An error says why it cannot be had.
func (s *Server) attach(w http.ResponseWriter, h *handshake) error {
	conn, early, err := s.hijack(w, h.response)
	if err != nil {
		s.options.Release(h.admission.Lease)
		return err
	}
	loop := s.nextLoop()
	if h.rejected {
		loop.Refuse(conn, early, h.ending)
	} else {
		loop.Attach(conn, early, h.admission)
	}
	return nil
}

func (s *Server) nextLoop() *socket.Loop {
	return s.options.Loops[s.next.Add(1)%uint32(len(s.options.Loops))]
}

// hijack takes the connection from net/http, with the bytes that were read behind the request, and sends the response. A
// page that has gone by then is noticed by whoever reads from it next.
func (s *Server) hijack(w http.ResponseWriter, response []byte) (conn net.Conn, early []byte, err error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("hijack: %w", err)
	}
	early, _ = buffered.Reader.Peek(buffered.Reader.Buffered())
	early = bytes.Clone(early)
	switch c := asHTTPConn(conn).Conn.(type) {
	case *stallConn:
		conn = c.Conn
	case *tls.Conn:
		conn = c
		c.NetConn().(*stallConn).timeout.Store(0) // the loop sets deadlines of its own
	}
	if c, ok := conn.(*prefixConn); ok {
		conn, early = c.Conn, append(early, c.prefix...)
	}
	_ = conn.SetDeadline(time.Now().Add(s.options.HeadTimeout))
	_, _ = conn.Write(response)
	_ = conn.SetDeadline(time.Time{})
	return conn, early, nil
}
