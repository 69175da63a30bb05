package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// disk is a file system of 320 MiB in a file, which can be full, and can hang.
type disk struct {
	t   *testing.T
	dir string
}

// newDisk mounts a disk at a directory until the test ends. An error says why that is not permitted.
func newDisk(t *testing.T, dir string) (*disk, error) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		return nil, err
	}
	if err := os.Truncate(image, 320<<20); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for _, args := range [][]string{{"mkfs.ext4", "-q", "-m", "0", image}, {"mount", "-o", "loop", image, dir}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%q: %v: %s", args, err, out)
		}
	}
	d := &disk{t, dir}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	if err := d.freeze(true); err != nil {
		return nil, err
	}
	return d, d.freeze(false)
}

// The requests of ioctl by which a file system takes no writes, and takes them again (linux/fs.h).
const (
	fiFreeze = 0xc0045877
	fiThaw   = 0xc0045878
)

func (d *disk) freeze(frozen bool) error {
	f, err := os.Open(d.dir)
	if err != nil {
		return err
	}
	defer f.Close()
	request := uint(fiThaw)
	if frozen {
		request = fiFreeze
	}
	return unix.IoctlSetInt(int(f.Fd()), request, 0)
}

// hang has whoever writes to the disk wait for so long.
func (d *disk) hang(lasts time.Duration) {
	if err := d.freeze(true); err != nil {
		d.t.Error(err)
		return
	}
	time.Sleep(lasts)
	if err := d.freeze(false); err != nil {
		d.t.Error(err)
	}
}
