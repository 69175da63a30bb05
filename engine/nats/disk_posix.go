//go:build linux || darwin

package nats

import "golang.org/x/sys/unix"

// freeBytes is how much of a directory's disk this process may still write; false: it cannot be told.
func freeBytes(dir string) (uint64, bool) {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}
