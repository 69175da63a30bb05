package sockjs

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/problem"
)

// A session is on one node. The load balancer is to send its requests there (docs/pusher.md), and where it does not: what the page sends
// is passed on to that node; and a session that begins here and exists elsewhere, because a request that was to receive has come
// to the wrong node, ends there, as its client gives it up.

// message is what the sessions of several nodes tell each other.
type message struct {
	Opened string `json:"opened,omitempty"` // a session has begun
	Sent   *sent  `json:"sent,omitempty"`
	Taken  string `json:"taken,omitempty"` // what was sent under this ID is handled
}

// sent is what a page has sent to another node than that of its session.
type sent struct {
	ID       string   `json:"id"`
	Key      string   `json:"key"`
	N        uint64   `json:"n,omitempty"`
	Messages []string `json:"messages"`
}

type envelope struct {
	Message *message `json:"sockjs"`
}

var envelopeBegin = []byte(`{"sockjs":`)

// IsMessage reports whether a message of another node is for Received.
func IsMessage(b []byte) bool { return bytes.HasPrefix(b, envelopeBegin) }

// The bounds of what is passed on.
const (
	maxForward  = 512 << 10        // bytes of the messages of one request, as JSON: engines carry messages of 1 MiB
	forwardWait = 2 * time.Second  // for the session's node to have handled them
	maxAsking   = 256              // requests of this node that wait for others: anybody may name a session that is nowhere
	maxTaking   = 256              // at a time that this node handles for others
	takingTime  = 10 * time.Second // of each
)

// asking is what this node has passed on and is not answered.
type asking struct {
	node   scenecast.NodeID
	last   atomic.Uint64
	taking atomic.Int32

	mu      sync.Mutex
	waiting map[string]chan struct{} // by ID
}

// begin is a new request that waits under an ID until taken is closed or the request ends; false: too many wait.
func (a *asking) begin() (id string, taken <-chan struct{}, ok bool) {
	id = scenecast.ConnID{Node: a.node, Seq: a.last.Add(1)}.String()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.waiting) >= maxAsking {
		return "", nil, false
	}
	c := make(chan struct{})
	a.waiting[id] = c
	return id, c, true
}

func (a *asking) end(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, id)
}

// answered notes that what was passed on under an ID is handled.
func (a *asking) answered(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if taken, ok := a.waiting[id]; ok {
		delete(a.waiting, id)
		close(taken)
	}
}

func (s *Sessions) tell(m message) {
	if s.options.Broadcast == nil {
		return
	}
	b, err := json.Marshal(envelope{&m})
	if err != nil {
		s.options.Logger.Error("sockjs: a message to other nodes cannot be encoded", "err", err)
		return
	}
	s.options.Broadcast(b)
}

func (s *Sessions) tellOpened(key string) { s.tell(message{Opened: key}) }

// forward passes what a page has sent on to the node of its session.
func (s *Sessions) forward(w http.ResponseWriter, r *http.Request, a Address) error {
	if s.options.Broadcast == nil {
		return errEnded
	}
	messages, err := s.readMessages(w, r)
	if err != nil {
		return err
	}
	if asJSON, err := json.Marshal(messages); err != nil || len(asJSON) > maxForward { // which may have six times their bytes
		return problem.New(problem.TooLarge, "the session is another node's, and at most %d bytes of JSON are passed on", maxForward)
	}
	id, taken, ok := s.asking.begin()
	if !ok {
		return problem.New(problem.TooMany, "no such session here, and %d requests wait already for other nodes", maxAsking)
	}
	defer s.asking.end(id)
	s.tell(message{Sent: &sent{ID: id, Key: a.Key, N: number(r), Messages: messages}})
	timer := time.NewTimer(forwardWait)
	defer timer.Stop()
	select {
	case <-taken:
		noContent(w)
		return nil
	case <-timer.C:
		return errEnded
	case <-r.Context().Done():
		return nil
	}
}

// Received takes a message of another node. It does not wait.
func (s *Sessions) Received(b []byte) {
	var e envelope
	if err := json.Unmarshal(b, &e); err != nil || e.Message == nil {
		s.options.Logger.Warn("sockjs: a message of another node cannot be read", "err", err)
		return
	}
	m := e.Message
	switch {
	case m.Opened != "":
		if doubled := s.get(m.Opened); doubled != nil {
			s.tellMisrouted()
			doubled.end()
		}
	case m.Sent != nil:
		s.take(m.Sent)
	case m.Taken != "":
		s.asking.answered(m.Taken)
	}
}

// take handles what another node passes on, if the session is here.
func (s *Sessions) take(m *sent) {
	found := s.get(m.Key)
	if found == nil {
		return
	}
	s.tellMisrouted()
	if s.asking.taking.Add(1) > maxTaking {
		s.asking.taking.Add(-1)
		return
	}
	go func() {
		defer s.asking.taking.Add(-1)
		ctx, cancel := context.WithTimeout(context.Background(), takingTime)
		defer cancel()
		if found.order.acquire(ctx, m.N) != nil {
			return
		}
		defer found.order.release(m.N)
		if found.put(ctx, m.Messages) == nil {
			s.tell(message{Taken: m.ID})
		}
	}()
}

func (s *Sessions) tellMisrouted() {
	s.misrouted.Add(1)
	s.log.Info("sockjs: the load balancer spreads the requests of a session over nodes; it should hash their path up to the session")
}
