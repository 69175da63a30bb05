//go:build !linux

package socket

// makeBare makes nothing: on this system every socket has goroutines.
func (l *Loop) makeBare() error { return nil }
