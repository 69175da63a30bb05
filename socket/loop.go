// Package socket owns the pages' sockets: it reads frames from them, keeps their outboxes, pings them, and closes them. It
// knows no label and no push.
//
// A Loop is one owner goroutine with the sockets that belong to it. They are of two kinds, one backend each:
//
//   - On Linux, a plain TCP connection has no goroutine (epollConn): the loop is an event loop, which asks the kernel (epoll)
//     what has happened on its sockets, and reads and writes itself. An idle page costs it one slot of 72 bytes.
//   - A connection with TLS, or on another system, has a goroutine that reads, and one that writes while there is something
//     to write (goConn). Both talk to the owner through its queue of tasks.
package socket

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"scenecast"
	"scenecast/histogram"
)

// Loop is an owner goroutine and its sockets. Make one with NewLoop, then Start it, then Attach sockets or have it Listen.
type Loop struct {
	options Options
	limits  limits
	began   time.Time
	epoll   eventBackend // nil: every socket has goroutines
	gos     *goConns
	wakeUp  func() // has the owner look at its queues; any goroutine may call it

	// The owner's goroutine only.
	handler Handler
	slots   slots
	classes []class
	running []func() // the tasks at hand
	ran     int      // of them

	mu         sync.Mutex
	tasks      []func()
	posted     time.Duration        // when the first of them was
	background []func() (more bool) // in turn
	open       map[*goConn]struct{} // every socket with a goroutine whose connection is open
	epollOpen  int                  // sockets without one
	working    int                  // goroutines of sockets
	stopping   bool                 // no further sockets
	stopped    bool                 // no further tasks
	emptied    bool                 // empty is closed

	empty      chan struct{} // closed when the loop is stopping and has no sockets
	goroutines sync.WaitGroup
	budget     outboxBudget
	inbound    inboundBudget
	endings    endings

	dropped, coalesced atomic.Int64 // frames
	outOfDescriptors   atomic.Int64 // connections
	loweredCloseWait   atomic.Int64 // by LowerCloseWait, in nanoseconds; 0: it was not called

	rounds *histogram.Histogram // how long they were
	waits  *histogram.Histogram // of the first of the tasks that are taken up together
	round  atomic.Int64         // when the one began that is under way, in nanoseconds of the loop's time; 0: none is
}

// eventBackend is the backend whose sockets have no goroutines. All but listen is called on the owner's goroutine; run is
// that goroutine.
type eventBackend interface {
	backend
	run()
	// adopt takes a connection over if it can do without goroutines.
	adopt(c net.Conn, early []byte, a scenecast.Admission) bool
	// listen accepts the connections of a listener. Any goroutine may call it.
	listen(l syscall.Conn, h Handshaker, perSecond int) error
	// setAcceptRate changes the rate of listen.
	setAcceptRate(perSecond int)
	// stopListening closes the listener, and the connections whose handshake is not complete.
	stopListening()
}

// NewLoop makes a loop that does not run yet: a shard needs its loop, and the loop its shard. An error says why the system
// does not give it what it needs.
func NewLoop(o Options) (*Loop, error) {
	o = o.withDefaults()
	l := &Loop{
		options: o,
		limits:  limits{bytes: o.OutboxBytes, frames: o.OutboxFrames},
		began:   time.Now(),
		open:    make(map[*goConn]struct{}),
		empty:   make(chan struct{}),
		endings: newEndings(),
		inbound: inboundBudget{limit: o.InboundTotal},
		rounds:  histogram.New(roundBounds),
		waits:   histogram.New(roundBounds),
	}
	l.gos = &goConns{loop: l}
	l.slots.backends[onGoroutines] = l.gos
	if !o.Portable {
		if err := l.newEventLoop(); err != nil {
			return nil, fmt.Errorf("event loop: %w", err)
		}
	}
	return l, nil
}

