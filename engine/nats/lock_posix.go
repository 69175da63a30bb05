//go:build linux || darwin

package nats

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lock takes a file for this process; false: another open of it has taken it. The lock ends with the open file, and so with the
// process, however that ends.
func lock(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENOLCK) {
		return true, nil // a file system without locks
	}
	return err == nil, err
}
