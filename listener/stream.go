package listener

import (
	"bytes"
	"net/http"
	"time"

	"scenecast/problem"
)

// Stream is what happens to requests of one path for a stream of events: an answer that has no end, on which a page listens.
type Stream struct {
	Gate    Admitter
	MayWait bool   // the gate may take its time, so no loop may ask it
	Media   string // the Content-Type
	// Refuse answers over HTTP, in the path's own form.
	Refuse func(w http.ResponseWriter, r *http.Request, err error)
}

// admitToStream lets a page in, or returns why not.
func (s *Server) admitToStream(r *http.Request, to *Stream) (e entry, err error) {
	if err := s.sites.check(r); err != nil {
		return e, err
	}
	if e.admission, err = to.Gate.Admit(r); err != nil {
		return e, err
	}
	e.answer = s.streamHead(r, to)
	return e, nil
}

// streamHead is the head of a stream's answer. Its end is that of the connection: so old proxies, which know no chunks, can pass
// it on, and a frame is the same bytes for all pages.
func (s *Server) streamHead(r *http.Request, to *Stream) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\nDate: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n")
	_ = s.streamHeader(r, to).Write(&b)
	b.WriteString("\r\n")
	return b.Bytes()
}

func (s *Server) streamHeader(r *http.Request, to *Stream) http.Header {
	h := make(http.Header)
	h.Set("Content-Type", to.Media)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back until it has some kilobytes
	s.sites.admit(r, h)
	return h
}

// serveStream answers a request for a stream that no loop has answered.
func (s *Server) serveStream(w http.ResponseWriter, r *http.Request, to *Stream) {
	var err error
	switch r.Method {
	case http.MethodGet:
		err = s.startStream(w, r, to)
	case http.MethodHead:
		err = s.headOfStream(w, r, to)
	case http.MethodOptions:
		err = s.preflight(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		err = problem.New(problem.MethodNotAllowed, "%s takes GET, HEAD, OPTIONS", r.URL.Path)
	}
	if err != nil {
		s.refused.count(err)
		s.sites.admit(r, w.Header()) // a page that may come in may also read why it does not
		to.Refuse(w, r, err)
	}
}

// startStream gives a page's connection to a loop, or returns why not.
func (s *Server) startStream(w http.ResponseWriter, r *http.Request, to *Stream) error {
	e, err := s.admitToStream(r, to)
	if err != nil {
		return err
	}
	return s.settle(w, &e)
}

// headOfStream answers HEAD as GET, without the events.
func (s *Server) headOfStream(w http.ResponseWriter, r *http.Request, to *Stream) error {
	e, err := s.admitToStream(r, to)
	if err != nil {
		return err
	}
	s.options.Release(e.admission.Lease)
	for name, values := range s.streamHeader(r, to) {
		w.Header()[name] = values
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// preflight answers a browser that asks whether a page may send what a fetch of its own adds. EventSource never asks.
func (s *Server) preflight(w http.ResponseWriter, r *http.Request) error {
	if err := s.sites.check(r); err != nil {
		return err
	}
	h := w.Header()
	s.sites.admit(r, h)
	h.Set("Access-Control-Allow-Methods", "GET, HEAD")
	h.Set("Access-Control-Allow-Headers", "Last-Event-ID, Cache-Control")
	h.Set("Access-Control-Max-Age", "7200") // seconds, the most that Chromium takes
	w.WriteHeader(http.StatusNoContent)
	return nil
}
