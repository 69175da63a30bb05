package socket

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tcpAcked is how many bytes the peer's kernel has acknowledged, modulo 2^32, and whether it is still to acknowledge any (tcp(7),
// TCP_INFO).
func tcpAcked(fd int32) (bytes uint32, waiting bool) {
	var info unix.TCPInfo
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := syscall.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0, false
	}
	return uint32(info.Bytes_acked), info.Unacked > 0 || info.Notsent_bytes > 0
}
