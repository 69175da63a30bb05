package socket

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"scenecast"
)

var _ eventBackend = (*eventLoop)(nil)

// eventLoop is the backend of sockets without goroutines, and runs their loop. Everything but wake is for the owner's
// goroutine.
type eventLoop struct {
	loop   *Loop
	epoll  int
	poller *os.File        // the same descriptor, which Go's own poller watches, so that a loop that waits holds no thread
	raw    syscall.RawConn // of poller
	waking sync.Mutex      // guards waker, which may be another one's descriptor once it is closed, and held
	waker  int             // an eventfd, which makes poll return; -1: closed
	held   *Held           // who is to be woken in its place; nil: nobody
	asleep atomic.Bool     // the owner waits, or is about to

	now      instant
	until    instant // what the poller's deadline is set to, if it is
	hasUntil bool
	acceptor acceptor
	pending  map[uint32]pendingHandshake // by slot index
	conns    epollConns
	outboxes outboxes
	inbounds inbounds
	inbound  inbound       // at hand: one serves all pages that keep nothing
	reader   epollReceiver // the page that it reads
	wheel    wheel
	batch    writeBatch
	ended    []uint32 // slot indexes of sockets that are to be closed at the end of the round

	corked uint32 // 1 + the socket whose first bytes are being collected; 0: none
	cork   []byte

	list  [256]unix.EpollEvent
	ready int    // events in the list …
	next  int    // … and those of them that were handled
	buf   []byte // what was read

	shared bool // another process may have the sockets, too: they end when they are shut down, not when they are closed

	begun time.Duration // when the part of the round that is under way began
	pace  pace          // of tasks
}

const (
	readSize    = 64 << 10
	sendsAtOnce = 1000 // writes after which a long fan-out looks up: pings, pages that come, further pushes
	manySends   = 100  // so many writes are worth a wait for others that could share them
	partTime    = 4 * time.Millisecond
)

// What an epoll event is about, where it is no socket.
const (
	aboutWaker = -1 - iota
	aboutListener
)

// newEventLoop makes the loop one whose plain sockets have no goroutines.
func (l *Loop) newEventLoop() error {
	e := &eventLoop{
		loop:     l,
		pending:  make(map[uint32]pendingHandshake),
		buf:      make([]byte, readSize),
		acceptor: acceptor{fd: -1, spare: -1},
	}
	e.pace = pace{isFull: e.isFull, isLate: e.isPartOver}
	var err error
	if e.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll_create1: %w", err)
	}
	if err = unix.SetNonblock(e.epoll, true); err == nil { // or os.NewFile would not give it to Go's poller
		e.poller = os.NewFile(uintptr(e.epoll), "epoll")
		e.raw, err = e.poller.SyscallConn()
	}
	if err != nil {
		closeFD(int32(e.epoll))
		return fmt.Errorf("epoll: %w", err)
	}
	if e.waker, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = e.poller.Close()
		return fmt.Errorf("eventfd: %w", err)
	}
	// Edge-triggered: each write is one edge, so the eventfd is never read.
	if err := e.control(unix.EPOLL_CTL_ADD, int32(e.waker), unix.EPOLLIN|unix.EPOLLET, aboutWaker, 0); err != nil {
		closeFD(int32(e.waker))
		_ = e.poller.Close()
		return err
	}
	l.epoll, l.wakeUp = e, e.wake
	l.slots.backends[onEventLoop] = e
	return nil
}

// wake makes the owner look at its queues. It costs a system call only if the owner waits.
func (e *eventLoop) wake() {
	if e.asleep.CompareAndSwap(true, false) {
		e.nudge()
	}
}

func (e *eventLoop) nudge() {
	e.waking.Lock()
	defer e.waking.Unlock()
	if e.held == nil {
		wakeNow(e.waker)
		return
	}
	select {
	case e.held.wake <- struct{}{}:
	default:
	}
}

