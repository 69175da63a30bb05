package socket

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tcpAcked is how many bytes the peer's kernel has acknowledged, modulo 2^32, and whether it is still to acknowledge any (tcp(7),
// TCP_INFO). A Unix socket has no such count: there it stands for the bytes that the peer has not read, which is enough to see that it
// reads (unix(7), SIOCOUTQ).
func tcpAcked(fd int32) (bytes uint32, waiting bool) {
	var info unix.TCPInfo
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := syscall.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno == unix.EOPNOTSUPP {
		return unixUnread(fd)
	}
	if errno != 0 {
		return 0, false
	}
	return uint32(info.Bytes_acked), info.Unacked > 0 || info.Notsent_bytes > 0
}

func unixUnread(fd int32) (mark uint32, waiting bool) {
	var unread int32
	_, _, errno := syscall.RawSyscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCOUTQ, uintptr(unsafe.Pointer(&unread)))
	if errno != 0 {
		return 0, false
	}
	return uint32(unread), unread > 0
}
