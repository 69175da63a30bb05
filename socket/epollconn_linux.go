package socket

import (
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"scenecast"
)

// epollConn is a socket without goroutines. It has no pointers, so the collector has nothing to scan, however many there are.
type epollConn struct {
	pending   uint64 // the frames of this round's batch that it is to get
	fd        int32
	outbox    uint32 // 1 + its number among outboxes; 0: the kernel has taken everything
	inbound   uint32 // 1 + its number among inbounds; 0: no message is incomplete, and all bytes are decoded
	class     uint32 // of an open one, or one that is closing
	lease     scenecast.Lease
	acked     uint32  // bytes that the page's kernel had acknowledged when it was pinged
	deadline  instant // in which it must have made its request, taken bytes, or answered a close frame; of an open one that has no outbox, opened
	keepalive keepalive
	state     connState
	deflate   bool
	violated  bool // it has violated the protocol: what it still sends is not decoded
}

// A page that is open and has no outbox has no deadline. When it was opened stands in its place, and while it has an outbox there: so it
// costs an idle page nothing.

// opened is when the page was opened; zero: it is not known.
func (e *eventLoop) opened(index uint32) time.Time {
	c := e.conns.at(index)
	if c.outbox != 0 {
		return timeOf(e.outboxes.at(c.outbox).opened)
	}
	return timeOf(uint32(c.deadline))
}

// inspect implements backend.
func (e *eventLoop) inspect(index uint32) scenecast.SocketState {
	c := e.conns.at(index)
	state := scenecast.SocketState{Opened: e.opened(index), Peer: peerOf(c.fd)}
	if c.outbox != 0 {
		o := e.outboxes.at(c.outbox)
		state.OutboxBytes, state.OutboxFrames = o.bytes-o.sent, o.len()
	}
	return state
}

// peerOf is the address at the other end of a TCP connection.
func peerOf(fd int32) netip.Addr {
	switch peer, _ := unix.Getpeername(int(fd)); peer := peer.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(peer.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(peer.Addr).Unmap()
	}
	return netip.Addr{}
}

// connState is the state of an epollConn.
type connState uint8

const (
	stateFree        connState = iota // there is no socket at this index
	stateHandshaking                  // its request has not come in whole. Left by a Handshake, or after HeadTimeout
	stateWaiting                      // it is to become a page as soon as the rate of connections allows that
	stateOpen                         // it is a page. Left by a close frame from either side, or whatever else ends a page
	stateClosing                      // a close frame is queued or sent. Left by the page's close frame, or after CloseWait
	stateFlushing                     // it ends as soon as everything is written
	stateEnded                        // nothing is read or written any more; it is closed at the end of the round
)

// epollConns holds the sockets, by slot index, in pages that never move.
type epollConns struct{ pages []*[epollPage]epollConn }

const epollPage = 256

func (c *epollConns) at(index uint32) *epollConn { return &c.pages[index/epollPage][index%epollPage] }

func (c *epollConns) grow(index uint32) {
	for int(index/epollPage) >= len(c.pages) {
		c.pages = append(c.pages, new([epollPage]epollConn))
	}
}

// open makes a socket of a descriptor. False: the loop is stopping, and the descriptor is the caller's to close.
func (e *eventLoop) open(fd int32, s connState) (index uint32, ok bool) {
	if !e.loop.countEpoll(1) {
		return 0, false
	}
	index = e.loop.slots.newSlot().Index
	e.conns.grow(index)
	*e.conns.at(index) = epollConn{fd: fd, state: s}
	return index, true
}

