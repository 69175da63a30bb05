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

// remove takes an outbox, which is empty, back.
func (o *outboxes) remove(number uint32) {
	*o.at(number) = outbox{}
	o.free = append(o.free, number)
}

// openOutbox gives a socket an outbox, and has epoll report when the kernel takes bytes again.
func (e *eventLoop) openOutbox(index uint32, c *epollConn) *outbox {
	o := &e.outboxes
	if n := len(o.free); n > 0 {
		c.outbox = o.free[n-1]
		o.free = o.free[:n-1]
	} else {
		o.all = append(o.all, new(outbox))
		c.outbox = uint32(len(o.all))
	}
	if err := e.watch(unix.EPOLL_CTL_MOD, index, eventsWaiting); err != nil {
		e.drop(index, scenecast.Ending{Cause: scenecast.CauseReset, Detail: err.Error()})
	}
	o.at(c.outbox).opened = uint32(c.deadline)
	c.deadline = e.now.add(e.loop.options.WriteTimeout)
	e.setAlarm(index)
	o.at(c.outbox).slot = index
	o.at(c.outbox).acked, _ = tcpAcked(c.fd)
	return o.at(c.outbox)
}

// removeOutbox takes a socket's outbox away, when nothing waits in it.
func (e *eventLoop) removeOutbox(c *epollConn) {
	o := e.outboxes.at(c.outbox)
	e.loop.budget.add(-o.counted)
	if c.state == stateOpen {
		c.deadline = instant(o.opened)
	}
	e.outboxes.remove(c.outbox)
	c.outbox = 0
}

// dropOutbox takes a socket's outbox away; what is in it is lost.
func (e *eventLoop) dropOutbox(c *epollConn) {
	o := e.outboxes.at(c.outbox)
	o.sent = 0 // the first frame is lost, too
	e.loop.giveUp(o)
	e.removeOutbox(c)
}

// queue has a frame wait for a socket that the kernel takes nothing of. False: there was no room. The policy decides what
// becomes of the page.
func (e *eventLoop) queue(index uint32, w waiting) bool {
	c := e.conns.at(index)
	o := e.outboxes.at(c.outbox)
	ok, full := e.loop.enqueue(o, w, e.loop.limits, &e.loop.classes[c.class])
	if !ok && e.loop.options.SlowConsumer == ClosePage {
		e.loop.giveUp(o)
		e.fail(index, slowConsumer(full))
	}
	return ok
}

// piecesAtOnce is how many frames one system call writes.
const piecesAtOnce = 32

// drain writes what waits for a socket, now that the kernel takes bytes again.
func (e *eventLoop) drain(index uint32) {
	c := e.conns.at(index)
	if c.outbox == 0 {
		return
	}
	o := e.outboxes.at(c.outbox)
	var pieces [piecesAtOnce][]byte
	for o.len() > 0 || o.dropped > 0 {
		if o.needsGapNotice() {
			o.pushGapNotice(e.loop.classes[c.class].gap(o.dropped))
			continue
		}
		n := 0
		for _, w := range o.frames[o.first:] {
			if n == len(pieces) {
				break
			}
			pieces[n] = w.data()
			n++
		}
		if o.dropped > 0 {
			n = 1 // what was dropped is missing behind the one that is half sent
		}
		pieces[0] = pieces[0][o.sent:]
		taken, err := unix.SendmsgBuffers(int(c.fd), pieces[:n], nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err != nil {
			var errno unix.Errno
			if !errors.As(err, &errno) || !isTemporary(errno) {
				e.drop(index, scenecast.Ending{Cause: scenecast.CauseReset, Detail: err.Error()})
			}
			return
		}
		if c.state == stateOpen { // a page that is closing has one time for everything
			c.deadline = e.now.add(e.loop.options.WriteTimeout)
		}
		e.taken(o, taken)
		if o.sent > 0 {
			return // the kernel has had enough; the alarm finds the new deadline by itself
		}
	}
	if c.state == stateOpen {
		e.loop.postAll(o.onWritten)
	}
	e.removeOutbox(c)
	_ = e.watch(unix.EPOLL_CTL_MOD, index, eventsIdle)
	if c.state != stateOpen {
		e.finishClose(index)
	}
}

// taken takes out of an outbox what the kernel has taken.
func (e *eventLoop) taken(o *outbox, n int) {
	for o.len() > 0 {
		rest := o.frames[o.first].size() - o.sent
		if n < rest {
			o.sent += n
			return
		}
		n -= rest
		w := o.pop()
		e.loop.budget.release(w.frame)
		if w.frame.Done != nil {
			w.frame.Done(o.slot, true)
		}
	}
}
