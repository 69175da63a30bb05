package sockjs

import (
	"io"
	"net"
	"os"
	"time"

	"scenecast"
)

var _ net.Conn = (*session)(nil)

// maxOut is from how many bytes on messages that no request has taken make a write wait. What waits besides is in the outbox of the page.
const maxOut = 16 << 10

// Read implements net.Conn: frames of the page.
func (s *session) Read(b []byte) (int, error) {
	for {
		if n := s.take(b); n > 0 {
			return n, nil
		}
		select {
		case <-s.readable:
		case <-s.ended:
			return 0, io.EOF
		case <-s.reading.Wait():
			return 0, os.ErrDeadlineExceeded
		}
	}
}

func (s *session) take(b []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := copy(b, s.in)
	s.in = s.in[n:]
	if len(s.in) > 0 {
		signal(s.readable)
		return n
	}
	s.in = nil
	if n == 0 { // the loop asks for more, so it has handled what was there
		s.releaseDrained()
	}
	return n
}

// releaseDrained, with mu held, lets those go on who wait for the loop to read.
func (s *session) releaseDrained() {
	if s.drained != nil {
		close(s.drained)
		s.drained = nil
	}
}

// Write implements net.Conn: frames of the server, in any pieces. It waits while too much is there that no request has taken.
func (s *session) Write(b []byte) (int, error) {
	for {
		s.mu.Lock()
		switch {
		case s.over:
			s.mu.Unlock()
			return 0, net.ErrClosed
		case len(s.out) < maxOut:
			s.partial = append(s.partial, b...)
			s.translate()
			s.mu.Unlock()
			return len(b), nil
		}
		s.mu.Unlock()
		select {
		case <-s.writable:
		case <-s.ended:
		}
	}
}

// translate, with mu held, makes SockJS of the frames that have come whole.
func (s *session) translate() {
	for {
		opcode, payload, rest, ok := cutFrame(s.partial)
		if !ok {
			break
		}
		switch {
		case s.closing != nil: // nothing follows a close frame
		case opcode == opText || opcode == opBin:
			if len(s.out) > 0 {
				s.out = append(s.out, ',')
			}
			s.out = appendString(s.out, payload)
		case opcode == opPing:
			s.beat = true
		case opcode == opClose:
			reason := ""
			if len(payload) >= 2 {
				s.code = scenecast.CloseCode(payload[0])<<8 | scenecast.CloseCode(payload[1])
				reason = string(payload[2:])
			}
			s.closing = closeFrame(s.code, reason)
		}
		s.partial = rest
	}
	if len(s.partial) == 0 {
		s.partial = nil
	}
	s.wake()
}

// closed answers the close frame of the server, which a request has taken, as a page does.
func (s *session) closed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	payload := ""
	if s.code != 0 {
		payload = string([]byte{byte(s.code >> 8), byte(s.code)})
	}
	s.in = appendMasked(s.in, opClose, payload)
	signal(s.readable)
}

// Close implements net.Conn.
func (s *session) Close() error {
	s.end()
	return nil
}

// SetReadDeadline implements net.Conn.
func (s *session) SetReadDeadline(t time.Time) error {
	s.reading.Set(t)
	return nil
}

// SetWriteDeadline implements net.Conn. A loop sets none: it closes a page that takes nothing.
func (s *session) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline implements net.Conn.
func (s *session) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }

// LocalAddr implements net.Conn.
func (s *session) LocalAddr() net.Addr { return addr(s.remote) }

// RemoteAddr implements net.Conn.
func (s *session) RemoteAddr() net.Addr { return addr(s.remote) }

// addr is an address that is known as text.
type addr string

// Network implements net.Addr.
func (addr) Network() string { return "tcp" }

// String implements net.Addr.
func (a addr) String() string { return string(a) }
