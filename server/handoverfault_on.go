//go:build handoverfaults

package server

import (
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

var faulted atomic.Bool

// faultPoint kills or stops this process, once, where HANDOVER_FAULT names the point: kill:old.frozen, stop:new.ready.
func faultPoint(at string) {
	how, where, _ := strings.Cut(os.Getenv("HANDOVER_FAULT"), ":")
	if where != at || !faulted.CompareAndSwap(false, true) {
		return
	}
	signal := syscall.SIGKILL
	if how == "stop" {
		signal = syscall.SIGSTOP
	}
	_ = syscall.Kill(os.Getpid(), signal)
	if how != "stop" {
		select {}
	}
	time.Sleep(100 * time.Millisecond) // until the signal has come to all threads
}
