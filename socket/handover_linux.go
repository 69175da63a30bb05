package socket

import (
	"golang.org/x/sys/unix"

	"scenecast"
	"scenecast/handover"
	"scenecast/handover/value"
)

// Of a page, or a connection that is none yet.
var (
	fieldSlotIndex  = handover.Required(1)
	fieldGeneration = handover.Required(2)
	fieldDeflate    = handover.Required(3)
	fieldIdleEvery  = handover.Required(4)
	fieldIdle       = handover.Required(5)
	fieldHeard      = handover.Required(6)
	fieldPinged     = handover.Required(7)
	fieldIdleCheck  = handover.Required(8)
	fieldEarly      = handover.Required(9)
	fieldDeadline   = handover.Required(10)
	fieldFrame      = handover.Required(11)
	fieldSent       = handover.Required(12)
	fieldDropped    = handover.Required(13)
	fieldDecoder    = handover.Required(14)
	fieldRest       = handover.Required(15)
	fieldSince      = handover.Required(16)
	fieldMember     = handover.Required(17)
	fieldOpened     = handover.Optional(18)

	fieldNumber   = handover.Required(1)
	fieldData     = handover.Required(2)
	fieldCoalesce = handover.Required(3)
	fieldReceipts = handover.Required(4)
	fieldMissing  = handover.Required(5)
	fieldGap      = handover.Required(6)
	fieldDeflated = handover.Required(7)

	fieldGenerations = handover.Required(1)
)

// Exporter encodes what a handler knows of its slots. Its methods are called on the owner.
type Exporter interface {
	// ExportPage appends what the handler has of a slot. False: the page does not go to another process.
	ExportPage(s scenecast.Slot, e *handover.Encoder) bool
}

// export is what one page, or one visitor, is encoded with.
type export struct {
	loop    *eventLoop
	frames  map[*scenecast.Frame]uint64 // those that were encoded, by number: pages share them
	encoder handover.Encoder
}

// Export calls page with the record and the descriptor of each page, and visitor with those of each connection whose request has not come in
// whole, or that waits until it may become a page. The loop is frozen. Nothing is changed, and the descriptors stay the loop's. It ends with
// the first error of these.
func (h *Held) Export(x Exporter, page func(s scenecast.Slot, record []byte, fd int) error, visitor func(record []byte, fd int) error) (err error) {
	h.Do(func() { err = h.loop.export(x, page, visitor) })
	return err
}

