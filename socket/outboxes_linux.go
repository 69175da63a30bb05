package socket

import (
	"errors"

	"golang.org/x/sys/unix"

	"scenecast"
)

// outboxes are those of the sockets that the kernel has refused bytes of.
type outboxes struct {
	all  []*outbox
	free []uint32
}

// at is the outbox with this number, which is 1 + its index.
func (o *outboxes) at(number uint32) *outbox { return o.all[number-1] }

// put takes an outbox, which is empty, back.
func (o *outboxes) put(number uint32) {
	*o.at(number) = outbox{}
	o.free = append(o.free, number)
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
	o.at(b.outbox).slot = index
	return o.at(b.outbox)
}

// dropOutbox takes a socket's outbox away; what is in it is lost.
func (e *events) dropOutbox(b *bare) {
	o := e.outboxes.at(b.outbox)
	o.sent = 0 // the first frame is lost, too
	o.clear()
	e.loop.lose(o)
	e.outboxes.put(b.outbox)
	b.outbox = 0
}

// queue has a frame wait for a socket that the kernel takes nothing of. False: there was no room. The policy decides what
// becomes of the page.
func (e *events) queue(index uint32, f *scenecast.Frame) bool {
	b := e.bares.at(index)
	o := e.outboxes.at(b.outbox)
	if e.loop.enqueue(o, waiting{frame: f, data: variant(f, b.deflate)}, e.loop.limits, &e.loop.classes[b.class]) {
		return true
	}
	if e.loop.options.SlowConsumer == ClosePage {
		e.loop.giveUp(o)
		e.sendAway(index, scenecast.CloseSlowConsumer, reasonSlow)
	}
	return false
}

// refuse drops a frame that would have no room in an empty outbox, and says false, as queue does.
func (e *events) refuse(index uint32, f *scenecast.Frame) bool {
	b := e.bares.at(index)
	if b.pending != 0 {
		e.write(index, b)
	}
	if b.state != open {
		return false
	}
	if b.outbox != 0 {
		return e.queue(index, f)
	}
	e.loop.dropped.Add(1)
	if e.loop.options.SlowConsumer == ClosePage {
		e.sendAway(index, scenecast.CloseSlowConsumer, reasonSlow)
	} else if gap := e.loop.classes[b.class].gap(1); gap != nil {
		e.writeOrWait(index, b, gap)
	}
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
		if o.dropped > 0 {
			n = 1 // what was dropped is missing behind the one that is half sent
		}
		pieces[0] = pieces[0][o.sent:]
		taken, err := unix.SendmsgBuffers(int(b.fd), pieces[:n], nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err != nil {
			var errno unix.Errno
			if !errors.As(err, &errno) || !isTemporary(errno) {
				e.broken = append(e.broken, ended{index, b.life})
			}
			return
		}
		if b.state == open { // a page that was told goodbye has one time for everything
			b.deadline = e.now.add(e.loop.options.WriteTimeout)
		}
		e.taken(o, taken)
		if o.sent > 0 {
			return // the kernel has had enough; the alarm finds the new deadline by itself
		}
	}
	if b.state == open {
		e.loop.postAll(o.then)
	}
	e.outboxes.put(b.outbox)
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
		e.loop.held.release(w.frame)
		if w.frame.Done != nil {
			w.frame.Done(o.slot, true)
		}
	}
}
