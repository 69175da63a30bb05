package server

import (
	"time"

	"scenecast"
	"scenecast/handover"
)

// sendWithin is how long the other process may take to read one message. One that does not is given up: calls must not wait for it for ever.
const sendWithin = 10 * time.Second

// maxUnsent bounds the messages that wait to be sent or are being sent, in bytes. The buffer of the socket is full by then, so the other process reads nothing.
const maxUnsent = 64 << 20

// unsentMessage waits to be sent.
type unsentMessage struct {
	call    uint64 // the call that it makes; 0: nobody waits for an answer
	kind    handover.Kind
	payload []byte
}

// send has a message be sent behind those before it, and does not wait: engines call it with their lock held, and loops. A call that cannot
// be sent ends with scenecast.ErrUnavailable, because it is surely not done.
func (s *successor) send(call uint64, k handover.Kind, payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.closing || s.unsentBytes+len(payload) > maxUnsent {
		s.refuse(call)
		return
	}
	s.unsent = append(s.unsent, unsentMessage{call, k, payload})
	s.unsentBytes += len(payload)
	s.wakeWriter()
}

// refuse ends a call that is not sent; mu is held. Of what nobody waits for the log tells, once.
func (s *successor) refuse(call uint64) {
	if call == 0 && !s.told {
		s.told = true
		s.log.Warn("handover: what hooks and calls have decided late about pages is not sent to the process that has them, which does not read or has ended")
	}
	if f := s.calls[call]; f != nil {
		delete(s.calls, call)
		f.end(scenecast.ErrUnavailable)
	}
}

func (s *successor) wakeWriter() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// write sends what waits to be sent, until flush, or until the other process does not read any more: then the connection is closed, and what
// was not sent is refused.
func (s *successor) write() {
	defer close(s.written)
	for {
		s.mu.Lock()
		batch, closing := s.unsent, s.closing
		s.unsent = nil
		s.mu.Unlock()
		for i, m := range batch {
			if err := s.conn.SendWithin(s.within, m.kind, m.payload); err != nil {
				s.abandon(batch[i:], err)
				return
			}
			batch[i].payload = nil // or the collector would have it until all of the batch is sent
			s.mu.Lock()
			s.unsentBytes -= len(m.payload)
			s.mu.Unlock()
		}
		switch {
		case len(batch) > 0:
		case closing:
			return
		default:
			<-s.wake
		}
	}
}

// abandon gives the other process up: it has not read a message in time, or has ended. Of what was sent before run tells.
func (s *successor) abandon(unsent []unsentMessage, why error) {
	calls := 0
	s.mu.Lock()
	s.closing = true
	for _, m := range append(unsent, s.unsent...) {
		if m.call != 0 {
			calls++
		}
		s.refuse(m.call)
	}
	s.unsent = nil
	s.mu.Unlock()
	s.conn.Close()
	s.log.Warn("handover: calls were not sent to the process that has the pages", "calls", calls, "err", why)
}

// flush returns when everything was sent that was to be, or the other process was given up. Nothing is sent any more.
func (s *successor) flush() {
	late := time.AfterFunc(s.within, s.conn.Close)
	defer late.Stop()
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.wakeWriter()
	<-s.written
}
