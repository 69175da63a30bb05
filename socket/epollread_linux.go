package socket

import (
	"syscall"

	"golang.org/x/sys/unix"

	"scenecast"
	"scenecast/websocket"
)

// read takes what a socket has sent: once in a round, so that a page that talks fast does not keep the others waiting.
func (e *eventLoop) read(index uint32) {
	c := e.conns.at(index)
	n, errno := readNow(c.fd, e.buf)
	switch {
	case n > 0 && c.state == stateHandshaking:
		e.continueHandshake(index, e.buf[:n])
	case n > 0:
		c.keepalive.received(e.now)
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

// feed has the decoder read what a page has sent. One decoder serves all pages; only where something is incomplete does its
// state stay with the page.
func (e *eventLoop) feed(index uint32, data []byte) {
	c := e.conns.at(index)
	if len(data) == 0 || c.violated || c.state == stateEnded || e.loop.classes[c.class].traits.ListenOnly {
		return
	}
	decoder := &e.decoder
	if c.decoder != 0 {
		decoder = e.decoders.at(c.decoder)
	} else {
		*decoder = websocket.Decoder{MaxMessage: e.loop.options.MaxMessage, Deflate: c.deflate}
	}
	e.reader = epollReceiver{e, index}
	if err := decoder.Feed(data, &e.reader); err != nil {
		c.violated = true
		if c.state == stateClosing {
			e.finishClose(index)
		}
		e.fail(index, violation(err))
	}
	switch {
	case c.decoder != 0 && (decoder.Idle() || c.violated):
		e.decoders.remove(c.decoder)
		c.decoder = 0
	case c.decoder == 0 && !decoder.Idle() && !c.violated:
		c.decoder = e.decoders.add(*decoder)
	}
}

// epollReceiver is a page as its decoder sees it. What it says once it is closing has no meaning.
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
