package listener

import (
	"net"
	"time"
)

// throttled is a listener that lets in at most AcceptRate visitors per second; others wait in the kernel's queue. Loops do the
// same by themselves.
func (s *Server) throttled(l net.Listener) net.Listener {
	if s.options.AcceptRate == 0 {
		return l
	}
	every := time.Second / time.Duration(s.options.AcceptRate)
	return &throttle{Listener: l, every: max(every, time.Nanosecond), since: time.Now().Add(-time.Second)}
}

// throttle gives each visitor a piece of time. What a quiet second has left over, a burst may use.
type throttle struct {
	net.Listener
	every time.Duration
	since time.Time // the time up to this has been given out. Accept's goroutine only.
}

// Accept implements net.Listener.
func (t *throttle) Accept() (net.Conn, error) {
	if earliest := time.Now().Add(-time.Second); t.since.Before(earliest) {
		t.since = earliest
	}
	t.since = t.since.Add(t.every)
	time.Sleep(time.Until(t.since))
	return t.Listener.Accept()
}
