package feed

import (
	"context"
	"time"

	"scenecast/hook/event"
)

// Part is what Next returns: some events, and what else there is to say before them. Its events and cursors are good until Next is called again.
type Part struct {
	Missed bool // events before these were missed
	Ready  bool // behind these events the stream is live: it is the first part
	Events []Event
	Cursor []byte // how far the stream has come with this part
}

// Event is an event of a stream. Other streams have the same one, so it may not be changed.
type Event struct {
	*event.Event
	Cursor []byte // from which a stream goes on behind it
	shared *shared
}

// AppendJSON appends what MarshalJSON prints. However many streams of this node have the event, it is encoded once. Safe for concurrent use.
func (e Event) AppendJSON(b []byte) []byte { return e.shared.appendJSON(b) }

// Next waits for events, but no longer than quiet: a part may be empty. The first one comes when all nodes have answered. An error is that of
// ctx, or a problem that says why the stream has ended.
func (s *Stream) Next(ctx context.Context, quiet time.Duration) (Part, error) {
	s.last.reset()
	over := time.NewTimer(quiet)
	defer over.Stop()
	for waited := false; ; {
		p, ok, err := s.take(waited)
		if ok || err != nil {
			return p, err
		}
		select {
		case <-s.more:
		case <-over.C:
			waited = true
		case <-ctx.Done():
			return Part{}, ctx.Err()
		}
	}
}

// take makes a part of what waits. Where nothing does, there is none, unless always asks for one that is empty. The lock is not held while cursors are
// printed: event loops need it to tell of what happens.
func (s *Stream) take(always bool) (p Part, ok bool, err error) {
	p, ok, err = s.takeQueue(always)
	if !ok || err != nil {
		return p, ok, err
	}
	last := &s.last
	for _, e := range last.taken {
		s.cursor.After.raise(e.node, e.stamp)
		last.events = append(last.events, Event{&e.event, last.appendCursor(&s.cursor), e})
	}
	p.Events, p.Cursor = last.events, last.appendCursor(&s.cursor)
	return p, true, nil
}

// appendCursor prints a cursor behind the others.
func (p *partBuffer) appendCursor(c *Cursor) []byte {
	begin := len(p.cursors)
	p.cursors = c.appendText(p.cursors)
	return p.cursors[begin:len(p.cursors):len(p.cursors)]
}

// takeQueue takes the events that wait into s.last, for a part that has none yet.
func (s *Stream) takeQueue(always bool) (p Part, ok bool, err error) {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	switch {
	case !s.begun:
		return Part{}, false, s.ended // nil: nodes have not answered. Behind a part, the client would go on without what they have.
	case s.told && !s.missed && len(s.queue) == 0:
		if s.ended != nil {
			return Part{}, false, s.ended
		}
		if !always {
			return Part{}, false, nil
		}
	}
	p = Part{Missed: s.missed, Ready: !s.told}
	s.missed, s.told = false, true
	s.last.taken, s.queue = s.queue, s.last.taken
	// Everything that happened until delay ago is here, unless it is told as missed; but the listener gets these one by one, and of a node that is not
	// heard nobody knows whether there is more.
	since := time.Now().UnixMicro()
	for id, left := range s.feed.nodes {
		if !left {
			since = min(since, s.heard[id])
		}
	}
	since -= delay.Microseconds()
	for _, e := range s.last.taken {
		since = min(since, e.stamp-1)
	}
	s.cursor.advance(since)
	return p, true, nil
}

// partBuffer is what a stream makes its parts of, one behind the other.
type partBuffer struct {
	taken   []*shared // from the queue, with which it changes places
	events  []Event
	cursors []byte // of the events, one behind the other
}

// maxReused bounds the events of a part whose memory is used again: a burst is none of the steady state.
const maxReused = 1024

// reset empties it, and lets the collector have the events.
func (p *partBuffer) reset() {
	if max(cap(p.taken), cap(p.events)) > maxReused {
		*p = partBuffer{}
		return
	}
	clear(p.taken)
	clear(p.events)
	p.taken, p.events, p.cursors = p.taken[:0], p.events[:0], p.cursors[:0]
}
