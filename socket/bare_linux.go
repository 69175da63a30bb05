package socket

import (
	"net"
	"syscall"

	"scenecast"
	"scenecast/websocket"
)

// bare is a socket without goroutines. It has no pointers, so the collector has nothing to scan, however many there are.
type bare struct {
	pending  uint64 // the frames of this turn that it is to get
	fd       int32
	life     uint32          // counts the sockets that this place has had, so that a late event is known for one
	outbox   uint32          // 1 + its number among outboxes; 0: the kernel has taken everything
	decoder  uint32          // 1 + its number among decoders; 0: no message is incomplete
	class    uint32          // of an open one, or one that says goodbye
	lease    scenecast.Lease // see scenecast.Admission
	deadline instant         // in which it must have made its request, taken bytes, or answered a close frame
	vigil    vigil
	state    state
	deflate  bool
	deaf     bool // it has violated the protocol: what it still sends has no meaning
}

// state of a bare socket.
type state uint8

const (
	gone      state = iota // there is none in this place
	visiting               // its request has not come in whole. Left by a Handshake, or after HeadTimeout
	open                   // it is a page. Left by a close frame from either side, a violation, a full outbox, silence
	awaiting               // a close frame is queued or sent. Left by the page's close frame, or after CloseWait
	departing              // it is closed as soon as everything is written
)

// bares holds the sockets, by slot index, in pages that never move.
type bares struct{ pages []*[barePage]bare }

const barePage = 256

func (b *bares) at(index uint32) *bare { return &b.pages[index/barePage][index%barePage] }

func (b *bares) grow(index uint32) {
	for int(index/barePage) >= len(b.pages) {
		b.pages = append(b.pages, new([barePage]bare))
	}
}

// make begins a socket in a new slot. False: the loop is stopping, and the descriptor is the caller's to close.
func (e *events) make(fd int32, s state) (uint32, bool) {
	if !e.loop.countBare(1) {
		return 0, false
	}
	index := e.loop.newSlot().Index
	e.bares.grow(index)
	b := e.bares.at(index)
	*b = bare{fd: fd, life: b.life, state: s}
	return index, true
}

// slot is the address by which the shard knows a socket.
func (e *events) slot(index uint32) scenecast.Slot {
	return scenecast.Slot{Index: index, Generation: e.loop.generations[index]}
}

// leave makes an open page's slot stale, and tells its shard unless that knows.
func (e *events) leave(index uint32, tell bool) {
	slot := e.slot(index)
	e.loop.generations[index]++
	if tell {
		e.loop.handler.Closed(slot, scenecast.Ending{})
	}
}

// lose ends a socket whose page has gone, or must go without a word.
func (e *events) lose(index uint32) {
	b := e.bares.at(index)
	if b.state == open {
		b.state = departing
		e.leave(index, true)
	}
	e.end(index)
}

// end closes a socket's descriptor and frees its place. Its shard knows nothing of it any more.
func (e *events) end(index uint32) {
	e.forget(index)
	closeFD(e.bares.at(index).fd)
	e.vacate(index)
}

// forget drops what waits for a socket, and what it has said.
func (e *events) forget(index uint32) {
	b := e.bares.at(index)
	e.abandon(index, b)
	if b.outbox != 0 {
		e.dropOutbox(b)
	}
	if b.decoder != 0 {
		e.decoders.put(b.decoder)
		b.decoder = 0
	}
	delete(e.heads, index)
	e.wheel.clear(index)
	if e.corked == index+1 {
		e.corked = 0
	}
}

// vacate frees a socket's place.
func (e *events) vacate(index uint32) {
	b := e.bares.at(index)
	e.loop.release(b.lease)
	*b = bare{life: b.life + 1}
	e.loop.generations[index]++
	e.loop.free = append(e.loop.free, index)
	e.loop.countBare(-1)
}

// adopt implements bareSockets: a connection that is nothing but a descriptor, as one with TLS is not, needs no goroutine.
func (e *events) adopt(c net.Conn, early []byte, a scenecast.Admission) bool {
	plain, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	fd, err := duplicate(plain)
	if err != nil {
		return false
	}
	_ = c.Close() // the duplicate keeps the connection open
	index, ok := e.make(fd, open)
	if !ok {
		closeFD(fd)
		e.loop.release(a.Lease)
		return true
	}
	b := e.bares.at(index)
	b.class, b.lease = e.loop.classOf(a), a.Lease
	if !e.register(index) {
		e.end(index)
		return true
	}
	e.admit(index, a, nil, early)
	return true
}

// admit makes a page of a socket, which has its class and its lease already. Answer is what the page gets first.
func (e *events) admit(index uint32, a scenecast.Admission, answer, early []byte) {
	b := e.bares.at(index)
	rhythm := e.loop.rhythmOf(&e.loop.classes[b.class])
	b.state, b.deflate, b.vigil = open, a.Deflate, newVigil(&rhythm, e.now)
	life := b.life
	// The answer and what the protocol says first leave together.
	e.corked, e.cork = index+1, append(e.cork[:0], answer...)
	e.loop.handler.Opened(e.slot(index), a)
	e.uncork(index)
	if b.life == life {
		e.setAlarm(index)
		e.feed(index, early)
	}
}

// decoders are those of the sockets of which a message is incomplete.
type decoders struct {
	all  []websocket.Decoder
	free []uint32
}

// take puts a decoder's state away, and says where: 1 + its number.
func (d *decoders) take(state websocket.Decoder) uint32 {
	if n := len(d.free); n > 0 {
		number := d.free[n-1]
		d.free = d.free[:n-1]
		d.all[number-1] = state
		return number
	}
	d.all = append(d.all, state)
	return uint32(len(d.all))
}

func (d *decoders) put(number uint32) {
	d.all[number-1] = websocket.Decoder{}
	d.free = append(d.free, number)
}
