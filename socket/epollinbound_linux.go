package socket

import (
	"bytes"
	"slices"

	"scenecast"
	"scenecast/websocket"
)

// inbounds are those of the sockets of which a message is incomplete, or bytes are not decoded.
type inbounds struct {
	all     []*epollInbound
	free    []uint32
	backlog []*epollInbound // those with bytes that are not decoded, in turn
}

type epollInbound struct {
	inbound
	index     uint32 // of its socket
	number    uint32 // 1 + its index in all
	inBacklog bool
	restSize  int  // of the buffer that rest is a part of
	removed   bool // its socket has ended; it leaves the backlog before it is used again
}

// at is the inbound with this number, which is 1 + its index.
func (i *inbounds) at(number uint32) *epollInbound { return i.all[number-1] }

func (i *inbounds) add(index uint32) *epollInbound {
	if n := len(i.free); n > 0 {
		in := i.at(i.free[n-1])
		i.free = i.free[:n-1]
		in.index = index
		return in
	}
	in := &epollInbound{index: index, number: uint32(len(i.all) + 1)}
	i.all = append(i.all, in)
	return in
}

func (i *inbounds) remove(in *epollInbound) {
	if in.inBacklog {
		*in = epollInbound{number: in.number, inBacklog: true, removed: true}
		return
	}
	*in = epollInbound{number: in.number}
	i.free = append(i.free, in.number)
}

// inboundOf is a socket's inbound; nil: it has none.
func (e *eventLoop) inboundOf(c *epollConn) *epollInbound {
	if c.inbound == 0 {
		return nil
	}
	return e.inbounds.at(c.inbound)
}

// dropInbound drops what has come from a socket and is not handled.
func (e *eventLoop) dropInbound(c *epollConn) {
	if in := e.inboundOf(c); in != nil {
		e.loop.countInbound(&in.inbound, scenecast.Slot{}, 0)
		e.inbounds.remove(in)
		c.inbound = 0
	}
}

// framesAtOnce is how many frames of a page are handled in a round, so that a page that sends many does not keep others waiting.
const framesAtOnce = 32

// feed has the decoder read what a page has sent. What the page keeps of it is a copy.
func (e *eventLoop) feed(index uint32, data []byte) {
	if rest, ok := e.decode(index, data); ok {
		rest = bytes.Clone(rest)
		e.keepInbound(index, rest, cap(rest))
	}
}

// decode handles as many frames as a round takes. One inbound serves all pages; only where something is incomplete, or more has
// come than was handled, the page has one of its own, which is to keep the rest. False: it keeps nothing.
func (e *eventLoop) decode(index uint32, data []byte) (rest []byte, ok bool) {
	c := e.conns.at(index)
	if len(data) == 0 || c.violated || c.state == stateEnded || e.loop.classes[c.class].traits.ListenOnly {
		return nil, false
	}
	own := e.inboundOf(c)
	in := &e.inbound
	if own != nil {
		in = &own.inbound
	} else {
		in.decoder = websocket.Decoder{MaxMessage: e.loop.options.MaxMessage, Deflate: c.deflate}
	}
	if c.state != stateOpen {
		in.decoder.Discard()
	}
	e.reader = epollReceiver{e, index}
	rest, err := in.feed(data, &e.reader, framesAtOnce, e.now)
	if err != nil {
		c.violated = true
		e.dropInbound(c)
		if c.state == stateClosing {
			e.finishClose(index)
		}
		e.fail(index, violation(err))
		return nil, false
	}
	if c.state != stateOpen {
		in.decoder.Discard()
	}
	if in.decoder.Idle() && len(rest) == 0 {
		e.dropInbound(c)
		return nil, false
	}
	if own == nil {
		own = e.inbounds.add(index)
		own.decoder, own.since = in.decoder, in.since
		c.inbound = own.number
	}
	return rest, true
}

// keepInbound has a page keep bytes that were not decoded, of a buffer of this size, and counts what it holds.
func (e *eventLoop) keepInbound(index uint32, rest []byte, size int) {
	in := e.inboundOf(e.conns.at(index))
	in.rest, in.restSize = rest, size
	if len(rest) == 0 {
		in.rest, in.restSize = nil, 0
	} else if !in.inBacklog {
		in.inBacklog = true
		e.inbounds.backlog = append(e.inbounds.backlog, in)
	}
	e.countInbound(index, in)
	e.setAlarm(index)
}

// countInbound counts what a page holds. One that is closing holds no message.
func (e *eventLoop) countInbound(index uint32, in *epollInbound) {
	held := in.restSize
	if e.conns.at(index).state == stateOpen {
		held += inboundOverhead + in.decoder.Held()
	}
	e.loop.countInbound(&in.inbound, e.loop.slots.slotAt(index), held)
}

// discardInbound drops what a page that is closing has sent of a message.
func (e *eventLoop) discardInbound(index uint32, c *epollConn) {
	if in := e.inboundOf(c); in != nil {
		in.decoder.Discard()
		e.countInbound(index, in)
	}
}

// decodeBacklog goes on with the pages that have sent more than was handled, each once, as long as the round has time.
func (e *eventLoop) decodeBacklog() {
	e.beginPart()
	b := &e.inbounds
	n := 0
	for most := len(b.backlog); n < most && (n == 0 || !e.isPartOver()); n++ {
		in := b.backlog[n]
		in.inBacklog = false
		if in.removed {
			b.remove(in)
			continue
		}
		size := in.restSize
		if rest, ok := e.decode(in.index, in.rest); ok {
			e.keepInbound(in.index, rest, size)
		}
		e.loop.reportEndings()
	}
	b.backlog = slices.Delete(b.backlog, 0, n)
}

// checkMessage closes a page whose message has been incomplete for too long.
func (e *eventLoop) checkMessage(index uint32) {
	c := e.conns.at(index)
	late := func() bool {
		in := e.inboundOf(c)
		if c.state != stateOpen || in == nil {
			return false
		}
		if len(in.rest) > 0 { // the loop is late
			in.since = e.now
		}
		at, ok := in.deadline(e.loop.options.MessageTimeout)
		return ok && !e.now.before(at)
	}
	if !late() {
		return
	}
	if e.read(index); late() { // as in checkKeepalive
		e.fail(index, messageTimeout(&e.loop.options))
	}
}
