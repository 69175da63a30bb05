package load

import "syscall"

// childAttributes keep Ctrl+C from the server, which would say goodbye to the pages and be blamed for it; and they end it
// when this process is killed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
