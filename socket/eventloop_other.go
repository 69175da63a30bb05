//go:build !linux

package socket

// newEventLoop makes none: on this system every socket has goroutines.
func (l *Loop) newEventLoop() error { return nil }
