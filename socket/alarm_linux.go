package socket

import "scenecast"

// setAlarm sets when to look at a socket, if nothing happens on it.
func (e *eventLoop) setAlarm(index uint32) {
	c := e.conns.at(index)
	var at instant
	var ok bool
	if c.state == stateOpen {
		policy := e.loop.keepalivePolicy(&e.loop.classes[c.class])
		at, ok = c.keepalive.next(&policy)
		if in := e.inboundOf(c); in != nil {
			if whole, incomplete := in.deadline(e.loop.options.MessageTimeout); incomplete && (!ok || whole.before(at)) {
				at, ok = whole, true
			}
		}
	}
	if (c.state != stateOpen || c.outbox != 0) && (!ok || c.deadline.before(at)) {
		at, ok = c.deadline, true
	}
	if ok && c.state != stateEnded && c.state != stateFree {
		e.wheel.set(index, at)
	} else {
		e.wheel.clear(index)
	}
}

// alarmsAtOnce is how many alarms are acted on in a round: a ping is a system call.
const alarmsAtOnce = 500

// alarm acts on a socket's alarm. Bytes that come do not move alarms, but for those that answer a
// ping: most find nothing to do.
func (e *eventLoop) alarm(index uint32) {
	c := e.conns.at(index)
	late := !e.now.before(c.deadline)
	switch {
	case c.state == stateFree, c.state == stateEnded:
		return
	case c.state == stateOpen:
		if c.outbox != 0 && late {
			e.checkProgress(index)
		}
		if c.state != stateOpen {
			break
		}
		if e.checkMessage(index); c.state == stateOpen {
			e.checkKeepalive(index)
		}
	case !late:
	case c.state == stateHandshaking:
		e.timeOutHandshake(index)
	case c.state == stateWaiting:
		e.haveToken(index)
	default:
		if c.state == stateClosing {
			e.loop.endings.count(scenecast.CauseCloseTimeout)
		}
		e.drop(index, scenecast.Ending{})
	}
	e.setAlarm(index)
}

// checkProgress closes a page that has taken nothing of what waits for it since the last look. The kernel may have a lot that a slow
// page has not read: as long as that becomes less, it is well.
func (e *eventLoop) checkProgress(index uint32) {
	c := e.conns.at(index)
	o := e.outboxes.at(c.outbox)
	acked, _ := tcpAcked(c.fd)
	if acked == o.acked {
		e.drop(index, scenecast.EndingBy(scenecast.CauseWriteTimeout, ""))
		return
	}
	o.acked, c.deadline = acked, e.now.add(e.loop.options.WriteTimeout)
}

// takesBytes reports whether a page that was pinged is taking what was sent to it before: its pong may be behind that.
func (e *eventLoop) takesBytes(c *epollConn) bool {
	acked, waiting := tcpAcked(c.fd)
	takes := acked != c.acked && (waiting || c.outbox != 0)
	c.acked = acked
	return takes
}

// checkKeepalive does what is due about a page that may have been silent.
func (e *eventLoop) checkKeepalive(index uint32) {
	c := e.conns.at(index)
	class := &e.loop.classes[c.class]
	policy := e.loop.keepalivePolicy(class)
	action := c.keepalive.check(&policy, e.now)
	if action == closeNoPong || action == closeIdle {
		// A loop that had no time for its pages has not read what they said; and one call of epoll returns 256 events at most.
		if e.read(index); c.state != stateOpen {
			return
		}
		action = c.keepalive.check(&policy, e.now)
	}
	if action == closeNoPong && e.takesBytes(c) {
		c.keepalive.extendPong(e.now)
		return
	}
	switch action {
	case sendPing:
		e.send(index, class.ping())
		c.acked, _ = tcpAcked(c.fd)
	case closeNoPong:
		e.fail(index, scenecast.EndingBy(scenecast.CauseNoPong, detailNoPong(&e.loop.options)))
	case closeIdle:
		e.fail(index, scenecast.EndingBy(scenecast.CauseIdle, detailIdle(class.idle.Allowed)))
	case nothingDue:
	}
}
