package socket

import "scenecast"

// newSlot takes a slot.
func (l *Loop) newSlot() scenecast.Slot {
	if n := len(l.free); n > 0 {
		index := l.free[n-1]
		l.free = l.free[:n-1]
		return scenecast.Slot{Index: index, Generation: l.generations[index]}
	}
	l.generations = append(l.generations, 0)
	return scenecast.Slot{Index: uint32(len(l.generations) - 1)}
}

// isCurrent reports whether the slot is what its address says, not a later one.
func (l *Loop) isCurrent(s scenecast.Slot) bool {
	return int(s.Index) < len(l.generations) && l.generations[s.Index] == s.Generation
}

// connAt is the socket with goroutines in a slot; nil if there is none.
func (l *Loop) connAt(index uint32) *conn {
	if int(index) >= len(l.conns) {
		return nil
	}
	return l.conns[index]
}

// detach frees a socket's slot. It reports whether the socket was in it.
func (l *Loop) detach(c *conn) bool {
	if !l.isCurrent(c.slot) || l.connAt(c.slot.Index) != c {
		return false
	}
	l.conns[c.slot.Index] = nil
	l.generations[c.slot.Index]++
	l.free = append(l.free, c.slot.Index)
	return true
}

// Share implements Loop.
func (l *Loop) SendShared(slot scenecast.Slot, f *scenecast.Frame) bool {
	if !l.isCurrent(slot) {
		return false
	}
	if c := l.connAt(slot.Index); c != nil {
		return c.share(f)
	}
	return l.bare != nil && l.bare.share(slot.Index, f)
}

// Send implements Loop.
func (l *Loop) Send(slot scenecast.Slot, frame []byte) bool {
	if !l.isCurrent(slot) {
		return false
	}
	if c := l.connAt(slot.Index); c != nil {
		return c.share(&scenecast.Frame{Data: frame})
	}
	return l.bare != nil && l.bare.send(slot.Index, frame)
}

// WhenWritten implements Loop.
func (l *Loop) OnWritten(slot scenecast.Slot, task func()) {
	if !l.isCurrent(slot) {
		return
	}
	if c := l.connAt(slot.Index); c != nil {
		c.whenWritten(task)
	} else if l.bare != nil {
		l.bare.whenWritten(slot.Index, task)
	}
}

// CloseSocket implements Loop.
func (l *Loop) Close(slot scenecast.Slot, e scenecast.Ending) {
	if !l.isCurrent(slot) {
		return
	}
	if c := l.connAt(slot.Index); c != nil {
		l.detach(c)
		c.sayGoodbye(e.Code, e.Detail)
	} else if l.bare != nil {
		l.bare.goodbye(slot.Index, e.Code, e.Detail)
	}
}
