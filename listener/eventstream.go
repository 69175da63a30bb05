package listener

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	"scenecast/problem"
)

// handshakeEventStream admits a page to an event stream.
func (s *Server) handshakeEventStream(r *http.Request, e *Endpoint) (h handshake, err error) {
	if err := checkNoBody(r); err != nil {
		return h, err
	}
	if h.admission, err = s.admit(r, e); err != nil {
		return h, err
	}
	h.response = s.eventStreamHead(r, e, s.options.Origins().of(h.admission.App))
	return h, nil
}

// eventStreamOf is a whole response with a stream that ends.
func (s *Server) eventStreamOf(r *http.Request, e *Endpoint, stream []byte) []byte {
	return append(s.eventStreamHead(r, e, s.options.Origins().any), stream...)
}

// eventStreamHead is the head of the response. The body ends with the connection: so old proxies, which know no chunks, can pass it
// on, and a frame is the same bytes for all pages.
func (s *Server) eventStreamHead(r *http.Request, e *Endpoint, origins *originPolicy) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\nDate: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n")
	_ = s.eventStreamHeader(r, e, origins).Write(&b)
	b.WriteString("\r\n")
	return b.Bytes()
}

func (s *Server) eventStreamHeader(r *http.Request, e *Endpoint, origins *originPolicy) http.Header {
	h := make(http.Header)
	h.Set("Content-Type", e.ContentType)
	h.Set("Cache-Control", "no-store, no-transform") // a proxy that compresses would hold events back
	h.Set("X-Accel-Buffering", "no")                 // nginx would hold events back until it has some kilobytes
	origins.setHeaders(r, h)
	return h
}

// serveEventStream answers a request for an event stream that no loop has answered; an error is still to be answered.
func (s *Server) serveEventStream(w http.ResponseWriter, r *http.Request, e *Endpoint) (err error) {
	switch r.Method {
	case http.MethodGet:
		err = s.connectEventStream(w, r, e)
	case http.MethodHead:
		err = s.serveEventStreamHead(w, r, e)
	case http.MethodOptions:
		err = s.servePreflight(w, r, "GET, HEAD", "Authorization, Last-Event-ID, Cache-Control")
	default:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		err = problem.New(problem.MethodNotAllowed, "%s takes GET, HEAD, OPTIONS", r.URL.Path)
	}
	if err != nil {
		s.options.Origins().any.setHeaders(r, w.Header()) // a page that may connect may also read why it does not
	}
	return err
}

// connectEventStream makes the request a page, or answers with a stream that has the page come back, or returns why neither.
func (s *Server) connectEventStream(w http.ResponseWriter, r *http.Request, e *Endpoint) (err error) {
	if r.ProtoMajor == 2 {
		err = s.connectHTTP2(w, r, e)
	} else {
		err = s.connect(w, r, e)
	}
	if err == nil || e.Retry == nil {
		return err
	}
	stream, ok := e.Retry(err)
	if !ok {
		return err
	}
	s.refusedQuietly(r, err)
	s.setEventStreamHeader(w, r, e, s.options.Origins().any)
	w.Header().Set("Content-Length", strconv.Itoa(len(stream)))
	_, _ = w.Write(stream)
	return nil
}

// connectHTTP2 makes a stream of HTTP/2 a page's event stream, and returns when that has ended.
func (s *Server) connectHTTP2(w http.ResponseWriter, r *http.Request, e *Endpoint) error {
	s.turns.await(r.Context(), s.draining)
	h, err := s.handshakeEventStream(r, e)
	if err != nil {
		return err
	}
	if err := s.mayBePage(connectionOf(r).conn); err != nil {
		s.options.Release(h.admission.Lease)
		return err
	}
	s.setEventStreamHeader(w, r, e, s.options.Origins().of(h.admission.App))
	w = w.(*http2Writer).ResponseWriter // the loop sets deadlines of its own
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	conn := newStreamConn(w, r)
	s.nextLoop().Attach(conn, nil, h.admission)
	conn.serve()
	return nil
}

func (s *Server) setEventStreamHeader(w http.ResponseWriter, r *http.Request, e *Endpoint, origins *originPolicy) {
	for name, values := range s.eventStreamHeader(r, e, origins) {
		w.Header()[name] = values
	}
}

// serveEventStreamHead answers HEAD as GET, without the events.
func (s *Server) serveEventStreamHead(w http.ResponseWriter, r *http.Request, e *Endpoint) error {
	h, err := s.handshakeEventStream(r, e)
	if err != nil {
		return err
	}
	s.options.Release(h.admission.Lease)
	s.setEventStreamHeader(w, r, e, s.options.Origins().of(h.admission.App))
	w.WriteHeader(http.StatusOK)
	return nil
}

// servePreflight answers a browser that asks whether a page of another site may send a request by these methods, with these headers, as
// an EventSource never does.
func (s *Server) servePreflight(w http.ResponseWriter, r *http.Request, methods, headers string) error {
	origins := s.options.Origins().any
	if err := origins.check(r); err != nil {
		return err
	}
	h := w.Header()
	origins.setHeaders(r, h)
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", headers)
	h.Set("Access-Control-Max-Age", "7200") // seconds, the most that Chromium takes
	w.WriteHeader(http.StatusNoContent)
	return nil
}
