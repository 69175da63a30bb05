package listener

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"

	"scenecast/problem"
)

// errGoingAway refuses what has come too late.
var errGoingAway error = problem.New(problem.Unavailable, "the server is going away; try again")

// requestBodies are the bodies that have not come in whole. A server that stops does not wait for them.
type requestBodies struct {
	mu     sync.Mutex
	unread map[*requestBody]struct{}
	closed bool // those that are still to come are cut, too
}

func newRequestBodies() *requestBodies {
	return &requestBodies{unread: make(map[*requestBody]struct{})}
}

// requestBody is a body that counts as unread until it has ended.
type requestBody struct {
	io.ReadCloser
	bodies   *requestBodies
	response http.ResponseWriter
	cut      atomic.Bool
}

// track has a request's body count as unread until it has ended, or is removed. Nil: there is none.
func (b *requestBodies) track(w http.ResponseWriter, r *http.Request) *requestBody {
	if r.ContentLength == 0 {
		return nil
	}
	body := &requestBody{ReadCloser: r.Body, bodies: b, response: w}
	r.Body = body
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unread[body] = struct{}{}
	if b.closed {
		body.abort()
	}
	return body
}

// cut has the reading of all unread bodies fail.
func (b *requestBodies) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for body := range b.unread {
		body.abort()
	}
}

// close is cut, and goes for all bodies that are still to come.
func (b *requestBodies) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cut()
}

// Read implements io.Reader.
func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil {
		return n, nil
	}
	b.remove()
	if errors.Is(err, os.ErrDeadlineExceeded) && b.cut.Load() {
		err = errGoingAway
	}
	return n, err
}

func (b *requestBody) abort() {
	b.cut.Store(true)
	_ = http.NewResponseController(b.response).SetReadDeadline(past)
}

func (b *requestBody) remove() {
	if b == nil {
		return
	}
	b.bodies.mu.Lock()
	defer b.bodies.mu.Unlock()
	delete(b.bodies.unread, b)
}

// Unread is how many requests are being answered whose bodies have not come in whole.
func (s *Server) Unread() int {
	s.bodies.mu.Lock()
	defer s.bodies.mu.Unlock()
	return len(s.bodies.unread)
}