// control is epoll_ctl: it adds, changes or removes the events of a descriptor.
func (e *eventLoop) control(op int, fd int32, on uint32, about int32, generation uint32) error {
	event := unix.EpollEvent{Events: on, Fd: about, Pad: int32(generation)}
	if err := unix.EpollCtl(e.epoll, op, int(fd), &event); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// watch adds or changes the events of a socket.
func (e *eventLoop) watch(op int, index uint32, on uint32) error {
	return e.control(op, e.conns.at(index).fd, on, int32(index), e.loop.slots.generations[index])
}

// The events of a socket, always and while something waits for it.
const (
	eventsIdle    = unix.EPOLLIN | unix.EPOLLRDHUP
	eventsWaiting = eventsIdle | unix.EPOLLOUT
)

// run is the owner's goroutine. A round has parts: what pages have sent before that was not handled, what has happened on sockets, what
// was posted, what is to be written, whose deadline has passed, which sockets are to be closed. None takes more than its share of
// the round; what is left is gone on with in the next.
func (e *eventLoop) run() {
	defer e.closeAll()
	e.now = e.loop.now()
	for !e.batch.isWritten() || !e.loop.hasEnded() {
		if e.next == e.ready {
			e.next, e.ready = 0, e.poll()
		}
		if e.ready == 0 && !e.isBusy() {
			e.ready = e.wait()
		}
		e.now = instant(e.loop.beginRound() / time.Millisecond)
		e.wheel.rest(e.now)
		e.decodeBacklog()
		e.handleEvents()
		if e.loop.hasWork() {
			e.beginPart()
			e.loop.runRound(e.pace)
			if e.batch.dirtySlots() > manySends && !e.isFull() && !e.isPartOver() {
				// Tasks that are about to be posted share writes with these: a write is what costs most.
				e.pass()
				e.loop.runTasks(e.pace)
			}
		}
		e.flush(sendsAtOnce)
		e.wheel.advance(e.now, alarmsAtOnce, e.alarm)
		e.reap()
		e.acceptor.resume(e)
		e.loop.endRound()
		if e.isBusy() {
			e.pass()
		}
	}
}

// beginPart begins a part of the round that ends when its time is up.
func (e *eventLoop) beginPart() { e.begun = e.loop.elapsed() }

func (e *eventLoop) isPartOver() bool { return e.loop.elapsed()-e.begun > partTime }

// handleEvents handles the events of the list, or goes on with them.
func (e *eventLoop) handleEvents() {
	e.beginPart()
	for e.next < e.ready {
		e.handle(&e.list[e.next])
		e.next++
		e.loop.reportEndings()
		if e.isPartOver() {
			return
		}
	}
}

// pass lets everybody else run who can, whom Go's own poller knows to be ready among them: the HTTP calls that have come
// in. (runtime.Gosched does not ask the poller.)
func (e *eventLoop) pass() {
	if e.hasUntil { // or the poller would not wait at all once that has passed
		_ = e.poller.SetReadDeadline(time.Time{})
		e.hasUntil = false
	}
	woken := false
	_ = e.raw.Read(func(uintptr) bool {
		if !woken {
			woken = true
			e.nudge()
			return false
		}
		return true
	})
}

// isBusy reports whether the owner has something to do without being woken.
func (e *eventLoop) isBusy() bool {
	return e.next < e.ready || len(e.inbounds.backlog) > 0 || !e.batch.isWritten() || e.loop.hasWork() || e.wheel.isDue() || len(e.ended) > 0
}

// isFull reports whether tasks must wait until what they have queued is written.
func (e *eventLoop) isFull() bool {
	return e.batch.isNearlyFull(e.loop.limits.bytes) && !e.batch.isWritten()
}

// poll asks the kernel what has happened, without waiting. A raw system call, because the scheduler need not know of one
// that never blocks.
func (e *eventLoop) poll() int {
	return epollNow(e.epoll, e.list[:])
}

// wait waits until something happens, is posted, or is to be looked at.
func (e *eventLoop) wait() (n int) {
	e.asleep.Store(true)
	defer e.asleep.Store(false)
	if e.loop.hasWork() || e.loop.hasEnded() {
		return 0
	}
	e.setDeadline()
	// An error is the deadline's.
	_ = e.raw.Read(func(uintptr) bool {
		n = e.poll()
		return n > 0
	})
	return n
}

// setDeadline has the wait end when the next alarm is due.
func (e *eventLoop) setDeadline() {
	until, ok := e.wheel.next()
	if at, paused := e.acceptor.resumes(); paused && (!ok || at.before(until)) {
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

// handle acts on one event.
func (e *eventLoop) handle(event *unix.EpollEvent) {
	switch event.Fd {
	case aboutWaker:
		return
	case aboutListener:
		e.accept()
		return
	}
	index := uint32(event.Fd)
	c := e.conns.at(index)
	if uint32(event.Pad) != e.loop.slots.generations[index] || c.state == stateFree {
		return // of a socket that has been closed since the kernel was asked
	}
	if event.Events&unix.EPOLLOUT != 0 && c.state != stateEnded {
		e.drain(index)
	}
	switch {
	case event.Events&^unix.EPOLLOUT == 0, c.state == stateEnded:
	case c.state == stateWaiting:
		e.leaveQueue(index)
	default:
		e.read(index)
	}
}

// closeAll ends everything that is still open. The loop is stopped.
func (e *eventLoop) closeAll() {
	e.stopListening()
	for page := range e.conns.pages {
		for i := range e.conns.pages[page] {
			if e.conns.pages[page][i].state != stateFree {
				e.drop(uint32(page*epollPage+i), scenecast.Ending{Cause: scenecast.CauseStopped})
			}
		}
	}
	for len(e.ended) > 0 || e.loop.hasWork() {
		e.reap()
		e.loop.runRound(pace{}) // Done of frames that are lost, among others
	}
	e.waking.Lock()
	closeFD(int32(e.waker))
	e.waker = -1
	e.waking.Unlock()
	_ = e.poller.Close()
}
