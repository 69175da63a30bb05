package socket

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"scenecast"
)

// pendingHandshake is a connection whose request has not come in whole, or that waits until it may become a page.
type pendingHandshake struct {
	from netip.AddrPort
	head []byte // what has come of it
}

// startHandshake begins with an accepted connection. The request is mostly there already.
func (e *eventLoop) startHandshake(fd int32, from netip.AddrPort) {
	index, ok := e.open(fd, stateHandshaking)
	if !ok {
		closeFD(fd)
		return
	}
	n, errno := readNow(fd, e.buf)
	switch {
	case n > 0:
		e.handshake(index, pendingHandshake{from: from}, e.buf[:n], false)
	case errno == unix.EAGAIN || errno == unix.EINTR:
		e.awaitHead(index, pendingHandshake{from: from}, false)
	default:
		e.drop(index, scenecast.Ending{})
	}
}

// continueHandshake adds what has come of a request since.
func (e *eventLoop) continueHandshake(index uint32, data []byte) {
	p := e.pending[index]
	p.head = append(p.head, data...)
	e.handshake(index, p, p.head, true)
}

// awaitHead waits for the rest of a request.
func (e *eventLoop) awaitHead(index uint32, p pendingHandshake, watched bool) {
	if !watched {
		if e.watch(unix.EPOLL_CTL_ADD, index, eventsIdle) != nil {
			e.drop(index, scenecast.Ending{})
			return
		}
		e.conns.at(index).deadline = e.now.add(e.loop.options.HeadTimeout)
		e.setAlarm(index)
	}
	e.pending[index] = p
}

// keep makes what has come, which may be in a buffer that is used again, the connection's own.
func (p *pendingHandshake) keep(head []byte) {
	if len(p.head) == 0 {
		p.head = append([]byte(nil), head...)
	}
}

// awaitToken has a connection wait until the rate of connections allows one more page. What it sends meanwhile is not read.
func (e *eventLoop) awaitToken(index uint32, p pendingHandshake, head []byte, watched bool) {
	c := e.conns.at(index)
	if !e.loop.options.Descriptors.admits(int(c.fd)) {
		e.refuseForDescriptors(index)
		return
	}
	op := unix.EPOLL_CTL_ADD
	if watched {
		op = unix.EPOLL_CTL_MOD
	}
	if e.watch(op, index, unix.EPOLLRDHUP) != nil {
		e.drop(index, scenecast.Ending{})
		return
	}
	p.keep(head)
	e.pending[index] = p
	c.state, c.deadline = stateWaiting, e.now.add(e.acceptor.wait+time.Millisecond)
	e.setAlarm(index)
}

// haveToken goes on with a connection that has waited for its token.
func (e *eventLoop) haveToken(index uint32) {
	if e.watch(unix.EPOLL_CTL_MOD, index, eventsIdle) != nil {
		e.drop(index, scenecast.Ending{})
		return
	}
	p := e.pending[index]
	e.handshake(index, p, p.head, true)
}

// leaveQueue ends a connection that waited for its token, which is for another one.
func (e *eventLoop) leaveQueue(index uint32) {
	e.acceptor.bucket.Return()
	e.drop(index, scenecast.Ending{})
}

// refuseForDescriptors ends a connection that would be a page, and whose descriptor is one of the reserve.
func (e *eventLoop) refuseForDescriptors(index uint32) {
	e.loop.outOfDescriptors.Add(1)
	_, _ = sendNow(e.conns.at(index).fd, e.acceptor.handshaker.OutOfDescriptors())
	e.drop(index, scenecast.Ending{})
}

// handshake has the handshaker decide about a connection of which this has come so far.
func (e *eventLoop) handshake(index uint32, p pendingHandshake, head []byte, watched bool) {
	e.acceptor.hasToken = e.conns.at(index).state == stateWaiting
	h := e.acceptor.handshaker.Handshake(head, p.from, e.acceptor.mayJoin)
	switch h.Action {
	case Wait:
		e.awaitToken(index, p, head, watched)
		return
	case NeedMore:
		p.keep(head)
		e.awaitHead(index, p, watched)
		return
	case Hijack:
		e.hijack(index, head, watched)
		return
	}
	c := e.conns.at(index)
	delete(e.pending, index)
	e.wheel.clear(index)
	c.class, c.lease = e.loop.classOf(h.Admission), h.Admission.Lease
	if !watched && e.watch(unix.EPOLL_CTL_ADD, index, eventsIdle) != nil {
		e.drop(index, scenecast.Ending{})
		return
	}
	early := head[h.Head:]
	switch {
	case h.Action == Reject:
		e.reject(index, h, early)
	case !e.loop.options.Descriptors.admits(int(c.fd)):
		e.refuseForDescriptors(index)
	default:
		e.admit(index, h.Admission, h.Response, early)
	}
}

// reject sends the response and a close frame together, and waits for the page's.
func (e *eventLoop) reject(index uint32, h Handshake, early []byte) {
	e.loop.endings.count(refusal(h.Ending))
	c := e.conns.at(index)
	c.state = stateClosing
	e.cork = append(append(e.cork[:0], h.Response...), e.loop.classes[c.class].closeFrame(h.Ending)...)
	e.writeOrWait(index, c, e.cork)
	e.finishClose(index)
	e.feed(index, early)
}

// timeOutHandshake ends a connection whose request has not come in time.
func (e *eventLoop) timeOutHandshake(index uint32) {
	if len(e.pending[index].head) > 0 {
		_, _ = sendNow(e.conns.at(index).fd, e.acceptor.handshaker.HeadTimeout())
	}
	e.drop(index, scenecast.Ending{})
}
