package listener

import (
	"net/http"
	"time"
)

// http2Writer bounds responses over HTTP/2 as httpConn and stallConn bound those over HTTP/1: a client of HTTP/2 can stall a single
// response by its flow control.
type http2Writer struct {
	http.ResponseWriter
	control *http.ResponseController
	server  *Server
}

func newHTTP2Writer(w http.ResponseWriter, s *Server) *http2Writer {
	return &http2Writer{ResponseWriter: w, control: http.NewResponseController(w), server: s}
}

// Write implements http.ResponseWriter.
func (w *http2Writer) Write(b []byte) (written int, err error) {
	var p *pendingResponse
	if len(b) >= largeResponse {
		p = w.server.responses.add(len(b), func() { _ = w.control.SetWriteDeadline(past) })
		defer w.server.responses.remove(p)
	}
	for err == nil && written < len(b) {
		var n int
		w.begin()
		n, err = w.ResponseWriter.Write(b[written:min(len(b), written+largeResponse)])
		written += n
		if p != nil {
			w.server.responses.progress(p)
		}
	}
	w.end()
	return written, err
}

// FlushError is what http.ResponseController calls.
func (w *http2Writer) FlushError() error {
	w.begin()
	defer w.end()
	return w.control.Flush()
}

// begin has net/http reset the stream when the client takes nothing for the write timeout.
func (w *http2Writer) begin() {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.server.options.WriteTimeout))
}

// end takes the deadline away: it would pass as well while nothing is to be written.
func (w *http2Writer) end() { _ = w.control.SetWriteDeadline(time.Time{}) }

// finish bounds what net/http still has to write when the handler has returned.
func (w *http2Writer) finish() { w.begin() }

// Unwrap lets http.ResponseController find what this writer does not have.
func (w *http2Writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
