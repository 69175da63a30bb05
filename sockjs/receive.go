package sockjs

import (
	"context"
	"io"
	"net/http"
	"time"

	"scenecast/problem"
)

// maxStream is how long a script finds the response of a stream when pusher-js gives it up, at the end of a frame, and opens another one.
// Nothing is written behind that frame, so nothing is lost with the response.
const maxStream = 256 << 10

// receiver is a request that receives.
type receiver struct {
	streaming bool
	sent      int           // units of UTF-16
	wake      chan struct{} // holds a token while there may be something to send
	replaced  chan struct{} // closed when another request receives
}

func (r *receiver) isFull() bool { return r.streaming && r.sent > maxStream }

// serveReceive answers /xhr_streaming and /xhr. A session that is not known begins.
func (s *Sessions) serveReceive(w http.ResponseWriter, r *http.Request, a Address, o Opening) error {
	if n, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 0)); n > 0 || err != nil {
		return problem.New(problem.Invalid, "a request that receives has no body")
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // the request is whole; net/http's deadline would end the response
	found, isNew := s.find(a, r)
	if isNew {
		return s.open(w, r, a, found, o)
	}
	select {
	case <-found.admitted:
	case <-r.Context().Done():
		return nil
	}
	found.order.arrived(number(r))
	found.isHeard()
	receiver := found.attach(a.Request == requestStream)
	defer found.detach(receiver)
	var begin []byte
	if receiver.streaming {
		begin = prelude // which the client answers as a heartbeat
		found.mu.Lock()
		found.unheard++
		found.mu.Unlock()
	}
	found.respond(w, r, receiver, begin)
	return nil
}

// open admits the page of a new session, and answers its first request.
func (s *Sessions) open(w http.ResponseWriter, r *http.Request, a Address, begins *session, o Opening) error {
	page := r.Clone(r.Context())
	page.URL.Path, page.URL.RawPath = a.Base, ""
	admission, err := o.Admit(page)
	if err != nil {
		begins.end()
		close(begins.admitted)
		return refuse(w, r, a, o, err)
	}
	admission.Deflate = false
	begins.order.arrived(number(r))
	receiver := begins.attach(a.Request == requestStream)
	close(begins.admitted)
	defer begins.detach(receiver)
	o.Attach(begins, admission)
	s.tellOpened(a.Key)
	begin := openFrameFor(s.options.Hostname)
	if receiver.streaming {
		begin = append(append([]byte{}, prelude...), begin...)
	}
	begins.respond(w, r, receiver, begin)
	return nil
}

// refuse tells a page that it may not come in by a close frame, which its script can read.
func refuse(w http.ResponseWriter, r *http.Request, a Address, o Opening, err error) error {
	refusal, ok := o.Refuse(r, err)
	if !ok {
		return err
	}
	setHeader(w)
	var body []byte
	if a.Request == requestStream {
		body = append(body, prelude...)
	}
	body = append(body, openFrame...)
	if _, message, _, ok := cutFrame(refusal.Frame); ok {
		body = append(body, messagesFrame(appendString(nil, message))...)
	}
	body = append(body, closeFrame(refusal.Code, refusal.Reason)...)
	_, _ = w.Write(body)
	return nil
}

func setHeader(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/javascript; charset=UTF-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store, no-transform") // a proxy that compresses would hold frames back
	h.Set("X-Accel-Buffering", "no")                 // nginx would hold frames back until it has some kilobytes
}

// respond writes what there is for the page until the response is to end. A session of which something may be lost ends.
func (s *session) respond(w http.ResponseWriter, r *http.Request, to *receiver, begin []byte) {
	setHeader(w)
	control := http.NewResponseController(w)
	limit := time.NewTimer(s.sessions.options.PollTime)
	defer limit.Stop()
	write := func(b []byte) bool {
		to.sent += units(b)
		_, err := w.Write(b) //nolint:gosec // it is the answer to a POST, of JSON strings, and no browser takes it for a page
		if err == nil {
			err = control.Flush()
		}
		if err != nil {
			s.end()
		}
		return err == nil
	}
	if len(begin) > 0 && (!write(begin) || !to.streaming) {
		return
	}
	for {
		b, last := s.next(to)
		if b == nil && !last {
			b, last = s.await(r.Context(), to, limit.C)
		}
		if b != nil && !write(b) {
			return
		}
		if b != nil && last {
			s.closed()
		}
		if last || b != nil && !to.streaming {
			return
		}
	}
}

// next takes what there is for the request; last: the response ends, behind the close frame if there is one.
func (s *session) next(to *receiver) (b []byte, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.receiver != to || s.over:
		return nil, true
	case to.isFull():
		return nil, false
	case len(s.out) > 0:
		b = messagesFrame(s.out)
		s.out = nil
		signal(s.writable)
		return b, false
	case s.closing != nil:
		return s.closing, true
	case s.beat:
		s.beat = false
		s.unheard++
		return heartbeatFrame, false
	default:
		return nil, false
	}
}

// await waits until there may be something for the request; last: the response ends.
func (s *session) await(ctx context.Context, to *receiver, limit <-chan time.Time) (b []byte, last bool) {
	if to.streaming {
		limit = nil
	}
	if to.isFull() { // a client that does not give such a response up sees it end
		timer := time.NewTimer(s.sessions.options.DisconnectDelay)
		defer timer.Stop()
		limit = timer.C
	}
	select {
	case <-to.wake:
		return nil, false
	case <-limit:
		if to.streaming {
			return nil, true
		}
		return heartbeatFrame, false
	case <-to.replaced:
	case <-s.ended:
	case <-ctx.Done():
	}
	return nil, true
}

// errEnded answers a request to a session that is not, or not any more, here.
var errEnded error = problem.New(problem.NotFound, "no such session: it has ended, or is another node's")
