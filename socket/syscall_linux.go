package socket

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls of the hot paths are raw: none of them ever blocks, so the scheduler need not know. That is a quarter
// of the price of a send, and see quietConn.

// sendNow gives the kernel bytes and returns how many it has taken.
func sendNow(fd int32, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// readNow reads what is there. The descriptor does not block.
func readNow(fd int32, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// epollNow asks what has happened.
func epollNow(epoll int, list []unix.EpollEvent) int {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(unsafe.SliceData(list))), uintptr(len(list)),
		0, 0, 0)
	if errno != 0 {
		return 0 // interrupted
	}
	return int(n)
}

// acceptNow takes a connection from a port's queue; from is who it is; the zero value on a Unix socket.
func acceptNow(port int32) (fd int32, from netip.AddrPort, errno syscall.Errno) {
	var sa unix.RawSockaddrInet6 // it is the larger one
	size := uint32(unsafe.Sizeof(sa))
	n, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(port), uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)),
		unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, from, errno
	}
	if sa.Family == unix.AF_UNIX {
		return int32(n), from, 0
	}
	addr := netip.AddrFrom16(sa.Addr).Unmap()
	if sa.Family == unix.AF_INET {
		addr = netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(&sa)).Addr)
	}
	return int32(n), netip.AddrPortFrom(addr, binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:])), 0
}

// duplicate is another descriptor of the connection.
func duplicate(c syscall.Conn) (fd int32, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	controlErr := raw.Control(func(from uintptr) {
		var n int
		n, err = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0)
		fd = int32(n)
	})
	if controlErr != nil {
		return -1, controlErr
	}
	return fd, err
}

// wakeNow makes an eventfd readable.
func wakeNow(eventfd int) {
	_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, uintptr(eventfd), uintptr(unsafe.Pointer(&one)), unsafe.Sizeof(one))
}

var one = [8]byte{1} // in either byte order, a number that is not zero

// closeFD closes a descriptor. Its error has no use. A socket's close does not block either, as SO_LINGER is not
// set.
func closeFD(fd int32) { _, _, _ = syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }
