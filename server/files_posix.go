//go:build linux || darwin

package server

import "golang.org/x/sys/unix"

// fileLimit is how many descriptors the process may have; false: it cannot be told.
func fileLimit() (uint64, bool) {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0, false
	}
	return limit.Cur, true
}
