package socket

import (
	"golang.org/x/sys/unix"

	"scenecast"
	"scenecast/websocket"
)

// fail implements backend.
func (e *eventLoop) fail(index uint32, ending scenecast.Ending) {
	if e.close(index, ending) {
		e.loop.end(e.loop.slots.slotAt(index), ending)
	}
}

// close implements backend: it queues the close frame. The socket goes on being read, until the page has closed or its time is
// up: closing with bytes unread would make the kernel reset the connection, and the page might lose the close
// frame.
func (e *eventLoop) close(index uint32, ending scenecast.Ending) bool {
	c := e.conns.at(index)
	e.writePending(index, c)
	if c.state != stateOpen {
		return false
	}
	class := &e.loop.classes[c.class]
	c.state = stateClosing
	if class.traits.ListenOnly {
		c.state = stateFlushing // a page that only listens sends no answer
	}
	e.discardInbound(index, c)
	e.queueClose(index, class.closeFrame(ending))
	return true
}

// peerClosed acts on the page's close frame. The page gets its own code back (RFC 6455, 5.5.1), unless this is its answer.
func (e *eventLoop) peerClosed(index uint32, code scenecast.CloseCode, reason string) {
	c := e.conns.at(index)
	e.writePending(index, c)
	switch c.state {
	case stateOpen:
		e.loop.end(e.loop.slots.slotAt(index), scenecast.Ending{Cause: scenecast.CausePageClosed, Code: code, Detail: reason})
		c.state = stateFlushing
		e.queueClose(index, websocket.CloseFrame(code, ""))
	case stateClosing:
		c.state = stateFlushing
		e.finishClose(index)
	}
}

// queueClose writes a close frame behind everything else, whatever the limits are.
func (e *eventLoop) queueClose(index uint32, frame []byte) {
	c := e.conns.at(index)
	if c.outbox != 0 {
		e.loop.forceEnqueue(e.outboxes.at(c.outbox), newCloseFrame(frame))
	} else {
		e.writeOrWait(index, c, frame)
	}
	e.finishClose(index)
}

// finishClose does what follows a close frame: once it is written, the page has CloseWait, or the socket ends. Behind a
// violation the page's close frame cannot be told from what else it sends, and it waits for the end of the connection (RFC
// 6455, 7.1.1): so this end of it is closed at once, and its answer is that it closes the other.
func (e *eventLoop) finishClose(index uint32) {
	c := e.conns.at(index)
	switch {
	case c.state == stateEnded:
		return
	case c.outbox != 0:
		c.deadline = e.now.add(e.loop.options.WriteTimeout + e.loop.closeWait())
	case c.state == stateFlushing:
		_ = unix.Shutdown(int(c.fd), unix.SHUT_WR)
		e.drop(index, scenecast.Ending{})
		return
	default:
		if c.violated {
			_ = unix.Shutdown(int(c.fd), unix.SHUT_WR)
		}
		c.deadline = e.now.add(e.loop.closeWait())
	}
	e.setAlarm(index)
}
