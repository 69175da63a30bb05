package server

// Tickets is how many pages are counted: those whose sockets are not gone.
func (s *Server) Tickets() (n int) {
	for _, pages := range s.counter.ByApp() {
		n += pages
	}
	return n
}
