package server

import (
	"net"

	"golang.org/x/sys/unix"
)

// duplicatePort is another descriptor of an open port, for a process that takes it over. It is not that of net.TCPListener.File, whose Fd has
// the port block: accept(2) would then wait in this process, and the end of serving for that.
func duplicatePort(l net.Listener) (fd int, err error) {
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		return -1, err
	}
	controlErr := raw.Control(func(from uintptr) { fd, err = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0) })
	if controlErr != nil {
		return -1, controlErr
	}
	return fd, err
}
