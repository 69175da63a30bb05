package server

// Leases is how many pages are counted: those whose sockets are not gone.
func (s *Server) Leases() (n int) {
	for _, pages := range s.quota.ByApp() {
		n += pages
	}
	return n
}

// SetPortable has servers that are made from now on give every socket goroutines, as on systems other than Linux.
func SetPortable(on bool) { portable = on }
