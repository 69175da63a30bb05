package socket

import (
	"errors"
	"net"
	"os"
	"time"

	"scenecast"
	"scenecast/websocket"
)

// What a writer takes in hand at a time, and never more than half of what may wait. What is still in the outbox can be
// dropped, or coalesced.
const (
	handBytes  = 64 << 10
	handFrames = 64
)

// send queues a frame and never waits. False: it was dropped, because the socket is closing, or the outbox was full.
func (c *goConn) send(w waiting) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing != notClosing || c.ended {
		return false
	}
	l := c.loop.limits
	for _, h := range c.inHand {
		l.bytes -= h.size()
		l.frames--
	}
	ok, full := c.loop.enqueue(&c.outbox, w, l, &c.class)
	if ok {
		c.write()
		return true
	}
	if c.loop.options.SlowConsumer == DropOldest {
		c.write() // the page is to know of the gap, even if nothing else waits
		return false
	}
	c.loop.giveUp(&c.outbox)
	e := slowConsumer(full)
	c.endLocked(e)
	c.closeLocked(e)
	return false
}

// onWritten posts a task when nothing waits.
func (c *goConn) onWritten(task func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closing != notClosing || c.ended:
	case c.writing:
		c.outbox.onWritten = append(c.outbox.onWritten, task)
	default:
		c.loop.Post(task)
	}
}

// end decides the page's ending, unless it is decided, and queues it for the handler.
func (c *goConn) end(e scenecast.Ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(e)
}

// endLocked is end with mu held.
func (c *goConn) endLocked(e scenecast.Ending) {
	if c.hasSlot && !c.ended {
		c.ended = true
		c.loop.end(c.slot, e)
	}
}

// fail ends the page from the server's side: its ending is queued for the handler, and the page gets a close frame.
func (c *goConn) fail(e scenecast.Ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(e)
	if c.closing == notClosing {
		c.closeLocked(e)
	}
}

// close queues a close frame behind what waits; the handler knows. False: the page has ended already.
func (c *goConn) close(e scenecast.Ending) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.closing != notClosing {
		return false
	}
	c.ended = true
	c.closeLocked(e)
	return true
}

// closeLocked, with mu held, queues the ending's close frame.
func (c *goConn) closeLocked(e scenecast.Ending) {
	next := awaitClose
	if c.class.traits.ListenOnly {
		next = closeAfter // a page that only listens sends no answer
	}
	c.queueClose(next, c.class.closeFrame(e))
}

// answerClose closes once everything is written, the answer to the page's close frame last.
func (c *goConn) answerClose(code scenecast.CloseCode) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing == notClosing {
		c.queueClose(closeAfter, websocket.CloseFrame(code, ""))
		return
	}
	c.closing = closeAfter
	if !c.writing {
		c.finishClose()
	}
}

// queueClose, with mu held, queues the close frame and wakes the reader in time.
func (c *goConn) queueClose(next closePhase, frame []byte) {
	c.closing = next
	c.deadline = time.Now().Add(c.loop.options.WriteTimeout + c.loop.closeWait())
	_ = c.net.SetReadDeadline(c.deadline)
	c.loop.forceEnqueue(&c.outbox, newCloseFrame(frame))
	c.write()
}

// write, with mu held, starts a writer unless one runs.
func (c *goConn) write() {
	if !c.writing {
		c.writing = true
		c.users++
		c.loop.addGoroutine()
		go c.writeAll()
	}
}

// writeAll is the writer's goroutine; it runs only while there is something to write.
func (c *goConn) writeAll() {
	defer c.loop.removeGoroutine()
	defer c.removeUser()
	c.startWatchdog()
	defer c.watchdog.Stop()
	var buffers net.Buffers
	for c.takeInHand() {
		buffers = buffers[:0]
		for _, w := range c.inHand { // nobody else changes it while this goroutine runs
			buffers = append(buffers, w.data())
		}
		n, err := c.writeBuffers(buffers)
		c.releaseHand(n)
		if err != nil {
			c.end(c.endingOf(err))
			_ = c.net.Close() // the reader notices; writing stays true, so no other writer starts
			return
		}
	}
	c.mu.Lock()
	closeWrite := c.closeWrite && !c.writing
	c.mu.Unlock()
	if closeWrite {
		c.halfClose()
	}
}

// takeInHand takes what is to be written next. False: there is nothing.
func (c *goConn) takeInHand() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.inHand)
	c.inHand = c.inHand[:0]
	if c.outbox.needsGapNotice() {
		c.outbox.pushGapNotice(c.class.gap(c.outbox.dropped))
	}
	most := limits{min(handBytes, c.loop.limits.bytes/2), min(handFrames, max(1, c.loop.limits.frames/2))}
	for bytes := 0; c.outbox.len() > 0 && len(c.inHand) < most.frames && bytes < most.bytes; {
		w := c.outbox.pop()
		c.inHand = append(c.inHand, w)
		bytes += w.size()
	}
	if len(c.inHand) > 0 {
		return true
	}
	c.writing = false
	if c.closing == notClosing {
		c.loop.postAll(c.outbox.onWritten)
	}
	c.outbox.onWritten = nil
	c.outbox.shrink()
	c.loop.countOutbox(&c.outbox)
	c.finishClose()
	return false
}

// releaseHand lets go of the frames in hand, of which the kernel has taken so many bytes; the others are lost.
func (c *goConn) releaseHand(taken int) {
	for _, w := range c.inHand {
		c.loop.budget.release(w.frame)
		taken -= w.size()
		written := taken >= 0
		if !written && w.counts() {
			c.loop.dropped.Add(1)
		}
		if done := w.frame.Done; done != nil {
			c.loop.post(func() { done(c.slot.Index, written) })
		}
	}
}

// clear lets go of what still waits when the connection is closed: it is lost.
func (c *goConn) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing = closeAfter // it takes no frame any more, even if the owner does not know yet that it has gone
	c.loop.giveUp(&c.outbox)
	c.outbox.shrink()
}

// removeUser frees the slot's index behind what the last goroutine has posted.
func (c *goConn) removeUser() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users--; c.users == 0 && c.hasSlot {
		c.loop.post(func() { c.loop.slots.freeSlot(c.slot.Index) })
	}
}

// finishClose, with mu held and everything written, does what is to follow the close frame.
func (c *goConn) finishClose() {
	switch c.closing {
	case closeAfter:
		_ = c.net.Close()
	case awaitClose:
		c.deadline = time.Now().Add(c.loop.closeWait())
		_ = c.net.SetReadDeadline(c.deadline)
	case notClosing:
	}
}

func (c *goConn) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing != notClosing
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
