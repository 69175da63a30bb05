package socket

import (
	"golang.org/x/sys/unix"

	"scenecast"
)

// outboxes are those of the sockets that the kernel has refused bytes of. Frames wait in them by reference, so a frame that
// waits for many pages is there once.
type outboxes struct {
	all  []*outbox
	free []uint32
	held map[*scenecast.Frame]int // in how many outboxes each shared frame waits
	size int                      // bytes of held
}

func newOutboxes() outboxes { return outboxes{held: make(map[*scenecast.Frame]int)} }

// at is the outbox with this number, which is 1 + its index.
func (o *outboxes) at(number uint32) *outbox { return o.all[number-1] }

func (o *outboxes) hold(f *scenecast.Frame) {
	if o.held[f]++; o.held[f] == 1 {
		o.size += len(f.Data)
	}
}

func (o *outboxes) release(f *scenecast.Frame) {
	switch o.held[f] {
	case 0: // it is nobody else's, as a pong is
	case 1:
		delete(o.held, f)
		o.size -= len(f.Data)
	default:
		o.held[f]--
	}
}

// openOutbox gives a socket an outbox, and has the kernel tell when it takes bytes again.
func (e *events) openOutbox(index uint32, b *bare) *outbox {
	o := &e.outboxes
	if n := len(o.free); n > 0 {
		b.outbox = o.free[n-1]
		o.free = o.free[:n-1]
	} else {
		o.all = append(o.all, new(outbox))
		b.outbox = uint32(len(o.all))
	}
	if e.control(unix.EPOLL_CTL_MOD, b.fd, unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLOUT, int32(index), b.life) != nil {
		e.broken = append(e.broken, ended{index, b.life})
	}
	b.deadline = e.now.add(e.loop.options.WriteTimeout)
	e.setAlarm(index)
	return o.at(b.outbox)
}

// dropOutbox takes a socket's outbox away; what is in it is lost.
func (e *events) dropOutbox(b *bare) {
	o := e.outboxes.at(b.outbox)
	o.sent = 0 // the first frame is lost, too
	o.clear()
	e.lost(o, nil)
	*o = outbox{}
	e.outboxes.free = append(e.outboxes.free, b.outbox)
	b.outbox = 0
}

// lost counts what an outbox has lost.
func (e *events) lost(o *outbox, newer *scenecast.Frame) {
	for _, w := range o.lost {
		e.outboxes.release(w.frame)
	}
	e.loop.lose(o, newer)
}

// queue has a frame wait for a socket that the kernel takes nothing of. False: there was no room.
func (e *events) queue(index uint32, f *scenecast.Frame) bool {
	b := e.bares.at(index)
	o := e.outboxes.at(b.outbox)
	data := variant(f, b.deflate)
	roomForAll := e.outboxes.held[f] > 0 || e.outboxes.size+len(data) <= e.loop.options.OutboxTotal
	if !roomForAll || !o.add(waiting{f, data}, e.loop.limits, e.loop.options.SlowConsumer) {
		e.lost(o, f)
		return e.refuse(index, o)
	}
	e.lost(o, f)
	e.outboxes.hold(f)
	return true
}

// refuse drops a frame because the outbox, if there is one, has no room for it, and says false. The policy decides what
// becomes of the page.
func (e *events) refuse(index uint32, o *outbox) bool {
	e.loop.dropped.Add(1)
	if e.loop.options.SlowConsumer == DropOldest {
		if o != nil {
			o.dropped++
		} else if gap := e.loop.classes[e.bares.at(index).class].gap(1); gap != nil {
			e.send(index, gap)
		}
		return false
	}
	if o != nil {
		// A close frame can only follow a frame's end: what the kernel has a part of goes out whole.
		o.clear()
		e.lost(o, nil)
	}
	e.sendAway(index, scenecast.CloseSlowConsumer, reasonSlow)
	return false
}

// piecesAtOnce is how many frames one system call writes.
const piecesAtOnce = 32

// drain writes what waits for a socket, now that the kernel takes bytes again.
func (e *events) drain(index uint32) {
	b := e.bares.at(index)
	if b.outbox == 0 {
		return
	}
	o := e.outboxes.at(b.outbox)
	var pieces [piecesAtOnce][]byte
	for o.len() > 0 || o.dropped > 0 {
		if o.owesGap() {
			o.tellGap(e.loop.classes[b.class].gap(o.dropped))
			continue
		}
		n := 0
		for _, w := range o.frames[o.first:] {
			if n == len(pieces) {
				break
			}
			pieces[n] = w.data
			n++
		}
		pieces[0] = pieces[0][o.sent:]
		taken, err := unix.SendmsgBuffers(int(b.fd), pieces[:n], nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err != nil {
			if errno, ok := err.(unix.Errno); !ok || !isTemporary(errno) {
				e.broken = append(e.broken, ended{index, b.life})
			}
			return
		}
		b.deadline = e.now.add(e.loop.options.WriteTimeout)
		e.taken(o, taken)
		if o.sent > 0 {
			return // the kernel has had enough; the alarm finds the new deadline by itself
		}
	}
	*o = outbox{}
	e.outboxes.free = append(e.outboxes.free, b.outbox)
	b.outbox = 0
	_ = e.control(unix.EPOLL_CTL_MOD, b.fd, unix.EPOLLIN|unix.EPOLLRDHUP, int32(index), b.life)
	if b.state != open {
		e.finish(index)
	}
}

// taken takes out of an outbox what the kernel has taken.
func (e *events) taken(o *outbox, n int) {
	for o.len() > 0 {
		rest := len(o.frames[o.first].data) - o.sent
		if n < rest {
			o.sent += n
			return
		}
		n -= rest
		w := o.pop()
		e.outboxes.release(w.frame)
		if w.frame.Settle != nil {
			w.frame.Settle(true)
		}
	}
}
