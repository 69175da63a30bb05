//go:build linux || darwin

package doctor

import "golang.org/x/sys/unix"

func spaceOf(dir string) (Space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return Space{}, err
	}
	return Space{
		Free:     s.Bavail * uint64(s.Bsize), //nolint:gosec // a size of a block
		Total:    s.Blocks * uint64(s.Bsize), //nolint:gosec // a size of a block
		Writable: unix.Access(dir, unix.W_OK|unix.X_OK) == nil,
	}, nil
}
