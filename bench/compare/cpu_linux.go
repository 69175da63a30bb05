package main

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

// cpuOf is the CPU time, user and system, that a process has used, of all its threads, also those that have ended. It is
// the process's CPU clock (clock_getcpuclockid(3)), which counts nanoseconds where /proc counts ticks of 10 ms.
func cpuOf(pid int) (time.Duration, error) {
	const perProcessScheduled = 2
	clock := uintptr(^pid)<<3 | perProcessScheduled
	var t syscall.Timespec
	if _, _, err := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&t)), 0); err != 0 {
		return 0, os.NewSyscallError("clock_gettime", err)
	}
	return time.Duration(t.Nano()), nil
}
