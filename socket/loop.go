// Package socket owns the pages' sockets: it reads frames from them, keeps their outboxes, and notices when they fall
// silent. It knows no label and no push.
//
// A Loop is one owner goroutine with the sockets that belong to it. A socket is one of two kinds:
//
//   - On Linux, a plain TCP connection has no goroutine: the loop is an event loop, which asks the kernel (epoll) what has
//     happened on its sockets, and does everything itself. An idle page costs it one slot of 72 bytes (files *_linux.go).
//   - A connection with TLS, or on another system, has a goroutine that reads, and one that writes while there is something
//     to write. Both talk to the owner through its queue of tasks (files conn*.go).
package socket

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"scenecast"
)

// Loop is an owner goroutine and its sockets. Make one with NewLoop, then Start it, then Attach sockets or have it Listen.
type Loop struct {
	options Options
	limits  limits
	began   time.Time
	bare    bareSockets // those without goroutines; nil where the loop has none
	wakeUp  func()      // has the owner look at its tasks; any goroutine may call it

	// The owner's goroutine only.
	handler     Handler
	generations []uint32 // by slot index
	free        []uint32 // slot indexes that can be used again
	conns       []*conn  // by slot index: the sockets that have goroutines
	classes     []class
	batch       []func() // the tasks at hand
	done        int      // of them

	mu         sync.Mutex
	tasks      []func()
	background []func() (more bool) // in turn
	open       map[*conn]struct{}   // every socket with a goroutine, attached or saying goodbye
	bareOpen   int                  // sockets without one
	working    int                  // goroutines of sockets
	stopping   bool                 // no further sockets
	stopped    bool                 // no further tasks
	emptied    bool                 // empty is closed

	empty      chan struct{} // closed when the loop is stopping and has no sockets
	goroutines sync.WaitGroup
	held       held

	dropped, coalesced atomic.Int64 // frames
	turnedAway         atomic.Int64 // visitors, because descriptors had run out
}

// bareSockets are the sockets without goroutines. All is called on the owner's goroutine; run is that goroutine.
type bareSockets interface {
	run()
	// adopt takes a connection over if it can do without goroutines; opened is then told its slot, before anything else.
	adopt(c net.Conn, early []byte, a scenecast.Admission) bool
	share(slot uint32, f *scenecast.Frame) bool
	send(slot uint32, frame []byte) bool
	whenWritten(slot uint32, task func())
	goodbye(slot uint32, code scenecast.CloseCode, reason string)
	// listen lets the visitors of a port in. Any goroutine may call it.
	listen(l *net.TCPListener, handshaker Handshaker, perSecond int) error
	// stopListening closes the port and sends visitors away whose request has not come.
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
		open:    make(map[*conn]struct{}),
		empty:   make(chan struct{}),
	}
	if !o.Portable {
		if err := l.makeBare(); err != nil {
			return nil, fmt.Errorf("event loop: %w", err)
		}
	}
	return l, nil
}

// Start starts the owner goroutine, which tells the shard of everything. Call it once.
func (l *Loop) Start(handler Handler) {
	l.handler = handler
	if l.bare != nil {
		l.goroutines.Go(l.bare.run)
		return
	}
	wake := make(chan struct{}, 1) // holds one token while there may be tasks
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
			for l.hasTasks() {
				if l.takeTasks() {
					l.runTasks(nil)
				}
				l.runBackground(nil)
			}
			if l.hasEnded() {
				return
			}
		}
	})
}

// now is the loop's time.
func (l *Loop) now() instant { return instant(time.Since(l.began) / time.Millisecond) }

// Attach gives the loop a connection whose handshake is done, and the bytes that were read behind it. Any goroutine may
// call it. The loop closes the connection, at once if it is stopping.
func (l *Loop) Attach(c net.Conn, early []byte, a scenecast.Admission) {
	if !l.Post(func() {
		if l.bare == nil || !l.bare.adopt(c, early, a) {
			l.attach(newConn(l, c, early, newClass(a), a), a)
		}
	}) {
		_ = c.Close()
		l.release(a.Lease)
	}
}

