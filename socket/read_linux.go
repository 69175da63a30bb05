package socket

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"

	"scenecast"
	"scenecast/websocket"
)

// read takes what a socket has sent: once in a round, so that a page that talks fast does not keep the others waiting.
func (e *events) read(index uint32) {
	b := e.bares.at(index)
	n, errno := readNow(b.fd, e.buf)
	switch {
	case n > 0:
		e.heard(index, e.buf[:n])
	case errno == unix.EAGAIN || errno == unix.EINTR:
	default: // it has closed, or the connection is broken
		e.lose(index)
	}
}

// heard is told what a socket has sent.
func (e *events) heard(index uint32, data []byte) {
	b := e.bares.at(index)
	if b.state == visiting {
		e.greet(index, data)
		return
	}
	b.vigil.listen(e.now)
	e.feed(index, data)
}

// feed has the decoder read what a page has sent. One decoder serves all pages; only where something is incomplete does its
// state stay with the page.
func (e *events) feed(index uint32, data []byte) {
	b := e.bares.at(index)
	if len(data) == 0 || b.deaf || e.loop.classes[b.class].traits.ListenOnly {
		return
	}
	decoder := &e.decoder
	if b.decoder != 0 {
		decoder = &e.decoders.all[b.decoder-1]
	} else {
		*decoder = websocket.Decoder{MaxMessage: e.loop.options.MaxMessage, Deflate: b.deflate}
	}
	e.from = receiving{e, index, b.life}
	err := decoder.Feed(data, &e.from)
	if e.from.isOver() {
		return
	}
	var violation *websocket.Error
	if errors.As(err, &violation) {
		b.deaf = true
		e.sendAway(index, violation.Code, violation.Reason)
		return
	}
	switch {
	case b.decoder != 0 && decoder.Idle():
		e.decoders.put(b.decoder)
		b.decoder = 0
	case b.decoder == 0 && !decoder.Idle():
		b.decoder = e.decoders.take(*decoder)
	}
}

// receiving is a socket as its decoder sees it.
type receiving struct {
	events *events
	index  uint32
	life   uint32
}

// isOver reports whether the socket has ended meanwhile.
func (r *receiving) isOver() bool { return r.events.bares.at(r.index).life != r.life }

// Message implements websocket.Receiver. A page that has said goodbye, or was told goodbye, says nothing any more.
func (r *receiving) Message(m scenecast.Inbound) {
	if !r.isOver() && r.events.bares.at(r.index).state == open {
		r.events.loop.handler.Received(r.events.slot(r.index), m)
	}
}

// Ping implements websocket.Receiver.
func (r *receiving) Ping(payload []byte) {
	if !r.isOver() && r.events.bares.at(r.index).state == open {
		r.events.send(r.index, websocket.PongFrame(payload))
	}
}

// Pong implements websocket.Receiver: a sign of life, as every byte is.
func (r *receiving) Pong([]byte) {}

// PeerClosed answers with the page's own code (RFC 6455, 5.5.1), or has had the answer to a goodbye.
func (r *receiving) PeerClosed(code scenecast.CloseCode, _ string) {
	if r.isOver() {
		return
	}
	e, b := r.events, r.events.bares.at(r.index)
	if b.state == open {
		e.leave(r.index, true)
		b.state = departing
		e.queueLast(r.index, websocket.CloseFrame(code, ""))
	} else {
		b.state = departing
	}
	e.finish(r.index)
}

// sendAway ends a page from the loop's side: its shard is told.
func (e *events) sendAway(index uint32, code scenecast.CloseCode, reason string) {
	if e.bares.at(index).state != open {
		return
	}
	e.leave(index, true)
	e.sayGoodbye(index, code, reason)
}

// goodbye implements bareSockets.
func (e *events) goodbye(index uint32, code scenecast.CloseCode, reason string) {
	if e.bares.at(index).state == open {
		e.leave(index, false)
		e.sayGoodbye(index, code, reason)
	}
}

// sayGoodbye queues the close frame of a page that its shard does not know any more. The socket goes on being read, until
// the page has closed or its time is up: closing with bytes unread would make the kernel reset the connection, and the page
// might lose the frame that tells it why.
func (e *events) sayGoodbye(index uint32, code scenecast.CloseCode, reason string) {
	b := e.bares.at(index)
	c := &e.loop.classes[b.class]
	b.state = awaiting
	if c.traits.ListenOnly {
		b.state = departing // a page that only listens has no answer
	}
	e.queueLast(index, c.goodbye(code, reason))
	e.finish(index)
}

// finish does what follows a close frame: once it is written, the page has CloseWait, or the socket ends.
func (e *events) finish(index uint32) {
	b := e.bares.at(index)
	switch {
	case b.outbox != 0:
		b.deadline = e.now.add(e.loop.options.WriteTimeout + e.loop.options.CloseWait)
	case b.state == departing:
		// Not here: whoever is on the stack may still look at it.
		_ = unix.Shutdown(int(b.fd), unix.SHUT_WR)
		e.broken = append(e.broken, ended{index, b.life})
		return
	default:
		b.deadline = e.now.add(e.loop.options.CloseWait)
	}
	e.setAlarm(index)
}

// setAlarm sets when to look at a socket, if nothing happens on it.
func (e *events) setAlarm(index uint32) {
	b := e.bares.at(index)
	var at instant
	var ok bool
	if b.state == open {
		r := e.loop.rhythmOf(&e.loop.classes[b.class])
		at, ok = b.vigil.next(&r)
	}
	if (b.state != open || b.outbox != 0) && (!ok || b.deadline.before(at)) {
		at, ok = b.deadline, true
	}
	if ok {
		e.wheel.set(index, at)
	} else {
		e.wheel.clear(index)
	}
}

// look is told that a socket's alarm has gone off. Signs of life do not move alarms: most of these find that all is well.
func (e *events) look(index uint32) {
	b := e.bares.at(index)
	late := !e.now.before(b.deadline)
	switch {
	case b.state == gone:
		return
	case b.state == visiting && late:
		e.dismiss(index)
		return
	case (b.state != open || b.outbox != 0) && late:
		e.lose(index) // it took no byte, or did not answer
		return
	case b.state == open:
		e.judge(index)
	}
	if b.state != gone {
		e.setAlarm(index)
	}
}

// judge does what is to be done about a page that may have been silent.
func (e *events) judge(index uint32) {
	b := e.bares.at(index)
	c := &e.loop.classes[b.class]
	r := e.loop.rhythmOf(c)
	verdict := b.vigil.look(&r, e.now)
	if verdict == giveUpNoPong || verdict == giveUpIdle {
		// A loop that had no time for its pages has not read what they said; and the kernel tells of 256 of them in a round.
		if e.read(index); b.state != open {
			return
		}
		verdict = b.vigil.look(&r, e.now)
	}
	switch verdict {
	case ping:
		e.send(index, c.ping())
	case giveUpNoPong:
		e.sendAway(index, scenecast.CloseIdle, reasonNoPong(&e.loop.options))
	case giveUpIdle:
		e.sendAway(index, scenecast.CloseIdle, reasonIdle(c.idle.Allowed))
	case nothing:
	}
}

// isTemporary reports whether the kernel will take bytes later.
func isTemporary(errno syscall.Errno) bool {
	return errno == unix.EAGAIN || errno == unix.ENOBUFS || errno == unix.ENOMEM || errno == unix.EINTR
}
