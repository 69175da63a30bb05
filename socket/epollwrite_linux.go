package socket

import (
	"bytes"
	"math/bits"

	"scenecast"
)

// sendShared implements backend. As long as the kernel takes everything, a frame is a bit in the socket's mask until the end
// of the round.
func (e *eventLoop) sendShared(index uint32, f *scenecast.Frame) bool {
	c := e.conns.at(index)
	if e.corked == index+1 {
		e.uncork(index)
	}
	if c.state != stateOpen {
		return false
	}
	if c.outbox != 0 {
		return e.queue(index, waiting{frame: f, deflated: c.deflate})
	}
	if len(f.Data) > e.loop.limits.bytes {
		return e.refuse(index, waiting{frame: f, deflated: c.deflate})
	}
	bit, ok := e.batch.mark(c.pending, f, e.loop.limits)
	if !ok {
		e.flush(len(e.batch.dirty))
		return e.sendShared(index, f) // an empty batch has room
	}
	if c.pending == 0 {
		e.batch.dirty = append(e.batch.dirty, index)
	}
	c.pending |= bit
	return true
}

// send implements backend: it writes at once, behind what is pending.
func (e *eventLoop) send(index uint32, frame []byte) bool {
	c := e.conns.at(index)
	if e.corked == index+1 && c.state == stateOpen {
		e.cork = append(e.cork, frame...)
		return true
	}
	e.writePending(index, c)
	if c.state != stateOpen {
		return false
	}
	if c.outbox != 0 {
		return e.queue(index, waiting{frame: &scenecast.Frame{Data: frame}})
	}
	if len(frame) > e.loop.limits.bytes {
		return e.refuse(index, waiting{frame: &scenecast.Frame{Data: frame}})
	}
	e.writeOrWait(index, c, frame)
	return true
}

// onWritten implements backend.
func (e *eventLoop) onWritten(index uint32, task func()) {
	c := e.conns.at(index)
	e.writePending(index, c)
	switch {
	case c.state != stateOpen:
	case c.outbox == 0:
		e.loop.Post(task)
	default:
		o := e.outboxes.at(c.outbox)
		o.onWritten = append(o.onWritten, task)
	}
}

// refuse drops a frame that would have no room in an empty outbox, and returns false, as queue does.
func (e *eventLoop) refuse(index uint32, w waiting) bool {
	c := e.conns.at(index)
	e.writePending(index, c)
	switch {
	case c.state != stateOpen:
	case c.outbox != 0:
		return e.queue(index, w)
	case e.loop.options.SlowConsumer == ClosePage:
		e.loop.dropped.Add(1)
		e.fail(index, slowConsumer(scenecast.CauseOutboxFull))
	default:
		e.loop.dropped.Add(1)
		if gap := e.loop.classes[c.class].gap(1); gap != nil {
			e.writeOrWait(index, c, gap)
		}
	}
	return false
}

// uncork writes the first bytes of a socket.
func (e *eventLoop) uncork(index uint32) {
	if e.corked == index+1 {
		e.corked = 0
		if c := e.conns.at(index); c.state != stateEnded {
			e.writeOrWait(index, c, e.cork)
		}
	}
}

// writeOrWait writes bytes of which the caller may change his copy; what the kernel does not take waits.
func (e *eventLoop) writeOrWait(index uint32, c *epollConn, frame []byte) {
	n, errno := sendNow(c.fd, frame)
	if n == len(frame) {
		return
	}
	if errno != 0 && !isTemporary(errno) {
		e.drop(index, scenecast.Ending{Cause: scenecast.CauseReset, Detail: errno.Error()})
		return
	}
	o := e.openOutbox(index, c)
	e.loop.forceEnqueue(o, waiting{frame: &scenecast.Frame{Data: bytes.Clone(frame)}})
	o.sent = n
}

// flush writes to at most n of the sockets that have something pending.
func (e *eventLoop) flush(n int) {
	b := &e.batch
	for ; n > 0 && b.next < len(b.dirty); b.next++ {
		index := b.dirty[b.next]
		if c := e.conns.at(index); c.pending != 0 && c.state == stateOpen {
			e.write(index, c)
			n--
		}
	}
	if b.isWritten() && b.used > 0 {
		b.end()
	}
}

// writePending writes what was given to an open socket before.
func (e *eventLoop) writePending(index uint32, c *epollConn) {
	e.uncork(index)
	if c.pending != 0 && c.state == stateOpen {
		e.write(index, c)
	}
}

// write gives the kernel everything that is pending for a socket, in one piece.
func (e *eventLoop) write(index uint32, c *epollConn) {
	mask := c.pending
	buffer := e.batch.buffer(mask, c.deflate)
	n, errno := sendNow(c.fd, buffer)
	if errno != 0 && !isTemporary(errno) {
		e.dropPending(index, c)
		e.drop(index, scenecast.Ending{Cause: scenecast.CauseReset, Detail: errno.Error()})
		return
	}
	c.pending = 0
	if n == len(buffer) {
		e.reportDone(index, mask, true)
		return
	}
	// The frames wait one by one, so that they can be dropped or coalesced; none of them is copied.
	o := e.openOutbox(index, c)
	for ; mask != 0; mask &= mask - 1 {
		w := waiting{frame: e.batch.frames[bits.TrailingZeros64(mask)], deflated: c.deflate}
		switch {
		case n >= w.size():
			n -= w.size()
			e.reportDone(index, mask&-mask, true)
		case n > 0: // the page has a part of it and must get the rest
			e.loop.forceEnqueue(o, w)
			o.sent, n = n, 0
		case c.state != stateOpen: // it was too slow for the one before
			e.loop.dropped.Add(1)
			e.reportDone(index, mask&-mask, false)
		case !e.queue(index, w):
			e.reportDone(index, mask&-mask, false)
		}
	}
}

// reportDone calls Done of the frames in a mask.
func (e *eventLoop) reportDone(index uint32, mask uint64, written bool) {
	for mask &= e.batch.withDone; mask != 0; mask &= mask - 1 {
		e.batch.frames[bits.TrailingZeros64(mask)].Done(index, written)
	}
}

// dropPending drops what is pending for a socket.
func (e *eventLoop) dropPending(index uint32, c *epollConn) {
	e.loop.dropped.Add(int64(bits.OnesCount64(c.pending)))
	e.reportDone(index, c.pending, false)
	c.pending = 0
}
