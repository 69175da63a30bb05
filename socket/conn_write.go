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

// share queues a frame and never waits. False: it was dropped, because the socket is saying goodbye, or the outbox was full;
// where that closes the page, its shard is told.
func (c *conn) share(f *scenecast.Frame) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.goodbye != notEnding {
		return false
	}
	l := c.loop.limits
	for _, w := range c.inHand {
		l.bytes -= len(w.data)
		l.frames--
	}
	if c.loop.enqueue(&c.outbox, waiting{frame: f, data: variant(f, c.deflate)}, l, &c.class) {
		c.write()
		return true
	}
	if c.loop.options.SlowConsumer == DropOldest {
		c.write() // the page is to know of the gap, even if nothing else waits
		return false
	}
	c.loop.giveUp(&c.outbox)
	c.endWith(scenecast.CloseSlowConsumer, reasonSlow)
	c.left()
	return false
}

// whenWritten posts a task when nothing waits.
func (c *conn) whenWritten(task func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.goodbye != notEnding: // it has ended, or is about to
	case c.writing:
		c.outbox.then = append(c.outbox.then, task)
	default:
		c.loop.Post(task)
	}
}

// sayGoodbye queues a close frame behind what waits. Only the first goodbye counts.
func (c *conn) sayGoodbye(code scenecast.CloseCode, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.goodbye == notEnding {
		c.endWith(code, reason)
	}
}

// endWith, with mu held, ends the connection from this side.
func (c *conn) endWith(code scenecast.CloseCode, reason string) {
	how := awaitPeer
	if c.class.traits.ListenOnly {
		how = closeNow // a page that only listens has no answer
	}
	c.end(how, c.class.goodbye(code, reason))
}

// answerGoodbye closes once everything is written, the answer to the page's close frame last.
func (c *conn) answerGoodbye(code scenecast.CloseCode) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.goodbye == notEnding {
		c.end(closeNow, websocket.CloseFrame(code, ""))
		return
	}
	c.goodbye = closeNow
	if !c.writing {
		c.finish()
	}
}

// end, with mu held, queues the close frame and wakes the reader in time.
func (c *conn) end(how ending, frame []byte) {
	c.goodbye = how
	c.deadline = time.Now().Add(c.loop.options.WriteTimeout + c.loop.options.CloseWait)
	_ = c.net.SetReadDeadline(c.deadline)
	c.outbox.push(waiting{frame: &scenecast.Frame{Data: frame}, data: frame})
	c.write()
}

// write, with mu held, sees to it that somebody writes.
func (c *conn) write() {
	if !c.writing {
		c.writing = true
		c.loop.goroutineBegins()
		go c.writeAll()
	}
}

// writeAll is the writer's goroutine; it runs only while there is something to write.
func (c *conn) writeAll() {
	defer c.loop.goroutineEnds()
	var buffers net.Buffers
	for c.takeInHand() {
		buffers = buffers[:0]
		for _, w := range c.inHand { // nobody else changes it while this goroutine runs
			buffers = append(buffers, w.data)
		}
		_ = c.net.SetWriteDeadline(time.Now().Add(c.loop.options.WriteTimeout))
		rest := buffers // WriteTo consumes its slice
		n, err := rest.WriteTo(c.net)
		c.settleHand(int(n))
		if err != nil {
			_ = c.net.Close() // the reader notices; writing stays true, so nobody else tries
			return
		}
	}
}

// takeInHand lets go of what was written and takes what is to be written next. False: there is nothing.
func (c *conn) takeInHand() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.inHand)
	c.inHand = c.inHand[:0]
	if c.outbox.owesGap() {
		c.outbox.tellGap(c.class.gap(c.outbox.dropped))
	}
	most := limits{min(handBytes, c.loop.limits.bytes/2), min(handFrames, max(1, c.loop.limits.frames/2))}
	for bytes := 0; c.outbox.len() > 0 && len(c.inHand) < most.frames && bytes < most.bytes; {
		w := c.outbox.pop()
		c.inHand = append(c.inHand, w)
		bytes += len(w.data)
	}
	if len(c.inHand) > 0 {
		return true
	}
	c.writing = false
	if c.goodbye == notEnding {
		c.loop.postAll(c.outbox.then)
	}
	c.outbox.then = nil
	c.finish()
	return false
}

// settleHand tells whoever wants to know what became of the frames in hand, of which the kernel has taken so many bytes.
func (c *conn) settleHand(taken int) {
	for _, w := range c.inHand {
		c.loop.held.release(w.frame)
		taken -= len(w.data)
		if settle, written := w.frame.Done, taken >= 0; settle != nil {
			c.loop.post(func() { settle(c.slot.Index, written) })
		}
	}
}

// finish, with mu held and everything written, does what is to follow the close frame.
func (c *conn) finish() {
	switch c.goodbye {
	case closeNow:
		_ = c.net.Close()
	case awaitPeer:
		c.deadline = time.Now().Add(c.loop.options.CloseWait)
		_ = c.net.SetReadDeadline(c.deadline)
	case notEnding:
	}
}

func (c *conn) isEnding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.goodbye != notEnding
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
