package socket

import (
	"time"

	"scenecast"
)

// IsWritten reports whether nothing is left of the round's batch. The owner's goroutine only, as are InUse and IsStalled.
func (l *Loop) IsWritten() bool {
	e, ok := l.epoll.(*eventLoop)
	return !ok || e.batch.isWritten()
}

// IsStalled reports whether bytes wait for so many pages.
func (l *Loop) IsStalled(pages int) bool {
	if l.epoll != nil {
		outboxes, _ := l.InUse()
		return outboxes == pages
	}
	n := 0
	for _, c := range l.gos.bySlot {
		if c != nil {
			c.mu.Lock()
			if len(c.inHand) > 0 {
				n++
			}
			c.mu.Unlock()
		}
	}
	return n == pages
}

// InUse is how many sockets without goroutines have an outbox, and how many an inbound.
func (l *Loop) InUse() (outboxes, inbounds int) {
	e := l.epoll.(*eventLoop)
	return len(e.outboxes.all) - len(e.outboxes.free), len(e.inbounds.all) - len(e.inbounds.free)
}

// EpollConns is how many sockets have no goroutines.
func (l *Loop) EpollConns() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epollOpen
}

// Advance has the loop's time go on. The owner's goroutine only, of a loop whose sockets have no goroutines; others read the time where they post.
func (l *Loop) Advance(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began = l.began.Add(-d)
}

// Waiting is how many connections wait until the rate allows them to join. The owner's goroutine only.
func (l *Loop) Waiting() (n int) {
	e := l.epoll.(*eventLoop)
	for index := range e.pending {
		if e.conns.at(index).state == stateWaiting {
			n++
		}
	}
	return n
}

// AlarmsAreDue reports whether sockets wait to be looked at. The owner's goroutine only.
func (l *Loop) AlarmsAreDue() bool { return l.epoll.(*eventLoop).wheel.isDue() }

// Acked is how many bytes the page's kernel has acknowledged. The owner's goroutine only.
func (l *Loop) Acked(s scenecast.Slot) uint32 {
	acked, _ := tcpAcked(l.epoll.(*eventLoop).conns.at(s.Index).fd)
	return acked
}
