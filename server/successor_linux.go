package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/gate"
	"scenecast/handover"
	"scenecast/handover/link"
	"scenecast/handover/value"
	"scenecast/hub"
)

var _ gate.Successor = (*successor)(nil)

// successor is the process that has the pages, as the one sees it that had them and finishes its calls.
type successor struct {
	conn    *link.Conn
	hub     *hub.Hub
	log     *slog.Logger
	cluster *cluster.Engine // of this process, whose publishers may wait for what nodes tell; nil: it has another engine

	mu    sync.Mutex
	last  uint64
	calls map[uint64]*forwarded // that are not answered
	ended bool                  // the other process has
	done  chan struct{}

	within      time.Duration   // for the other process to read a message
	unsent      []unsentMessage // guarded by mu
	unsentBytes int             // guarded by mu; with those that write is sending
	closing     bool            // guarded by mu: nothing more is sent than what waits
	told        bool            // guarded by mu: the log has that something nobody waits for was not sent
	wake        chan struct{}   // has a value when write is to look
	written     chan struct{}   // closed when write has ended
}

// forwarded is a push or a query that the other process has.
type forwarded struct {
	id        string
	queued    chan struct{} // closed when the push is queued, or answered
	isQueued  bool
	answered  chan struct{}
	published scenecast.Published
	reply     []byte
	err       error
}

func newSuccessor(conn *link.Conn, h *hub.Hub, log *slog.Logger) *successor {
	return &successor{
		conn: conn, hub: h, log: log, calls: make(map[uint64]*forwarded), done: make(chan struct{}),
		within: sendWithin, wake: make(chan struct{}, 1), written: make(chan struct{}),
	}
}

// begin keeps a call until it is answered.
func (s *successor) begin(id string) (uint64, *forwarded) {
	f := &forwarded{id: id, queued: make(chan struct{}), answered: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	if s.ended {
		f.end(scenecast.ErrUnavailable)
	} else {
		s.calls[s.last] = f
	}
	return s.last, f
}

// end answers a call by an error.
func (f *forwarded) end(err error) {
	f.err = err
	if !f.isQueued {
		f.isQueued = true
		close(f.queued)
	}
	close(f.answered)
}

// Submit implements gate.Successor.
func (s *successor) Submit(p scenecast.Push) (scenecast.Pending, error) {
	id, f := s.begin(p.ID)
	var e handover.Encoder
	e.Uint(fieldCallID, id)
	e.Record(fieldCallPush, func(e *handover.Encoder) { value.EncodePush(e, &p) })
	s.send(id, handover.KindSubmit, e.Encoded())
	return f, nil
}

// Ask implements gate.Successor.
func (s *successor) Ask(ctx context.Context, q scenecast.Query) (r scenecast.Reply, err error) {
	query, err := encodeQuery(q)
	if err != nil {
		return r, err
	}
	id, f := s.begin("")
	var e handover.Encoder
	e.Uint(fieldCallID, id)
	e.Bytes(fieldCallQuery, query)
	s.send(id, handover.KindAsk, e.Encoded())
	select {
	case <-f.answered:
	case <-ctx.Done():
		return r, ctx.Err()
	}
	if f.err != nil {
		return r, f.err
	}
	return r, json.Unmarshal(f.reply, &r)
}

// Wait implements scenecast.Pending.
func (f *forwarded) Wait(ctx context.Context) (scenecast.Published, error) {
	select {
	case <-f.answered:
		return f.published, f.err
	case <-ctx.Done():
		return scenecast.Published{ID: f.id}, ctx.Err()
	}
}

// WaitQueued implements scenecast.Pending.
func (f *forwarded) WaitQueued(ctx context.Context) error {
	select {
	case <-f.queued:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-f.answered:
		return f.err
	default:
		return nil
	}
}

// run sends what waits, and takes what the other process tells, until that has ended, or was given up.
func (s *successor) run() {
	defer close(s.done)
	go s.write()
	for {
		k, payload, err := s.conn.Receive()
		if err == nil {
			err = s.take(k, payload)
		}
		if err != nil {
			break
		}
	}
	s.mu.Lock()
	s.ended = true
	for _, m := range s.unsent {
		s.refuse(m.call)
	}
	s.unsent = nil
	for id, f := range s.calls {
		delete(s.calls, id)
		f.end(scenecast.ErrUncertain) // it may have been published
	}
	s.mu.Unlock()
	s.hub.AbandonReceipts()
	if s.cluster != nil {
		s.cluster.Abandon()
	}
}

func (s *successor) take(k handover.Kind, payload []byte) error {
	switch k {
	case handover.KindFinished:
		var seq uint64
		var t scenecast.Tally
		if err := handover.Decode(payload, func(f handover.Field, v *handover.Value) bool {
			switch f {
			case fieldSeq:
				seq = v.Uint()
			case fieldTally:
				t = value.DecodeTally(v)
			default:
				return false
			}
			return true
		}); err != nil {
			return err
		}
		s.hub.FinishReceipt(seq, t)
		if s.cluster != nil {
			s.cluster.Finish(seq, t)
		}
	case handover.KindAnswer:
		a, err := decodeAnswer(payload)
		if err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		f := s.calls[a.id]
		switch {
		case f == nil:
		case a.queued:
			if !f.isQueued {
				f.isQueued = true
				close(f.queued)
			}
		default:
			delete(s.calls, a.id)
			f.published, f.reply = a.published, a.reply
			f.end(a.err)
		}
	default: // of a newer version, which can do without
	}
	return nil
}

// late passes on what work that has ended does with a page of a loop.
func (s *successor) late(loop int) func(l *hub.LateCall) {
	return func(l *hub.LateCall) {
		var e handover.Encoder
		e.Uint(fieldCallLoop, uint64(loop))
		e.Record(fieldLateCall, l.Encode)
		s.send(0, handover.KindDeliver, e.Encoded())
	}
}
