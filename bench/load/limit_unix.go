//go:build unix

package load

import (
	"syscall"

	"scenecast/language"
)

// RaiseFileLimit raises the limit of open files as far as it goes, and returns an error if that is not enough.
func RaiseFileLimit(needed int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return language.Errorf("the limit of open files: %w", err)
	}
	if limit.Cur < limit.Max {
		raised := syscall.Rlimit{Cur: limit.Max, Max: limit.Max}
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
			limit = raised
		}
	}
	return checkFileLimit(needed, uint64(limit.Cur)) //nolint:unconvert // signed on some systems
}
