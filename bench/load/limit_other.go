//go:build !unix

package load

// raiseFileLimit does nothing: this system has no such limit.
func raiseFileLimit(int) error { return nil }
