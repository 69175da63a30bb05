//go:build !linux

package socket

// tcpAcked is not known on this system.
func tcpAcked(int32) (bytes uint32, waiting bool) { return 0, false }