// Refuse is Attach for a page that cannot stay: it gets a close frame, and the shard never hears of it. So a browser can
// read why, which it cannot from a refused handshake.
func (l *Loop) Refuse(c net.Conn, early []byte, e scenecast.Ending) {
	if !l.Post(func() {
		s := newConn(l, c, early, class{}, scenecast.Admission{})
		if l.keep(s) {
			s.sayGoodbye(e.Code, e.Detail)
			go s.read()
		}
	}) {
		_ = c.Close()
	}
}

// attach opens a slot for a socket with goroutines.
func (l *Loop) attach(c *conn, a scenecast.Admission) {
	if !l.keep(c) {
		return
	}
	c.slot = l.newSlot()
	if n := int(c.slot.Index) + 1 - len(l.conns); n > 0 {
		l.conns = append(l.conns, make([]*conn, n)...)
	}
	l.conns[c.slot.Index] = c
	c.outbox.slot = c.slot.Index
	l.handler.Opened(c.slot, a)
	go c.read()
}

// keep counts the socket among the open ones, and its reader among the goroutines. False: the loop is stopping, and the
// connection is closed.
func (l *Loop) keep(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopping {
		_ = c.net.Close()
		l.release(c.lease)
		return false
	}
	l.open[c] = struct{}{}
	l.countGoroutine()
	return true
}

// Shutdown takes no further sockets, waits until those that are saying goodbye are gone, and when ctx ends cuts what is
// still open. When it returns, all of the loop's goroutines have ended. Call it once.
func (l *Loop) Shutdown(ctx context.Context) {
	if l.bare != nil {
		l.Post(l.bare.stopListening)
	}
	l.mu.Lock()
	l.stopping = true
	l.noteEmpty()
	l.mu.Unlock()
	select {
	case <-l.empty:
	case <-ctx.Done():
	}
	l.mu.Lock()
	l.stopped = true
	for c := range l.open {
		_ = c.net.Close()
	}
	l.mu.Unlock()
	l.wakeUp()
	l.goroutines.Wait()
}

// CanListen reports whether the loop can let visitors in by itself: one that owns sockets without goroutines can.
func (l *Loop) CanListen() bool { return l.bare != nil }

// Listen lets visitors of a port in, on this loop, until Shutdown or StopListening; at most perSecond of them (0: any number).
// Whoever is not let in at once waits in the kernel's queue. Only a loop that CanListen can. The listener stays the caller's
// to close.
func (l *Loop) Listen(listener *net.TCPListener, handshaker Handshaker, perSecond int) error {
	return l.bare.listen(listener, handshaker, perSecond)
}

// StopListening closes the port. What has come in stays.
func (l *Loop) StopListening() {
	if l.bare != nil {
		l.Post(l.bare.stopListening)
	}
}

// release gives a page's lease back, if it has one.
func (l *Loop) release(lease scenecast.Lease) {
	if lease != 0 {
		l.options.Release(lease)
	}
}

// forget drops a socket whose reader has ended.
func (l *Loop) forget(c *conn) {
	l.release(c.lease)
	c.mu.Lock()
	c.goodbye = closeNow // it takes no frame any more, even if the owner does not know yet that it has gone
	c.outbox.clear()
	l.lose(&c.outbox)
	c.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
	l.noteEmpty()
}

// countBare notes that there is one socket without goroutines more or less. False: the loop is stopping and takes no more.
func (l *Loop) countBare(n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n > 0 && l.stopping {
		return false
	}
	l.bareOpen += n
	l.noteEmpty()
	return true
}

// noteEmpty, with mu held, tells Shutdown when there is nothing left to wait for.
func (l *Loop) noteEmpty() {
	if l.stopping && len(l.open)+l.bareOpen == 0 && !l.emptied {
		l.emptied = true
		close(l.empty)
	}
}

// TurnedAway is how many visitors were not let in because the process had no file descriptors left. Any goroutine
// may call it.
func (l *Loop) TurnedAway() int64 { return l.turnedAway.Load() }
