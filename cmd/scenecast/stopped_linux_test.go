package main_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// awaitStopped waits until all threads of a child have stopped.
func awaitStopped(t *testing.T, pid int) {
	t.Helper()
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_PID, pid, &info, unix.WSTOPPED|unix.WNOWAIT, nil)
		if err == nil {
			return
		}
		if !errors.Is(err, unix.EINTR) {
			t.Fatalf("the process does not stop: %v", err)
		}
	}
}
