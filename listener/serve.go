package listener

import (
	"bytes"
	"net/http"

	"scenecast/problem"
)

// ServeHTTP implements http.Handler, for the requests that no event loop has answered.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := connectionOf(r)
	c.begin()
	defer c.end()
	if s.moving.Load() != nil {
		w.Header().Set("Connection", "close") // the next request is for the other process
	}
	if r.ProtoMajor == 2 {
		bounded := newHTTP2Writer(w, s)
		defer bounded.finish()
		w = bounded
	} else {
		closeAmbiguous(w, r, asHTTPConn(c.conn))
	}
	defer s.bodies.track(w, r).remove()
	switch {
	case r.Method == http.MethodOptions && r.RequestURI == "*": // about the server as a whole (RFC 9110, 9.3.7)
		w.Header().Set("Content-Length", "0")
	case r.ProtoMajor == 1 && headSize(r) > s.options.MaxHead:
		refuseHead(w)
	default:
		if r.URL.Path == "" { // the target was absolute (RFC 9112, 3.2.2)
			r.URL.Path = "/"
		}
		s.dispatch(w, r)
	}
}

// dispatch has the endpoint answer that serves the request, or the handler.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request) {
	e := s.endpointFor(r)
	if e == nil {
		s.options.Handler.ServeHTTP(w, r)
		return
	}
	var err error
	switch e.Transport {
	case EventStream:
		err = s.serveEventStream(w, r, e)
	case SockJS:
		err = s.serveSockJS(w, r, e)
	case WebSocket:
		err = s.connect(w, r, e)
	}
	if err != nil {
		s.refused(r, err)
		e.Refuse(w, r, err)
	}
}

// connect makes the request a page, or returns why not.
func (s *Server) connect(w http.ResponseWriter, r *http.Request, e *Endpoint) error {
	s.turns.await(r.Context(), s.draining)
	h, err := s.handshake(r, e)
	if err != nil {
		return err
	}
	if err := s.mayBePage(connectionOf(r).conn); err != nil && !h.rejected {
		s.options.Release(h.admission.Lease)
		return err
	}
	return s.attach(w, &h)
}

// refuseHead answers as net/http does where its own limit is reached.
func refuseHead(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	http.Error(w, "431 Request Header Fields Too Large", http.StatusRequestHeaderFieldsTooLarge)
}

var contentLength = []byte("\ncontent-length")

// closeAmbiguous closes the connection behind the response to a request that has both Transfer-Encoding and Content-Length, which may
// be an attempt to smuggle a request past a proxy (RFC 9112, 6.1). net/http drops the length, so the head is looked at as it came;
// where it is not at hand whole, the connection is closed as well.
func closeAmbiguous(w http.ResponseWriter, r *http.Request, c *httpConn) {
	if len(r.TransferEncoding) == 0 {
		return
	}
	head, line := c.lastRead, r.Method+" "+r.RequestURI
	if !bytes.HasPrefix(head, []byte(line)) || bytes.Contains(bytes.ToLower(head), contentLength) {
		w.Header().Set("Connection", "close")
	}
}

// refused counts and logs a page that is refused.
func (s *Server) refused(r *http.Request, err error) {
	if s.options.Refused != nil {
		s.options.Refused(r, problem.Of(err))
	}
}

// refusedQuietly is refused where no Refuse follows, which would log an internal error.
func (s *Server) refusedQuietly(r *http.Request, err error) {
	if problem.Of(err).Kind == problem.Internal {
		s.options.Logger.Error("admission failed", "path", r.URL.Path, "err", err)
	}
	s.refused(r, err)
}
