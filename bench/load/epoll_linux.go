package load

import (
	"errors"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// ipBindAddressNoPort leaves the choice of a bound socket's port to connect, which knows the target (ip(7)).
const ipBindAddressNoPort = 24

// Pages that are going to stall leave the kernel little room, so that their server soon notices: a receive buffer that was
// asked for does not grow, and segments of the Internet's size, not of loopback's 64 KiB, keep the server's send buffer small.
const (
	stallRoom    = 64 << 10
	stallSegment = 1460
)

var _ staller = (*epoll)(nil)

// epoll is the transport for many pages: sockets without goroutines, and a few readers.
type epoll struct {
	address netip.AddrPort
	readers []*reader
	running sync.WaitGroup
}

// reader reads the pages of one shard.
type reader struct {
	fleet *fleet
	shard *shard
	file  *os.File // the epoll descriptor, which Go's own poller watches, so that a reader that waits holds no thread
	fd    int
	// The reader's goroutine only.
	events []syscall.EpollEvent
	buf    []byte
}

// newPlain makes the fleet's pages, and their transport where there is no TLS. Half of the processors read: the server needs some too.
func newPlain(f *fleet, pages int, address netip.AddrPort) (transport, error) {
	readers := max(1, runtime.GOMAXPROCS(0)/2)
	f.newPages(pages, readers)
	e := &epoll{address: address}
	for i := range readers {
		fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
		if err == nil {
			err = syscall.SetNonblock(fd, true)
		}
		if err != nil {
			e.close()
			return nil, os.NewSyscallError("epoll_create1", err)
		}
		r := &reader{fleet: f, shard: f.shards[i], file: os.NewFile(uintptr(fd), "epoll"), fd: fd,
			events: make([]syscall.EpollEvent, 256), buf: make([]byte, 64<<10)}
		e.readers = append(e.readers, r)
		e.running.Go(r.run)
	}
	return e, nil
}

// open begins to connect. The rest of the page's life is the reader's.
func (e *epoll) open(p *page, request []byte, source netip.Addr) error {
	p.shard.mu.Lock()
	defer p.shard.mu.Unlock()
	fd, err := dial(e.address, source, int(p.number) < p.fleet.stalling)
	if err != nil {
		return noPorts(err)
	}
	p.fd = int32(fd)
	p.replies = request // goes out as soon as the socket takes it
	r := e.readers[int(p.number)%len(e.readers)]
	event := syscall.EpollEvent{Events: syscall.EPOLLOUT | syscall.EPOLLRDHUP, Fd: p.number}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(r.fd, syscall.EPOLL_CTL_ADD, fd, &event))
}

// stall leaves the page's bytes to the kernel.
func (e *epoll) stall(p *page) error {
	p.shard.mu.Lock()
	defer p.shard.mu.Unlock()
	r := e.readers[int(p.number)%len(e.readers)]
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(r.fd, syscall.EPOLL_CTL_DEL, int(p.fd), nil))
}

// dial makes a socket that connects, without waiting; a narrow one for a page that is going to stall.
func dial(to netip.AddrPort, source netip.Addr, narrow bool) (int, error) {
	family := syscall.AF_INET6
	if to.Addr().Is4() {
		family = syscall.AF_INET
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if source.IsValid() {
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, ipBindAddressNoPort, 1) // older kernels do without
		if err := syscall.Bind(fd, sockaddr(netip.AddrPortFrom(source, 0))); err != nil {
			_ = syscall.Close(fd)
			return -1, os.NewSyscallError("bind", err)
		}
	}
	if narrow {
		err := errors.Join(syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, stallRoom),
			syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, stallSegment))
		if err != nil {
			_ = syscall.Close(fd)
			return -1, os.NewSyscallError("setsockopt", err)
		}
	}
	if err := syscall.Connect(fd, sockaddr(to)); err != nil && !errors.Is(err, syscall.EINPROGRESS) {
		_ = syscall.Close(fd)
		return -1, os.NewSyscallError("connect", err)
	}
	return fd, nil
}

func sockaddr(a netip.AddrPort) syscall.Sockaddr {
	if a.Addr().Is4() {
		return &syscall.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &syscall.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// run reads until the epoll descriptor is closed.
func (r *reader) run() {
	conn, err := r.file.SyscallConn()
	if err != nil {
		return // closed already
	}
	for {
		var n int
		var fault error
		err := conn.Read(func(fd uintptr) bool {
			n, fault = syscall.EpollWait(int(fd), r.events, 0)
			return n > 0 || fault != nil
		})
		if err != nil || fault != nil {
			return
		}
		for _, e := range r.events[:n] {
			r.serve(&r.fleet.pages[e.Fd])
		}
	}
}

// serve does what can be done for a page.
func (r *reader) serve(p *page) {
	r.shard.mu.Lock()
	defer r.shard.mu.Unlock()
	if p.fd < 0 {
		return
	}
	err := r.step(p)
	if err == nil {
		return
	}
	_ = syscall.Close(int(p.fd)) // which takes it from the epoll too
	p.fd, p.stage = -1, gone
	r.fleet.lost(p, noPorts(err))
}

func (r *reader) step(p *page) error {
	if p.stage == dialing {
		return r.connected(p)
	}
	n, err := syscall.Read(int(p.fd), r.buf)
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return nil // whatever it was, epoll says it again
	case err != nil:
		return os.NewSyscallError("read", err)
	case n == 0:
		return errHangUp
	}
	if err := p.feed(r.buf[:n], time.Since(r.fleet.clock)); err != nil {
		return err
	}
	return p.reply()
}

// connected sends the request on a socket that has connected.
func (r *reader) connected(p *page) error {
	code, err := syscall.GetsockoptInt(int(p.fd), syscall.SOL_SOCKET, syscall.SO_ERROR)
	if err == nil && code != 0 {
		err = syscall.Errno(code)
	}
	if err != nil {
		return os.NewSyscallError("connect", err)
	}
	p.stage = asking
	if err := p.reply(); err != nil {
		return err
	}
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP, Fd: p.number}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(r.fd, syscall.EPOLL_CTL_MOD, int(p.fd), &event))
}

// reply sends the request, or pongs. They are small and rare: a socket that has no room for them is broken.
func (p *page) reply() error {
	if len(p.replies) == 0 {
		return nil
	}
	n, err := syscall.Write(int(p.fd), p.replies) // Go ignores SIGPIPE on sockets
	if err == nil && n < len(p.replies) {
		err = syscall.EAGAIN
	}
	p.replies = nil
	return os.NewSyscallError("write", err)
}

func (e *epoll) close() {
	for _, r := range e.readers {
		_ = r.file.Close() // wakes the reader
	}
	e.running.Wait()
	for _, r := range e.readers {
		for i := range r.fleet.pages {
			if p := &r.fleet.pages[i]; p.shard == r.shard && p.fd >= 0 {
				_ = syscall.Close(int(p.fd))
				p.fd = -1
			}
		}
	}
}
