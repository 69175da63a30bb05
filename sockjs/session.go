package sockjs

import (
	"net/http"
	"sync"
	"time"

	"scenecast"
	"scenecast/deadline"
)

// session is one page's. It is the net.Conn that a loop owns (conn.go), and what requests read from and write to (receive.go, send.go).
//
// It is opening until its page is admitted; open; closing once the loop has written a close frame, which a request is to take; and ended,
// when the loop has closed it, or will since it reads the end.
type session struct {
	sessions *Sessions
	key      string
	remote   string // address of the client
	order    order

	admitted chan struct{} // closed when it is known whether the page is
	ended    chan struct{} // closed at the end
	reading  *deadline.Deadline
	readable chan struct{} // holds a token while there may be something to read
	writable chan struct{} // … and while there may be room

	mu       sync.Mutex
	in       []byte              // masked frames that the loop has not read
	drained  chan struct{}       // closed when it has read them; nil: nobody waits
	partial  []byte              // what the loop has written of a frame
	out      []byte              // messages that no request has taken
	beat     bool                // so is a heartbeat
	closing  []byte              // so is this close frame; nil: the session is not closing
	code     scenecast.CloseCode // its code; 0: it has none
	over     bool
	receiver *receiver   // the request that receives; nil: none
	polling  bool        // the last one was a poll
	unheard  int         // heartbeats of streams that the client has not answered
	timer    *time.Timer // ends the session while no request receives
}

func newSession(s *Sessions, key string, r *http.Request) *session {
	return &session{
		sessions: s,
		key:      key,
		remote:   r.RemoteAddr,
		order:    order{wait: s.options.ReorderWait},
		admitted: make(chan struct{}),
		ended:    make(chan struct{}),
		reading:  deadline.New(),
		readable: make(chan struct{}, 1),
		writable: make(chan struct{}, 1),
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// end ends the session, if it has not ended.
func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked()
}

func (s *session) endLocked() {
	if s.over {
		return
	}
	s.over = true
	s.sessions.remove(s) // first: whoever learns of the end finds it gone
	close(s.ended)
	if s.timer != nil {
		s.timer.Stop()
	}
	s.releaseDrained()
}

// attach makes a request the one that receives. The one before, which its client has given up, ends.
func (s *session) attach(streaming bool) *receiver {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.receiver != nil {
		close(s.receiver.replaced)
	}
	s.receiver = &receiver{streaming: streaming, wake: make(chan struct{}, 1), replaced: make(chan struct{})}
	s.polling = !streaming
	s.unheard = 0
	return s.receiver
}

// detach notes that a request does not receive any more. Another one is to follow.
func (s *session) detach(r *receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.receiver != r || s.over {
		return
	}
	s.receiver = nil
	delay := s.sessions.options.DisconnectDelay
	if s.timer == nil {
		s.timer = time.AfterFunc(delay, s.expire)
	} else {
		s.timer.Reset(delay)
	}
}

// expire ends the session, unless a request has come at the same moment.
func (s *session) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.receiver == nil {
		s.endLocked()
	}
}

// wake, with mu held, has the request that receives look again.
func (s *session) wake() {
	if s.receiver != nil {
		signal(s.receiver.wake)
	}
}

// isHeard notes a sign of life of the client, as a pong of its is one.
func (s *session) isHeard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hear()
}

func (s *session) hear() {
	if len(s.in) == 0 { // otherwise what is there is such a sign
		s.in = appendMasked(s.in, opPong, "")
		signal(s.readable)
	}
}

// answerBeat takes an empty /xhr_send: the answer to a heartbeat of a stream; or a heartbeat of the client's own, which gets one back. A client
// that polls answers none.
func (s *session) answerBeat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hear()
	if s.unheard > 0 && !s.polling {
		s.unheard--
		return
	}
	s.beat = true
	s.wake()
}
