//go:build !linux && !darwin

package server

// fileLimit is unknown on this system.
func fileLimit() (uint64, bool) { return 0, false }
