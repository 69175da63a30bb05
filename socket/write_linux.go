package socket

import (
	"math/bits"

	"scenecast"
)

// share implements bareSockets. As long as the kernel takes everything, a frame is a bit in the socket's mask until the end
// of the round.
func (e *events) share(index uint32, f *scenecast.Frame) bool {
	b := e.bares.at(index)
	if e.corked == index+1 {
		e.uncork(index)
	}
	if b.outbox != 0 {
		return e.queue(index, f)
	}
	if len(f.Data) > e.loop.limits.bytes {
		return e.refuse(index, f)
	}
	bit, ok := e.turn.mark(b.pending, f, e.loop.limits)
	if !ok {
		e.flush(len(e.turn.touched))
		if b.state != open { // what was to go before has cost the page its place
			return false
		}
		if b.outbox != 0 { // the kernel would not take what was to go before
			return e.queue(index, f)
		}
		bit, _ = e.turn.mark(b.pending, f, e.loop.limits)
	}
	if b.pending == 0 {
		e.turn.touched = append(e.turn.touched, index)
	}
	b.pending |= bit
	return true
}

// send implements bareSockets: it writes at once, behind what is pending.
func (e *events) send(index uint32, frame []byte) bool {
	b := e.bares.at(index)
	if e.corked == index+1 {
		e.cork = append(e.cork, frame...)
		return true
	}
	if b.pending != 0 {
		e.write(index, b)
	}
	if b.state != open {
		return false
	}
	if b.outbox != 0 {
		return e.queue(index, &scenecast.Frame{Data: frame})
	}
	if len(frame) > e.loop.limits.bytes {
		return e.refuse(index, &scenecast.Frame{Data: frame})
	}
	e.writeOrWait(index, b, frame)
	return true
}

// whenWritten implements bareSockets.
func (e *events) whenWritten(index uint32, task func()) {
	b := e.bares.at(index)
	e.uncork(index)
	if b.pending != 0 {
		e.write(index, b)
	}
	if b.outbox == 0 {
		e.loop.Post(task)
		return
	}
	o := e.outboxes.at(b.outbox)
	o.then = append(o.then, task)
}

// uncork writes the first bytes of a socket.
func (e *events) uncork(index uint32) {
	if e.corked == index+1 {
		e.corked = 0
		e.writeOrWait(index, e.bares.at(index), e.cork)
	}
}

// writeOrWait writes bytes of which the caller may change his copy; what the kernel does not take waits.
func (e *events) writeOrWait(index uint32, b *bare, frame []byte) {
	n, errno := sendNow(b.fd, frame)
	if n == len(frame) {
		return
	}
	if errno != 0 && !isTemporary(errno) {
		e.broken = append(e.broken, ended{index, b.life})
		return
	}
	o := e.openOutbox(index, b)
	data := append([]byte(nil), frame...)
	e.loop.insist(o, &scenecast.Frame{Data: data}, data)
	o.sent = n
}

// flush writes to at most n of the sockets that have something pending.
func (e *events) flush(n int) {
	t := &e.turn
	for ; n > 0 && t.next < len(t.touched); t.next++ {
		index := t.touched[t.next]
		if b := e.bares.at(index); b.pending != 0 {
			e.write(index, b)
			n--
		}
	}
	if t.isWritten() && t.used > 0 {
		t.end()
	}
}

// write gives the kernel everything that is pending for a socket, in one piece.
func (e *events) write(index uint32, b *bare) {
	mask := b.pending
	b.pending = 0
	buffer := e.turn.buffer(mask, b.deflate)
	n, errno := sendNow(b.fd, buffer)
	if n == len(buffer) {
		if settles := mask & e.turn.settles; settles != 0 {
			e.settle(index, settles, true)
		}
		return
	}
	if errno != 0 && !isTemporary(errno) {
		e.settle(index, mask&e.turn.settles, false)
		e.broken = append(e.broken, ended{index, b.life})
		return
	}
	// The frames wait one by one, so that they can be dropped or coalesced; none of them is copied.
	o := e.openOutbox(index, b)
	state := b.state
	for ; mask != 0; mask &= mask - 1 {
		f := e.turn.frames[bits.TrailingZeros64(mask)]
		data := variant(f, b.deflate)
		switch {
		case n >= len(data):
			n -= len(data)
			e.settle(index, mask&-mask&e.turn.settles, true)
		case n > 0: // the page has a part of it and must get the rest
			e.loop.insist(o, f, data)
			o.sent, n = n, 0
		case b.state != state: // it was too slow for the one before
			e.loop.dropped.Add(1)
			e.settle(index, mask&-mask&e.turn.settles, false)
		case !e.queue(index, f):
			e.settle(index, mask&-mask&e.turn.settles, false)
		}
	}
}

// settle tells of the frames in a mask that somebody wants to know of.
func (e *events) settle(index uint32, mask uint64, written bool) {
	for ; mask != 0; mask &= mask - 1 {
		e.turn.frames[bits.TrailingZeros64(mask)].Done(index, written)
	}
}

// abandon forgets what is pending for a socket.
func (e *events) abandon(index uint32, b *bare) {
	e.settle(index, b.pending&e.turn.settles, false)
	b.pending = 0
}

// queueLast writes a close frame behind everything else, whatever the limits are.
func (e *events) queueLast(index uint32, frame []byte) {
	b := e.bares.at(index)
	e.uncork(index)
	if b.pending != 0 {
		e.write(index, b)
	}
	if b.outbox != 0 {
		e.outboxes.at(b.outbox).push(waiting{frame: &scenecast.Frame{Data: frame}, data: frame})
		return
	}
	e.writeOrWait(index, b, frame)
}
