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
	bodies  *requestBodies
	control *http.ResponseController
	cut     atomic.Bool
}

// track has a request's body count as unread until it has ended, or until the returned function is called.
func (b *requestBodies) track(w http.ResponseWriter, r *http.Request) (done func()) {
	if r.ContentLength == 0 {
		return func() {}
	}
	body := &requestBody{ReadCloser: r.Body, bodies: b, control: http.NewResponseController(w)}
	r.Body = body
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unread[body] = struct{}{}
	if b.closed {
		body.abort()
	}
	return body.remove
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
	_ = b.control.SetReadDeadline(past)
}

func (b *requestBody) remove() {
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
