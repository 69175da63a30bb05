package socket

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"scenecast/websocket"
)

var _ bareSockets = (*events)(nil)

// events are a loop's sockets without goroutines. Everything but wake is for the owner's goroutine.
type events struct {
	loop   *Loop
	epoll  int
	poller *os.File        // the same descriptor, which Go's own poller watches, so that a loop that waits holds no thread
	ready  syscall.RawConn // of poller
	waking sync.Mutex      // guards waker, which may be another one's descriptor once it is closed
	waker  int             // an eventfd, which makes poll return; -1: closed
	asleep atomic.Bool     // the owner waits, or is about to

	now      instant
	until    instant // what the poller's deadline is set to, if it is
	hasUntil bool
	port     port
	bares    bares
	heads    map[uint32]visit // of visitors whose request has not come in whole, by slot index
	outboxes outboxes
	decoders decoders
	decoder  websocket.Decoder // at hand: one serves all pages of which nothing is incomplete
	from     receiving         // whom it reads
	wheel    wheel
	turn     turn
	broken   []ended // sockets that the kernel would not write to

	corked uint32 // 1 + the socket whose first bytes are being collected; 0: none
	cork   []byte

	list [256]unix.EpollEvent
	buf  []byte // what was read
}

// ended is a socket that is to end, unless it has been another one's place since.
type ended struct{ index, life uint32 }

const (
	readSize    = 64 << 10
	sendsAtOnce = 1000 // writes after which a long fan-out looks up: pings, pages that come, further pushes
	manySends   = 100  // so many writes are worth a wait for others that could share them
)

// What an epoll event is about, where it is no socket.
const (
	aboutWaker = -1 - iota
	aboutPort
)

// makeBare makes the loop one that owns sockets.
func (l *Loop) makeBare() error {
	e := &events{loop: l, heads: make(map[uint32]visit), buf: make([]byte, readSize), port: port{fd: -1, spare: -1}}
	var err error
	if e.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll_create1: %w", err)
	}
	if err = unix.SetNonblock(e.epoll, true); err == nil { // or os.NewFile would not give it to Go's poller
		e.poller = os.NewFile(uintptr(e.epoll), "epoll")
		e.ready, err = e.poller.SyscallConn()
	}
	if err != nil {
		closeFD(int32(e.epoll))
		return fmt.Errorf("epoll: %w", err)
	}
	if e.waker, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = e.poller.Close()
		return fmt.Errorf("eventfd: %w", err)
	}
	// Edge-triggered, so that nobody need read it: each write is an edge.
	if err := e.control(unix.EPOLL_CTL_ADD, int32(e.waker), unix.EPOLLIN|unix.EPOLLET, aboutWaker, 0); err != nil {
		closeFD(int32(e.waker))
		_ = e.poller.Close()
		return err
	}
	l.bare, l.wakeUp = e, e.wake
	return nil
}

// wake makes the owner look at its tasks. It costs a system call only if the owner waits.
func (e *events) wake() {
	if e.asleep.CompareAndSwap(true, false) {
		e.nudge()
	}
}

func (e *events) nudge() {
	e.waking.Lock()
	defer e.waking.Unlock()
	wakeNow(e.waker)
}