func (e *eventLoop) export(x Exporter, page func(scenecast.Slot, []byte, int) error, visitor func([]byte, int) error) error {
	w := export{loop: e, frames: make(map[*scenecast.Frame]uint64)}
	for number := range e.conns.pages {
		for i := range e.conns.pages[number] {
			c := &e.conns.pages[number][i]
			index := uint32(number*epollPage + i)
			var err error
			switch c.state {
			case stateOpen:
				w.encoder.Reset()
				if e.loop.slots.kinds[index] == onEventLoop && w.page(index, c, x) {
					err = page(e.loop.slots.slotAt(index), w.encoder.Encoded(), int(c.fd))
				}
			case stateHandshaking, stateWaiting:
				w.encoder.Reset()
				w.visitor(index, c)
				err = visitor(w.encoder.Encoded(), int(c.fd))
			default: // it is ending, and ends here
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Generations appends how often each slot of the loop was used. The loop is held.
func (h *Held) Generations(e *handover.Encoder) {
	h.Do(func() {
		list := make([]uint64, len(h.loop.loop.slots.generations))
		for i, g := range h.loop.loop.slots.generations {
			list[i] = uint64(g)
		}
		e.Uints(fieldGenerations, list)
	})
}

// ListenerFD is the descriptor of the loop's listening socket, which stays the loop's; -1: it has none.
func (l *Loop) ListenerFD() int {
	e, ok := l.epoll.(*eventLoop)
	found := make(chan int, 1)
	if !ok || !l.Post(func() { found <- int(e.acceptor.fd) }) {
		return -1
	}
	return <-found
}

// page encodes a page. False: it does not go.
func (w *export) page(index uint32, c *epollConn, x Exporter) bool {
	l := w.loop
	goes := false
	slot := l.loop.slots.slotAt(index)
	e := &w.encoder
	e.Record(fieldMember, func(e *handover.Encoder) { goes = x.ExportPage(slot, e) })
	if !goes {
		return false
	}
	e.Uint(fieldSlotIndex, uint64(slot.Index))
	e.Uint(fieldGeneration, uint64(slot.Generation))
	e.Bool(fieldDeflate, c.deflate)
	e.Time(fieldOpened, l.opened(index))
	idle := l.loop.classes[c.class].idle
	e.Duration(fieldIdleEvery, idle.CheckEvery)
	e.Duration(fieldIdle, idle.Allowed)
	k := c.keepalive
	value.Age(e, fieldHeard, l.now.since(k.heard))
	if k.needsPong {
		value.Age(e, fieldPinged, l.now.since(k.pinged))
	}
	value.Age(e, fieldIdleCheck, k.idleCheck.since(l.now))
	e.Uint(fieldEarly, uint64(k.early))
	if c.outbox != 0 {
		value.Age(e, fieldDeadline, c.deadline.since(l.now))
		w.outbox(l.outboxes.at(c.outbox))
	}
	if in := l.inboundOf(c); in != nil {
		e.Record(fieldDecoder, in.decoder.Export)
		e.Bytes(fieldRest, in.rest)
		value.Age(e, fieldSince, l.now.since(in.since))
	}
	return true
}

// outbox encodes what waits for a page.
func (w *export) outbox(o *outbox) {
	e := &w.encoder
	e.Uint(fieldSent, uint64(o.sent))
	e.Uint(fieldDropped, uint64(o.dropped))
	for i, f := range o.frames[o.first:] {
		e.Record(fieldFrame, func(e *handover.Encoder) { w.frame(e, f, i == 0 && o.sent > 0) })
	}
}

// frame encodes a frame that waits. One that is half sent must go on with the very bytes that it has begun with; of others that wait for
// several pages only the first has them.
func (w *export) frame(e *handover.Encoder, f waiting, begun bool) {
	e.Uint(fieldMissing, uint64(f.missing))
	e.Bool(fieldGap, f.kind == gapNotice)
	if begun {
		e.Bytes(fieldData, f.data())
		e.Uints(fieldReceipts, f.frame.Receipts)
		return
	}
	e.Bool(fieldDeflated, f.deflated)
	number, known := w.frames[f.frame]
	if !known {
		number = uint64(len(w.frames) + 1)
		w.frames[f.frame] = number
	}
	e.Uint(fieldNumber, number)
	if !known {
		e.Bytes(fieldData, f.frame.Data)
		e.Text(fieldCoalesce, f.frame.Coalesce)
		e.Uints(fieldReceipts, f.frame.Receipts)
	}
}

// visitor encodes a connection that is no page yet.
func (w *export) visitor(index uint32, c *epollConn) {
	p := w.loop.pending[index]
	EncodeVisitor(&w.encoder, Visitor{Head: p.head, From: p.from, Timeout: c.deadline.since(w.loop.now), Waits: c.state == stateWaiting})
}

// Release drops these pages, the connections that are no pages yet, and the listening socket, all of which another process has: their
// descriptors are closed here, and the connections go on. The loop goes on with what is left when it is thawed.
func (h *Held) Release(pages []scenecast.Slot) {
	h.Do(func() { h.loop.release(pages) })
}

func (e *eventLoop) release(pages []scenecast.Slot) {
	var freed []uint32
	for _, slot := range pages {
		c := e.conns.at(slot.Index)
		if c.outbox != 0 {
			o := e.outboxes.at(c.outbox)
			for _, w := range o.frames[o.first:] {
				e.loop.budget.release(w.frame)
			}
			e.removeOutbox(c)
		}
		freed = append(freed, slot.Index)
	}
	for index := range e.pending {
		freed = append(freed, index)
	}
	for _, index := range freed {
		fd := e.conns.at(index).fd
		e.clear(index)
		// Or epoll would go on telling of the connection, which another process has open (epoll(7), Q6).
		_ = e.control(unix.EPOLL_CTL_DEL, fd, 0, 0, 0)
		closeFD(fd)
		e.removeConn(index)
		e.loop.slots.kinds[index] = staleSlot
		e.loop.slots.freeSlot(index)
	}
	e.stopAccepting()
}

// Share notes that another process may have descriptors of the loop's sockets, although it did not take the pages over.
func (h *Held) Share() { h.Do(func() { h.loop.shared = true }) }
