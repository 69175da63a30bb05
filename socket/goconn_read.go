package socket

import (
	"errors"
	"io"
	"math"
	"syscall"
	"time"

	"scenecast"
	"scenecast/websocket"
)

// readBuffer is small because pages send little: a heartbeat, an acknowledgement.
const readBuffer = 1 << 10

// read is the reader's goroutine. Once the socket is closing it goes on reading, for the page's close frame, until the page
// has closed or its time is up: closing with bytes unread would make the kernel reset the connection, and the page might
// lose the close frame.
func (c *goConn) read() {
	defer c.loop.removeGoroutine()
	defer c.loop.forget(c)
	defer c.net.Close()
	c.receive(c.early)
	c.early = nil
	buf := make([]byte, readBuffer)
	for {
		if c.setReadDeadline() {
			c.inbound.decoder.Discard()
			c.countInbound()
		}
		n, err := c.net.Read(buf)
		if n > 0 {
			c.keepalive.received(c.loop.now())
			c.receive(buf[:n])
		}
		if err != nil && (!isTimeout(err) || !c.checkKeepalive()) {
			c.end(c.endingOf(err))
			c.loop.countInbound(&c.inbound, c.slot, 0)
			return
		}
	}
}

// receive has the decoder read what the page sent; after a violation nothing that follows has a meaning.
func (c *goConn) receive(data []byte) {
	if c.violated || c.class.traits.ListenOnly {
		return
	}
	if _, err := c.inbound.feed(data, (*receiver)(c), math.MaxInt, c.loop.now()); err != nil {
		c.violated, c.inbound.decoder = true, websocket.Decoder{}
		c.fail(violation(err))
		c.mu.Lock()
		c.closeWrite = true // behind the close frame
		written := !c.writing
		c.mu.Unlock()
		if written {
			c.halfClose()
		}
	}
	c.countInbound()
}

// countInbound counts what the decoder holds.
func (c *goConn) countInbound() {
	if held := c.inbound.decoder.Held(); held != c.counted {
		c.counted = held
		c.loop.countInbound(&c.inbound, c.slot, held)
	}
}

// halfClose closes this end of the connection. Behind a violation the page's close frame cannot be told from what else it
// sends, and it waits for the end of the connection (RFC 6455, 7.1.1): its answer is that it closes the other end.
func (c *goConn) halfClose() {
	if half, ok := c.net.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// endingOf is the ending of a page whose connection gives this error, unless its ending is decided.
func (c *goConn) endingOf(err error) scenecast.Ending {
	switch {
	case c.class.traits.ListenOnly && errors.Is(err, io.EOF):
		return scenecast.Ending{Cause: scenecast.CausePageClosed}
	case c.loop.isStopped():
		return scenecast.Ending{Cause: scenecast.CauseStopped}
	case errors.Is(err, io.EOF):
		return scenecast.Ending{Cause: scenecast.CauseReset, Detail: detailNoCloseFrame}
	default:
		return scenecast.Ending{Cause: scenecast.CauseReset, Detail: reason(err)}
	}
}

// reason is why the kernel will not go on, in its words if they are known.
func reason(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}

// checkKeepalive acts on a read that timed out. False: the page has not answered the close frame.
func (c *goConn) checkKeepalive() bool {
	c.mu.Lock()
	phase, deadline := c.closing, c.deadline
	c.mu.Unlock()
	if phase != notClosing {
		if time.Now().Before(deadline) {
			return true // it was the deadline from before it was closing
		}
		if phase == awaitClose {
			c.loop.endings.count(scenecast.CauseCloseTimeout)
		}
		return false
	}
	if at, ok := c.inbound.deadline(c.loop.options.MessageTimeout); ok && !c.loop.now().before(at) {
		c.fail(messageTimeout(&c.loop.options))
		return true
	}
	switch c.keepalive.check(&c.policy, c.loop.now()) {
	case sendPing:
		c.pinged = c.progress()
		c.send(waiting{frame: &scenecast.Frame{Data: c.class.ping()}})
	case closeNoPong:
		if p := c.progress(); p.since(c.pinged) && (p.waiting || c.isWriting()) { // its pong may be behind what it is taking
			c.pinged = p
			c.keepalive.extendPong(c.loop.now())
			return true
		}
		c.fail(scenecast.EndingBy(scenecast.CauseNoPong, detailNoPong(&c.loop.options)))
	case closeIdle:
		c.fail(scenecast.EndingBy(scenecast.CauseIdle, detailIdle(c.class.idle.Allowed)))
	case nothingDue:
	}
	return true
}

// setReadDeadline sets when the reader looks up; once the socket is closing, that has its own deadline. It reports whether it is.
func (c *goConn) setReadDeadline() (isClosing bool) {
	var t time.Time
	at, ok := c.keepalive.next(&c.policy)
	if whole, incomplete := c.inbound.deadline(c.loop.options.MessageTimeout); incomplete && (!ok || whole.before(at)) {
		at, ok = whole, true
	}
	if ok {
		now := time.Now()
		t = now.Add(at.since(instant(now.Sub(c.loop.began) / time.Millisecond)))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing != notClosing {
		t = c.deadline
	}
	_ = c.net.SetReadDeadline(t)
	return c.closing != notClosing
}

// receiver is the socket as its decoder sees it, on the reader's goroutine.
type receiver goConn

// Message waits until the owner has handled the message, so a page that talks fast is slowed down by its own connection
// and cannot fill the owner's queue.
func (r *receiver) Message(m scenecast.Inbound) {
	c := (*goConn)(r)
	posted := c.loop.Post(func() {
		if c.loop.gos.has(c) && !c.isClosing() {
			c.loop.handler.Received(c.slot, m)
		}
		c.handled <- struct{}{}
	})
	if posted {
		<-c.handled
	}
}

func (r *receiver) Ping(payload []byte) {
	(*goConn)(r).send(waiting{frame: &scenecast.Frame{Data: websocket.PongFrame(payload)}})
}

func (r *receiver) Pong([]byte) {} // a sign of life, as every byte is: see keepalive

// PeerClosed answers with the page's own code (RFC 6455, 5.5.1).
func (r *receiver) PeerClosed(code scenecast.CloseCode, reason string) {
	c := (*goConn)(r)
	c.end(scenecast.Ending{Cause: scenecast.CausePageClosed, Code: code, Detail: reason})
	c.answerClose(code)
}
