package socket

import (
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"scenecast"
	"scenecast/ratelimit"
)

// acceptor accepts connections on a loop's listening socket.
type acceptor struct {
	fd         int32 // -1: there is none
	handshaker Handshaker
	bucket     ratelimit.Bucket // a token for each connection that is to become a page
	paused     bool             // nothing is accepted until …
	until      instant
	spare      int32      // a descriptor to give up where there are none left; -1: none
	accepted   []accepted // scratch

	// Of the connection whose handshake is under way.
	hasToken bool
	wait     time.Duration // until it has one
	mayJoin  func() bool   // as in Handshaker
}

const (
	acceptsAtOnce  = 64
	pauseOfNoFiles = 100 * time.Millisecond
)

// listen implements eventBackend.
func (e *eventLoop) listen(listener syscall.Conn, h Handshaker, perSecond int) error {
	fd, err := duplicate(listener)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	failed := make(chan error, 1)
	if !e.loop.Post(func() { failed <- e.startAccepting(fd, h, perSecond) }) {
		closeFD(fd)
		return scenecast.ErrClosed
	}
	return <-failed
}

// startAccepting makes a descriptor the listening socket.
func (e *eventLoop) startAccepting(fd int32, h Handshaker, perSecond int) error {
	e.acceptor = acceptor{fd: fd, handshaker: h, spare: spareFile(), bucket: ratelimit.New(perSecond, e.loop.elapsed()), mayJoin: e.mayJoin}
	return e.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN, aboutListener, 0)
}

// setAcceptRate implements eventBackend.
func (e *eventLoop) setAcceptRate(perSecond int) {
	e.acceptor.bucket.SetRate(perSecond, e.loop.elapsed())
}

// stopListening implements eventBackend.
func (e *eventLoop) stopListening() {
	e.stopAccepting()
	for index := range e.pending {
		e.drop(index, scenecast.Ending{})
	}
}

// stopAccepting closes the loop's descriptor of the listening socket.
func (e *eventLoop) stopAccepting() {
	if e.acceptor.fd >= 0 {
		_ = e.control(unix.EPOLL_CTL_DEL, e.acceptor.fd, 0, aboutListener, 0)
		closeFD(e.acceptor.fd)
		closeFD(e.acceptor.spare)
		e.acceptor.fd, e.acceptor.paused = -1, false
	}
}

// spareFile is a descriptor that is good for nothing but to be given up.
func spareFile() int32 {
	fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return int32(fd)
}

// pause accepts nothing for a while. The listening socket must not be watched meanwhile: the loop would find it ready again
// and again.
func (a *acceptor) pause(e *eventLoop, d time.Duration) {
	a.paused, a.until = true, e.now.add(d+time.Millisecond)
	_ = e.control(unix.EPOLL_CTL_MOD, a.fd, 0, aboutListener, 0)
}

// resumes is when a pause ends, if there is one.
func (a *acceptor) resumes() (instant, bool) { return a.until, a.paused }

// resume ends a pause whose time has come.
func (a *acceptor) resume(e *eventLoop) {
	if a.paused && !e.now.before(a.until) {
		a.paused = false
		_ = e.control(unix.EPOLL_CTL_MOD, a.fd, unix.EPOLLIN, aboutListener, 0)
	}
}

// mayJoin takes a token for the connection whose handshake is under way. False: its token is one of those to come.
func (e *eventLoop) mayJoin() bool {
	a := &e.acceptor
	if !a.hasToken {
		a.wait = a.bucket.Reserve(e.loop.elapsed())
		a.hasToken = a.wait == 0
	}
	return a.hasToken
}

// accept accepts the connections that wait in the kernel's queue, and then begins their handshakes: while all are accepted, the
// requests of the first ones arrive, so that hardly any has to be waited for.
func (e *eventLoop) accept() {
	a := &e.acceptor
	if a.fd < 0 || a.paused {
		return
	}
	if a.spare < 0 { // the descriptor was taken before closeWaiting could open it again
		if a.spare = spareFile(); a.spare < 0 {
			a.pause(e, pauseOfNoFiles)
			return
		}
	}
	a.accepted = a.accepted[:0]
	for range acceptsAtOnce {
		fd, from, errno := acceptNow(a.fd)
		if errno == unix.EAGAIN {
			break
		}
		if isOutOfFiles(errno) {
			e.closeWaiting()
			break
		}
		if errno == 0 { // otherwise it has gone before it was accepted
			a.accepted = append(a.accepted, accepted{fd, from})
		}
	}
	for _, c := range a.accepted {
		e.loop.options.Descriptors.accepted(int(c.fd))
		e.startHandshake(c.fd, c.from)
	}
}

// accepted is a connection whose handshake has not begun.
type accepted struct {
	fd   int32
	from netip.AddrPort
}

func isOutOfFiles(errno syscall.Errno) bool {
	return errno == unix.EMFILE || errno == unix.ENFILE || errno == unix.ENOBUFS || errno == unix.ENOMEM
}

// closeWaiting is what happens where descriptors have run out altogether. Connections that wait are accepted with the spare
// descriptor, one after the other, and closed, so that their clients know; then the acceptor pauses, because others may close
// meanwhile.
func (e *eventLoop) closeWaiting() {
	a := &e.acceptor
	closeFD(a.spare)
	for range acceptsAtOnce {
		fd, _, errno := acceptNow(a.fd)
		if errno != 0 {
			break
		}
		closeFD(fd)
		e.loop.outOfDescriptors.Add(1)
	}
	a.spare = spareFile()
	a.pause(e, pauseOfNoFiles)
}
