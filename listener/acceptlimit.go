package listener

import (
	"net"
	"time"

	"scenecast/ratelimit"
)

// limited is a listener that accepts at most AcceptRate connections per second; others wait in the kernel's queue. Loops do the
// same by themselves.
func (s *Server) limited(l net.Listener) net.Listener {
	if s.options.AcceptRate == 0 {
		return l
	}
	return &limitedListener{Listener: l, began: time.Now(), bucket: ratelimit.New(s.options.AcceptRate, 0)}
}

type limitedListener struct {
	net.Listener
	began  time.Time
	bucket ratelimit.Bucket // Accept's goroutine only
}

// Accept implements net.Listener.
func (l *limitedListener) Accept() (net.Conn, error) {
	time.Sleep(l.bucket.Reserve(time.Since(l.began)))
	return l.Listener.Accept()
}
