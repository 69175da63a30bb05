package socket

import (
	"syscall"

	"golang.org/x/sys/unix"

	"scenecast"
	"scenecast/websocket"
)

// readAtOnce is how many bytes of a page are read in a round, and besides what is to come of a frame that has begun.
const readAtOnce = 4 << 10

// read takes what a socket has sent: once in a round, and not before what it sent before is handled, so that a page that sends
// much does not keep others waiting.
func (e *eventLoop) read(index uint32) {
	c := e.conns.at(index)
	size := readAtOnce
	if in := e.inboundOf(c); in != nil {
		if len(in.rest) > 0 {
			return
		}
		size = min(size+in.decoder.Missing(), len(e.buf))
	}
	n, errno := readNow(c.fd, e.buf[:size])
	switch {
	case n > 0 && c.state == stateHandshaking:
		e.continueHandshake(index, e.buf[:n])
	case n > 0:
		wasPinged := c.keepalive.needsPong
		c.keepalive.received(e.now)
		if wasPinged {
			e.setAlarm(index) // it is that of the pong, and the next ping may be due sooner
		}
		e.feed(index, e.buf[:n])
	case errno == unix.EAGAIN || errno == unix.EINTR:
	case errno != 0:
		e.drop(index, scenecast.Ending{Cause: scenecast.CauseReset, Detail: errno.Error()})
	case c.state != stateHandshaking && e.loop.classes[c.class].traits.ListenOnly:
		e.drop(index, scenecast.Ending{Cause: scenecast.CausePageClosed})
	default:
		e.drop(index, scenecast.Ending{Cause: scenecast.CauseReset, Detail: detailNoCloseFrame})
	}
}

// epollReceiver is a page as its decoder sees it. What it sends once it is closing is ignored.
type epollReceiver struct {
	loop  *eventLoop
	index uint32
}

// Message implements websocket.Receiver.
func (r *epollReceiver) Message(m scenecast.Inbound) {
	e := r.loop
	if e.conns.at(r.index).state == stateOpen {
		e.loop.handler.Received(e.loop.slots.slotAt(r.index), m)
	}
}

// Ping implements websocket.Receiver.
func (r *epollReceiver) Ping(payload []byte) { r.loop.send(r.index, websocket.PongFrame(payload)) }

// Pong implements websocket.Receiver: a sign of life, as every byte is.
func (r *epollReceiver) Pong([]byte) {}

// PeerClosed implements websocket.Receiver.
func (r *epollReceiver) PeerClosed(code scenecast.CloseCode, reason string) {
	r.loop.peerClosed(r.index, code, reason)
}

// isTemporary reports whether the kernel will take bytes later.
func isTemporary(errno syscall.Errno) bool {
	return errno == unix.EAGAIN || errno == unix.ENOBUFS || errno == unix.ENOMEM || errno == unix.EINTR
}