// adopt implements eventBackend: a connection that is nothing but a descriptor, as one with TLS is not, needs no goroutine.
func (e *eventLoop) adopt(c net.Conn, early []byte, a scenecast.Admission) bool {
	plain, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	fd, err := duplicate(plain)
	if err != nil {
		return false
	}
	_ = c.Close() // the duplicate keeps the connection open
	index, ok := e.open(fd, stateHandshaking)
	if !ok {
		closeFD(fd)
		e.loop.release(a.Lease)
		return true
	}
	b := e.conns.at(index)
	b.class, b.lease = e.loop.classOf(a), a.Lease
	if e.watch(unix.EPOLL_CTL_ADD, index, eventsIdle) != nil {
		e.drop(index, scenecast.Ending{})
		return true
	}
	e.admit(index, a, nil, early)
	return true
}

// admit makes a page of a socket, which has its class and its lease already. Response is what the page gets first.
func (e *eventLoop) admit(index uint32, a scenecast.Admission, response, early []byte) {
	c := e.conns.at(index)
	policy := e.loop.keepalivePolicy(&e.loop.classes[c.class])
	c.state, c.deflate, c.keepalive = stateOpen, a.Deflate, newKeepalive(&policy, e.now)
	c.deadline = instant(secondsOf(time.Now()))
	e.loop.slots.kinds[index] = onEventLoop
	// The response and what the protocol sends first leave in one write.
	e.corked, e.cork = index+1, append(e.cork[:0], response...)
	e.loop.handler.Opened(e.loop.slots.slotAt(index), a)
	e.uncork(index)
	e.setAlarm(index)
	e.feed(index, early)
}

// detach implements backend. The index is free when the socket is closed.
func (e *eventLoop) detach(index uint32) { e.loop.slots.kinds[index] = staleSlot }

// lease implements backend.
func (e *eventLoop) lease(index uint32) scenecast.Lease { return e.conns.at(index).lease }

// drop ends a socket without a close frame, unless it has ended or is closed: its page has gone, or takes nothing. The ending is that of a
// page that was open.
func (e *eventLoop) drop(index uint32, ending scenecast.Ending) {
	c := e.conns.at(index)
	if c.state == stateEnded || c.state == stateFree {
		return
	}
	if c.state == stateOpen {
		e.loop.end(e.loop.slots.slotAt(index), ending)
	}
	c.state = stateEnded
	e.ended = append(e.ended, index)
}

// closesAtOnce is how many sockets are closed in a round: that takes the kernel some time.
const closesAtOnce = 200

// reap closes the sockets that have ended. Callers that were on the stack when they ended may have used them until now.
func (e *eventLoop) reap() {
	if len(e.ended) == 0 {
		return
	}
	e.loop.reportEndings() // before their indexes can be used again
	freed := slices.Clone(e.ended[:min(len(e.ended), closesAtOnce)])
	e.ended = slices.Delete(e.ended, 0, len(freed))
	for _, index := range freed {
		e.clear(index)
		e.closeSocket(e.conns.at(index).fd)
		e.removeConn(index)
	}
	e.loop.post(func() { // behind what was posted about their frames
		for _, index := range freed {
			e.loop.slots.freeSlot(index)
		}
	})
}

// closeSocket closes a descriptor. As long as another process may have it, too, closing it would neither end the connection nor have epoll
// forget it.
func (e *eventLoop) closeSocket(fd int32) {
	if e.shared {
		_ = e.control(unix.EPOLL_CTL_DEL, fd, 0, 0, 0)
		_ = unix.Shutdown(int(fd), unix.SHUT_RDWR)
	}
	closeFD(fd)
}

// clear drops what waits for a socket, and what is incomplete of it.
func (e *eventLoop) clear(index uint32) {
	c := e.conns.at(index)
	e.dropPending(index, c)
	if c.outbox != 0 {
		e.dropOutbox(c)
	}
	e.dropInbound(c)
	delete(e.pending, index)
	e.wheel.clear(index)
	if e.corked == index+1 {
		e.corked = 0
	}
}

// removeConn forgets a socket. Its index is still taken.
func (e *eventLoop) removeConn(index uint32) {
	c := e.conns.at(index)
	e.loop.release(c.lease)
	*c = epollConn{}
	e.loop.countEpoll(-1)
}