// control adds, changes or removes what the kernel tells of a descriptor.
func (e *events) control(op int, fd int32, on uint32, about int32, life uint32) error {
	event := unix.EpollEvent{Events: on, Fd: about, Pad: int32(life)}
	if err := unix.EpollCtl(e.epoll, op, int(fd), &event); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// run is the owner's goroutine. A round: what has happened, what was posted, what is to be written, who has been silent.
func (e *events) run() {
	defer e.close()
	e.now = e.loop.now()
	for !e.turn.isWritten() || !e.loop.hasEnded() {
		n := e.poll()
		if n == 0 && !e.isBusy() {
			n = e.wait()
		}
		e.now = e.loop.now()
		e.wheel.rest(e.now)
		for i := range e.list[:n] {
			e.happened(&e.list[i])
		}
		if e.loop.takeTasks() {
			e.loop.runTasks(e.isFull)
			if e.turn.waiting() > manySends && !e.isFull() {
				// What is about to be posted shares the writes with what was: they are the dearest there is.
				e.pass()
				if e.loop.takeTasks() {
					e.loop.runTasks(e.isFull)
				}
			}
		}
		if !e.isFull() {
			e.loop.runBackground(e.isFull)
		}
		e.flush(sendsAtOnce)
		e.wheel.advance(e.now, e.look)
		e.bury()
		e.port.resume(e)
		if e.isBusy() {
			e.pass()
		}
	}
}

// pass lets everybody else run who can, whom Go's own poller knows to be ready among them: the HTTP calls that have come
// in. (runtime.Gosched does not ask the poller.)
func (e *events) pass() {
	if e.hasUntil { // or the poller would not wait at all once that has passed
		_ = e.poller.SetReadDeadline(time.Time{})
		e.hasUntil = false
	}
	woken := false
	_ = e.ready.Read(func(uintptr) bool {
		if !woken {
			woken = true
			e.nudge()
			return false
		}
		return true
	})
}

// isBusy reports whether the owner has something to do without being woken.
func (e *events) isBusy() bool { return !e.turn.isWritten() || e.loop.hasTasks() }

// isFull reports whether tasks must wait until what they have queued is written.
func (e *events) isFull() bool {
	return e.turn.isNearlyFull(e.loop.limits.bytes) && !e.turn.isWritten()
}

// poll asks the kernel what has happened, without waiting. A raw system call, because the scheduler need not know of one
// that never blocks.
func (e *events) poll() int {
	return epollNow(e.epoll, e.list[:])
}

// wait waits until something happens, is posted, or is to be looked at.
func (e *events) wait() (n int) {
	e.asleep.Store(true)
	defer e.asleep.Store(false)
	if e.loop.hasTasks() || e.loop.hasEnded() {
		return 0
	}
	e.setDeadline()
	// An error is the deadline's.
	_ = e.ready.Read(func(uintptr) bool {
		n = e.poll()
		return n > 0
	})
	return n
}

// setDeadline has the wait end when there is somebody to look at.
func (e *events) setDeadline() {
	until, ok := e.wheel.next()
	if at, paused := e.port.resumes(); paused && (!ok || at.before(until)) {
		until, ok = at, true
	}
	if ok == e.hasUntil && until == e.until && (!ok || e.now.before(until)) {
		return
	}
	e.until, e.hasUntil = until, ok
	var t time.Time
	if ok {
		now := time.Now()
		t = now.Add(until.since(instant(now.Sub(e.loop.began) / time.Millisecond)))
	}
	_ = e.poller.SetReadDeadline(t)
}

// happened acts on one thing that the kernel has told.
func (e *events) happened(event *unix.EpollEvent) {
	switch event.Fd {
	case aboutWaker:
		return
	case aboutPort:
		e.accept()
		return
	}
	index := uint32(event.Fd)
	life := uint32(event.Pad)
	if e.bares.at(index).life != life {
		return // of a socket that has ended since the kernel was asked
	}
	if event.Events&unix.EPOLLOUT != 0 {
		e.drain(index)
	}
	if event.Events&^unix.EPOLLOUT != 0 && e.bares.at(index).life == life {
		e.read(index)
	}
}

// bury ends the sockets that the kernel would not write to.
func (e *events) bury() {
	for i := 0; i < len(e.broken); i++ { // ending one may break another
		if b := e.broken[i]; e.bares.at(b.index).life == b.life {
			e.lose(b.index)
		}
	}
	e.broken = e.broken[:0]
}

// close ends everything that is still open. The loop is stopped: its shard is not told.
func (e *events) close() {
	e.stopListening()
	for page := range e.bares.pages {
		for i := range e.bares.pages[page] {
			if e.bares.pages[page][i].state != gone {
				e.end(uint32(page*barePage + i))
			}
		}
	}
	for e.loop.hasTasks() {
		if e.loop.takeTasks() {
			e.loop.runTasks(nil) // who waits to know what became of a frame is told
		}
		e.loop.runBackground(nil)
	}
	e.waking.Lock()
	closeFD(int32(e.waker))
	e.waker = -1
	e.waking.Unlock()
	_ = e.poller.Close()
}

// register has the kernel tell of a socket.
func (e *events) register(index uint32) bool {
	b := e.bares.at(index)
	return e.control(unix.EPOLL_CTL_ADD, b.fd, unix.EPOLLIN|unix.EPOLLRDHUP, int32(index), b.life) == nil
}
