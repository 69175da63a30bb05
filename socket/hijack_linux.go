package socket

import (
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// hijack gives a connection that is not to stay here to the handshaker, as Go's net package has them.
func (e *eventLoop) hijack(index uint32, read []byte, watched bool) {
	fd := e.conns.at(index).fd
	if watched {
		_ = e.control(unix.EPOLL_CTL_DEL, fd, 0, 0, 0)
	}
	read = append([]byte(nil), read...)
	c, err := fileConn(fd)
	e.clear(index)
	e.removeConn(index)
	e.loop.slots.freeSlot(index)
	if err != nil { // there was none left
		e.loop.outOfDescriptors.Add(1)
		return
	}
	e.acceptor.handshaker.Hijack(quiet(c), read)
}

// fileConn is a connection of Go's net package in the place of a descriptor.
func fileConn(fd int32) (net.Conn, error) {
	file := os.NewFile(uintptr(fd), "")
	defer func() { _ = file.Close() }()
	return net.FileConn(file) // has a descriptor of its own
}

// quietConn is a TCP connection of Go's net package whose reads and writes are raw system calls, of which the scheduler does not know. They
// never block; and where all goroutines were asleep before, as between two HTTP calls, the first system call that the scheduler knows of starts
// its monitor, a thread that then wakes every 20 microseconds and takes a tenth of the time that a push needs.
type quietConn struct {
	*net.TCPConn
	raw syscall.RawConn
}

func quiet(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	return &quietConn{TCPConn: tcp, raw: raw}
}

// transfer is what one call reads or writes.
type transfer struct {
	p     []byte
	n     int
	errno syscall.Errno
}

// Read implements net.Conn.
func (c *quietConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	t := transfer{p: p}
	err := c.raw.Read(func(fd uintptr) bool {
		for {
			if t.n, t.errno = readNow(int32(fd), t.p); t.errno != unix.EINTR {
				return t.errno != unix.EAGAIN
			}
		}
	})
	switch {
	case err != nil:
		return 0, err
	case t.errno != 0:
		return 0, c.failed("read", t.errno)
	case t.n == 0:
		return 0, io.EOF
	default:
		return t.n, nil
	}
}

// Write implements net.Conn.
func (c *quietConn) Write(p []byte) (int, error) {
	t := transfer{p: p}
	err := c.raw.Write(func(fd uintptr) bool {
		for t.n < len(t.p) {
			n, errno := sendNow(int32(fd), t.p[t.n:])
			t.n += n
			if errno != 0 && errno != unix.EINTR {
				t.errno = errno
				return errno != unix.EAGAIN
			}
		}
		t.errno = 0
		return true
	})
	if err == nil && t.errno != 0 {
		err = c.failed("write", t.errno)
	}
	return t.n, err
}

func (c *quietConn) failed(op string, errno syscall.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError(op, errno)}
}
