// Package link is the connection by which two processes on one machine hand over: a Unix socket that carries messages (package handover)
// and descriptors, and on which each side knows whose process the other one is.
package link

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"scenecast/handover"
)

// ErrNobody says that nobody listens at a path.
var ErrNobody = errors.New("nobody listens there")

// MaxDescriptors is how many descriptors one message carries at most (unix(7), SCM_MAX_FD).
const MaxDescriptors = 253

// Conn is one side of a connection. Send and Close may be called concurrently, and while another goroutine receives; Receive, TakeFile and
// HasDied by one goroutine.
type Conn struct {
	unix   *net.UnixConn
	reader *bufio.Reader
	pid    int // of the other process

	sending sync.Mutex
	frame   []byte // guarded by sending

	mu     sync.Mutex
	files  []int // descriptors that have come and were not taken
	pidfd  int   // of the other process (pidfd_open(2)); -1: the kernel has none, or the connection is closed
	closed bool  // what comes is closed at once
}

// Dial connects to whoever listens at a path. The error is ErrNobody where nobody does, and another one where it is a process of another user,
// or something that is no socket.
func Dial(path string, within time.Duration) (*Conn, error) {
	file, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNobody
	case err != nil:
		return nil, err
	case file.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("%s is there, and is no socket", path)
	}
	c, err := (&net.Dialer{Timeout: within}).Dial("unix", path)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil, ErrNobody
	case err != nil:
		return nil, err
	}
	return New(c.(*net.UnixConn))
}

// New is the side of a connection that was accepted, or dialled. The error says that the other process is another user's; the connection is
// closed then.
func New(c *net.UnixConn) (*Conn, error) {
	uid, pid, err := peer(c)
	if err == nil && uid != os.Geteuid() {
		err = fmt.Errorf("the other process runs as user %d, and this one as %d", uid, os.Geteuid())
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	l := &Conn{unix: c, pid: pid, pidfd: -1}
	if fd, err := unix.PidfdOpen(pid, 0); pid > 0 && err == nil {
		l.pidfd = fd
	}
	l.reader = bufio.NewReaderSize(reader{l}, 64<<10)
	return l, nil
}

// peer is the user whose process the other side is, and its ID (socket(7), SO_PEERCRED).
func peer(c *net.UnixConn) (uid, pid int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, 0, err
	}
	controlErr := raw.Control(func(fd uintptr) {
		var credentials *unix.Ucred
		if credentials, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid, pid = int(credentials.Uid), int(credentials.Pid)
		}
	})
	return uid, pid, errors.Join(err, controlErr)
}

// PID is the other process, as this one's namespace knows it; 0 where that does not.
func (c *Conn) PID() int { return c.pid }

// HasDied reports whether the other process has ended; false: it has not within this time, or that cannot be known.
func (c *Conn) HasDied(within time.Duration) bool {
	c.mu.Lock()
	pidfd := c.pidfd
	c.mu.Unlock()
	if pidfd < 0 {
		return false
	}
	for deadline := time.Now().Add(within); ; {
		fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(max(time.Until(deadline), 0).Milliseconds()))
		if !errors.Is(err, unix.EINTR) {
			return err == nil && n > 0
		}
	}
}

// reader reads bytes, and takes the descriptors that come with them.
type reader struct{ c *Conn }

// Read implements io.Reader.
func (r reader) Read(p []byte) (int, error) {
	oob := make([]byte, unix.CmsgSpace(4*MaxDescriptors))
	n, oobn, flags, _, err := r.c.unix.ReadMsgUnix(p, oob)
	n = max(n, 0) // it is -1 with an error
	if oobn > 0 {
		messages, parseErr := unix.ParseSocketControlMessage(oob[:oobn])
		if parseErr != nil {
			return n, parseErr
		}
		for _, m := range messages {
			fds, rightsErr := unix.ParseUnixRights(&m)
			if rightsErr == nil {
				r.c.keep(fds)
			}
		}
	}
	if flags&unix.MSG_CTRUNC != 0 {
		return n, errors.New("descriptors were lost: this process may not open as many (RLIMIT_NOFILE)")
	}
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// keep keeps descriptors until they are taken.
func (c *Conn) keep(fds []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		closeAll(fds)
		return
	}
	c.files = append(c.files, fds...)
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

// SetDeadline bounds what is sent and received from then on; the zero time does not.
func (c *Conn) SetDeadline(t time.Time) { _ = c.unix.SetDeadline(t) }

// Send sends a message with these descriptors, which stay the caller's.
func (c *Conn) Send(k handover.Kind, payload []byte, files ...int) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	return c.send(k, payload, files)
}

// SendWithin is Send with a time that it has when its turn comes, in the place of the one that SetDeadline gives. Where it fails, the other side
// may have a part of the message, and takes what comes behind it for the rest: the caller has to close the connection.
func (c *Conn) SendWithin(d time.Duration, k handover.Kind, payload []byte, files ...int) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	_ = c.unix.SetWriteDeadline(time.Now().Add(d))
	return c.send(k, payload, files)
}

// send is Send, with sending held.
func (c *Conn) send(k handover.Kind, payload []byte, files []int) error {
	if len(files) > MaxDescriptors {
		return fmt.Errorf("%d descriptors in one message", len(files))
	}
	c.frame = append(handover.AppendHead(c.frame[:0], k, len(payload)), payload...)
	sent := 0
	if len(files) > 0 {
		n, err := c.sendFiles(files)
		if err != nil {
			return err
		}
		sent = n
	}
	_, err := c.unix.Write(c.frame[sent:])
	if cap(c.frame) > 4<<20 {
		c.frame = nil
	}
	return err
}

// sendFiles sends the beginning of the frame with descriptors. Where the kernel has too many on their way (unix(7), ETOOMANYREFS), the other
// side has to take some first.
func (c *Conn) sendFiles(files []int) (sent int, err error) {
	rights := unix.UnixRights(files...)
	for wait := time.Millisecond; ; wait *= 2 {
		sent, _, err = c.unix.WriteMsgUnix(c.frame, rights, nil)
		if !errors.Is(err, unix.ETOOMANYREFS) || wait > 250*time.Millisecond {
			return sent, err
		}
		time.Sleep(wait)
	}
}

// Receive waits for a message. The payload is the caller's own. io.EOF says that the other side has closed.
func (c *Conn) Receive() (handover.Kind, []byte, error) { return handover.ReadMessage(c.reader) }

// TakeFile takes the next descriptor that has come; false: there is none.
func (c *Conn) TakeFile() (fd int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.files) == 0 {
		return -1, false
	}
	fd, c.files = c.files[0], c.files[1:]
	return fd, true
}

// Close ends the connection, and closes descriptors that nobody has taken. A second one does nothing.
func (c *Conn) Close() {
	_ = c.unix.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.pidfd >= 0 {
		_ = unix.Close(c.pidfd)
		c.pidfd = -1
	}
	closeAll(c.files)
	c.files = nil
}
