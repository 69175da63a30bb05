//go:build !unix

package load

// RaiseFileLimit does nothing: this system has no such limit.
func RaiseFileLimit(int) error { return nil }
