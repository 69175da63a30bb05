// Package socket owns the pages' sockets: it reads frames from them, keeps their outboxes, and notices when they fall
// silent. It knows no label and no push.
//
// A Loop is one owner goroutine with the sockets that belong to it. This is the portable kind: every socket has a goroutine
// that reads, and one that writes while there is something to write, and both talk to the owner through its queue of tasks.
// It serves TLS and every system that Go runs on.
package socket

import (
	"context"
	"net"
	"sync"
	"time"

	"scenecast"
)

var _ scenecast.Loop = (*Loop)(nil)

// Options are what all sockets of a loop have in common.
type Options struct {
	MaxMessage   int           // bytes of a page's message. Defaults to 64 KiB.
	PingEvery    time.Duration // a page silent for this long (less up to a fifth, by chance) is pinged. Defaults to 25 s; negative: never.
	PongWait     time.Duration // a pinged page silent for this long is gone. Defaults to 10 s.
	OutboxBytes  int           // bytes that may wait for a page. Defaults to 1 MiB.
	OutboxFrames int           // frames that may wait for a page. Defaults to 1,024.
	WriteTimeout time.Duration // how long the kernel may refuse bytes before the page is gone. Defaults to 10 s.
	CloseWait    time.Duration // how long a page has to answer a close frame. Defaults to 5 s.
}

func (o Options) withDefaults() Options {
	defaultTo(&o.MaxMessage, 64<<10)
	defaultTo(&o.PingEvery, 25*time.Second)
	defaultTo(&o.PongWait, 10*time.Second)
	defaultTo(&o.OutboxBytes, 1<<20)
	defaultTo(&o.OutboxFrames, 1024)
	defaultTo(&o.WriteTimeout, 10*time.Second)
	defaultTo(&o.CloseWait, 5*time.Second)
	return o
}

func defaultTo[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Loop is an owner goroutine and its sockets. Make one with NewLoop, then Start it, then Attach sockets.
type Loop struct {
	options Options

	// The owner's goroutine only.
	shard       scenecast.Shard
	sockets     []*socket // by slot index; nil where free
	generations []uint32  // by slot index
	free        []uint32  // slot indexes that can be used again

	mu       sync.Mutex
	tasks    []func()
	open     map[*socket]struct{} // every socket with a goroutine, attached or saying goodbye
	stopping bool                 // no further sockets
	stopped  bool                 // no further tasks
	emptied  bool                 // empty is closed

	empty      chan struct{} // closed when the loop is stopping and has no sockets
	wake       chan struct{} // holds one token while there may be tasks
	goroutines sync.WaitGroup
}

// NewLoop makes a loop that does not run yet: a shard needs its loop, and the loop its shard.
func NewLoop(o Options) *Loop {
	return &Loop{
		options: o.withDefaults(),
		open:    make(map[*socket]struct{}),
		empty:   make(chan struct{}),
		wake:    make(chan struct{}, 1),
	}
}

// Start starts the owner goroutine, which tells the shard of everything. Call it once.
func (l *Loop) Start(shard scenecast.Shard) {
	l.shard = shard
	l.goroutines.Go(l.run)
}

// run drains the queue until the loop is stopped and the queue empty: a task that Post took is a task that runs.
func (l *Loop) run() {
	var batch []func()
	for range l.wake {
		for {
			l.mu.Lock()
			batch, l.tasks = l.tasks, batch[:0]
			stopped := l.stopped
			l.mu.Unlock()
			if len(batch) == 0 {
				if stopped {
					return
				}
				break
			}
			for i, task := range batch {
				task()
				batch[i] = nil
			}
		}
	}
}

// Post implements scenecast.Loop.
func (l *Loop) Post(task func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return false
	}
	l.tasks = append(l.tasks, task)
	l.wakeUp()
	return true
}

func (l *Loop) wakeUp() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Attach gives the loop a connection whose handshake is done, and the bytes that were read behind it. Any goroutine may
// call it. The loop closes the connection, at once if it is stopping.
func (l *Loop) Attach(c net.Conn, early []byte, a scenecast.Admission) {
	s := newSocket(l, c, early, a.Silence)
	l.take(s, func() { l.attach(s, a) })
}

// Refuse is Attach for a page that cannot stay: it gets a close frame, and the shard never hears of it. So a browser can
// read why, which it cannot from a refused handshake.
func (l *Loop) Refuse(c net.Conn, early []byte, code scenecast.CloseCode, reason string) {
	s := newSocket(l, c, early, scenecast.Silence{})
	l.take(s, func() {
		s.sayGoodbye(code, reason)
		go s.read()
	})
}

// take counts the socket among the open ones, and its reader among the goroutines, and has the owner begin; in one step,
// so that Shutdown either waits for the socket or has it closed here.
func (l *Loop) take(s *socket, begin func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopping {
		_ = s.conn.Close()
		return
	}
	l.open[s] = struct{}{}
	l.goroutines.Add(1)
	l.tasks = append(l.tasks, begin)
	l.wakeUp()
}

func (l *Loop) attach(s *socket, a scenecast.Admission) {
	if n := len(l.free); n > 0 {
		s.slot.Index = l.free[n-1]
		l.free = l.free[:n-1]
	} else {
		s.slot.Index = uint32(len(l.sockets))
		l.sockets = append(l.sockets, nil)
		l.generations = append(l.generations, 0)
	}
	s.slot.Generation = l.generations[s.slot.Index]
	l.sockets[s.slot.Index] = s
	l.shard.Opened(s.slot, a)
	go s.read()
}

// at is the socket in a slot; nil if the slot is stale.
func (l *Loop) at(slot scenecast.Slot) *socket {
	if int(slot.Index) >= len(l.sockets) || l.generations[slot.Index] != slot.Generation {
		return nil
	}
	return l.sockets[slot.Index]
}

// detach frees a socket's slot. It reports whether the socket was in it.
func (l *Loop) detach(s *socket) bool {
	if l.at(s.slot) != s {
		return false
	}
	l.sockets[s.slot.Index] = nil
	l.generations[s.slot.Index]++
	l.free = append(l.free, s.slot.Index)
	return true
}

// Send implements scenecast.Loop. A socket whose outbox is full is closed with CloseSlowConsumer, and its slot is free.
func (l *Loop) Send(slot scenecast.Slot, frame []byte) bool {
	s := l.at(slot)
	if s == nil {
		return false
	}
	if s.send(frame) {
		return true
	}
	l.detach(s)
	return false
}

// CloseSocket implements scenecast.Loop. The slot is free when it returns.
func (l *Loop) CloseSocket(slot scenecast.Slot, code scenecast.CloseCode, reason string) {
	if s := l.at(slot); s != nil {
		l.detach(s)
		s.sayGoodbye(code, reason)
	}
}

// Shutdown takes no further sockets, waits until those that are saying goodbye are gone, and when ctx ends cuts what is
// still open. When it returns, all of the loop's goroutines have ended. Call it once.
func (l *Loop) Shutdown(ctx context.Context) {
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
	for s := range l.open {
		_ = s.conn.Close()
	}
	l.wakeUp()
	l.mu.Unlock()
	l.goroutines.Wait()
}

// forget drops a socket whose reader has ended.
func (l *Loop) forget(s *socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, s)
	l.noteEmpty()
}

// noteEmpty, with mu held, tells Shutdown when there is nothing left to wait for.
func (l *Loop) noteEmpty() {
	if l.stopping && len(l.open) == 0 && !l.emptied {
		l.emptied = true
		close(l.empty)
	}
}