// Start starts the owner goroutine, which calls the handler. Call it once.
func (l *Loop) Start(handler Handler) {
	l.handler = handler
	if l.epoll != nil {
		l.goroutines.Go(l.epoll.run)
		return
	}
	wake := make(chan struct{}, 1) // holds one token while there may be work
	l.mu.Lock()
	l.wakeUp = func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	l.mu.Unlock()
	l.goroutines.Go(func() {
		for range wake {
			for l.hasWork() {
				l.beginRound()
				l.runRound(pace{})
				l.endRound()
			}
			if l.hasEnded() {
				return
			}
		}
	})
}

// elapsed is the loop's time, and now the same as an instant.
func (l *Loop) elapsed() time.Duration { return time.Since(l.began) }
func (l *Loop) now() instant           { return instant(l.elapsed() / time.Millisecond) }

// Attach gives the loop a connection whose handshake is done, and the bytes that were read behind it. Any goroutine may
// call it. The loop closes the connection, at once if it is stopping.
func (l *Loop) Attach(c net.Conn, early []byte, a scenecast.Admission) {
	if !l.Post(func() {
		switch {
		case !l.options.Descriptors.Admits(c):
			l.outOfDescriptors.Add(1)
			l.release(a.Lease)
			l.refuse(newGoConn(l, c, early, newClass(a), scenecast.Admission{}), outOfDescriptors)
		case l.epoll == nil || !l.epoll.adopt(c, early, a):
			l.gos.open(newGoConn(l, c, early, newClass(a), a), a)
		}
	}) {
		_ = c.Close()
		l.release(a.Lease)
	}
}

// outOfDescriptors is what a page is told whose descriptor is one of the reserve.
var outOfDescriptors = scenecast.Ending{Cause: scenecast.CauseRefused, Code: scenecast.CloseTooMany, Detail: "the server is out of file descriptors"}

// Refuse is Attach for a page that cannot stay: it gets a close frame, and the handler never hears of it. So a browser can
// read why, which it cannot from a refused handshake.
func (l *Loop) Refuse(c net.Conn, early []byte, e scenecast.Ending) {
	if !l.Post(func() { l.refuse(newGoConn(l, c, early, class{}, scenecast.Admission{}), e) }) {
		_ = c.Close()
	}
}

// refuse sends a close frame to a page that the handler does not know.
func (l *Loop) refuse(c *goConn, e scenecast.Ending) {
	if l.keep(c) {
		l.endings.count(refusal(e))
		c.close(e)
		go c.read()
	}
}

// refusal is the cause under which a refused page is counted.
func refusal(e scenecast.Ending) scenecast.Cause {
	if e.Cause == scenecast.CauseUnknown {
		return scenecast.CauseRefused
	}
	return e.Cause
}

// CanListen reports whether the loop can accept connections by itself: one that has sockets without goroutines can.
func (l *Loop) CanListen() bool { return l.epoll != nil }

// Listen accepts the connections of a listener of TCP or of Unix sockets, on this loop, until Shutdown or StopListening. At most perSecond of them (0: any
// number), and as many more as the last second has saved, become pages; the others wait, connected. Connections that are no
// pages do not count. Only a loop that CanListen can. The listener stays the caller's to close.
func (l *Loop) Listen(listener syscall.Conn, h Handshaker, perSecond int) error {
	return l.epoll.listen(listener, h, perSecond)
}

// SetAcceptRate puts another rate of pages in force than the one given to Listen. Pages that wait already keep their turns. Any
// goroutine may call it.
func (l *Loop) SetAcceptRate(perSecond int) {
	if l.epoll != nil {
		l.Post(func() { l.epoll.setAcceptRate(perSecond) })
	}
}

// StopListening closes the loop's listening socket, and the connections whose handshake is not complete. Pages stay.
func (l *Loop) StopListening() {
	if l.epoll != nil {
		l.Post(l.epoll.stopListening)
	}
}

// release gives a page's lease back, if it has one.
func (l *Loop) release(lease scenecast.Lease) {
	if lease != 0 {
		l.options.Release(lease)
	}
}

// OutOfDescriptors is how many connections were closed, or refused as pages, because the process had no file descriptors left.
// Any goroutine may call it.
func (l *Loop) OutOfDescriptors() int64 { return l.outOfDescriptors.Load() }
