//go:build unix

package main

import (
	"os"
	"syscall"
)

// hang stops a process until resume.
func hang(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }

func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
