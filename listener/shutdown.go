package listener

import "context"

// Drain refuses pages from now on, and cuts the requests that have not come in whole. Other requests are answered as before, so that
// health checks are, but each is the last one on its connection. Shutdown follows.
func (s *Server) Drain() {
	s.drainOnce.Do(func() {
		close(s.draining)
		s.http.SetKeepAlivesEnabled(false)
		s.connections.closeUnread()
		s.bodies.cut()
	})
}

func (s *Server) isDraining() bool {
	select {
	case <-s.draining:
		return true
	default:
		return false
	}
}

// RefusePages has pages be refused, as while the server drains, or be let in again. All else goes on.
func (s *Server) RefusePages(on bool) { s.refusesPages.Store(on) }

// Shutdown drains, closes the port, and waits for the requests that are being answered until ctx ends; then it cuts them. Pages are
// not its concern.
func (s *Server) Shutdown(ctx context.Context) {
	s.Drain()
	s.shut.Store(true)
	for _, loop := range s.options.Loops {
		loop.StopListening()
	}
	if s.acceptor != nil {
		s.acceptor.close()
	}
	for _, port := range s.ports {
		_ = port.Close() // those that are closed already do not mind
	}
	s.socket.remove()
	_ = s.handoff.Close()
	s.connections.close()
	s.bodies.close()
	if s.http.Shutdown(ctx) != nil {
		s.options.Logger.Warn("requests were cut, because they took longer than the drain", "requests", s.connections.busy())
		_ = s.http.Close()
	}
}
