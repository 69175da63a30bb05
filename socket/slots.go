package socket

import (
	"time"

	"scenecast"
)

// backend is one kind of a loop's sockets. Its methods are called on the owner's goroutine, for current slots.
type backend interface {
	sendShared(index uint32, f *scenecast.Frame) bool
	send(index uint32, frame []byte) bool
	onWritten(index uint32, task func())
	// close begins to close the socket with the ending's close frame. False: it was closing already, or its connection has broken.
	close(index uint32, e scenecast.Ending) bool
	// fail ends an open page from the loop's side: its ending is queued for the handler, and the page gets a close frame.
	fail(index uint32, e scenecast.Ending)
	// detach makes the slot stale. The socket may go on without it, until its close frame is written and answered, and its index is
	// not used again before its frames' Done were called.
	detach(index uint32)
	// lease is that of the socket's admission.
	lease(index uint32) scenecast.Lease
	// inspect says how the socket stands.
	inspect(index uint32) scenecast.SocketState
}

// slots are the numbers by which the handler knows sockets. A slot is current from Opened until the handler has been told of
// its ending, or has closed it.
type slots struct {
	generations []uint32      // by index: how many sockets it has had before
	kinds       []backendKind // by index: where the socket of a current slot is; staleSlot: the handler knows none
	free        []uint32      // indexes that can be used again
	backends    [backendKinds]backend
}

// backendKind is a backend's number.
type backendKind uint8

const (
	staleSlot backendKind = iota
	onEventLoop
	onGoroutines
	backendKinds
)

// newSlot takes an index that no socket has. It is stale until it is given a backend.
func (s *slots) newSlot() scenecast.Slot {
	if n := len(s.free); n > 0 {
		index := s.free[n-1]
		s.free = s.free[:n-1]
		return s.slotAt(index)
	}
	s.generations, s.kinds = append(s.generations, 0), append(s.kinds, staleSlot)
	return scenecast.Slot{Index: uint32(len(s.generations) - 1)}
}

// freeSlot gives the index of a stale slot back.
func (s *slots) freeSlot(index uint32) {
	s.generations[index]++
	s.free = append(s.free, index)
}

// slotAt is the address of the socket at an index.
func (s *slots) slotAt(index uint32) scenecast.Slot {
	return scenecast.Slot{Index: index, Generation: s.generations[index]}
}

// backendOf is where the slot's socket is; nil: the slot is stale.
func (s *slots) backendOf(slot scenecast.Slot) backend {
	if int(slot.Index) >= len(s.generations) || s.generations[slot.Index] != slot.Generation {
		return nil
	}
	return s.backends[s.kinds[slot.Index]]
}

// SendShared implements hub.Loop.
func (l *Loop) SendShared(s scenecast.Slot, f *scenecast.Frame) bool {
	b := l.slots.backendOf(s)
	return b != nil && b.sendShared(s.Index, f)
}

// Send implements hub.Loop.
func (l *Loop) Send(s scenecast.Slot, frame []byte) bool {
	b := l.slots.backendOf(s)
	return b != nil && b.send(s.Index, frame)
}

// OnWritten implements hub.Loop.
func (l *Loop) OnWritten(s scenecast.Slot, task func()) {
	if b := l.slots.backendOf(s); b != nil {
		b.onWritten(s.Index, task)
	}
}

// Lease implements hub.Loop.
func (l *Loop) Lease(s scenecast.Slot) scenecast.Lease {
	if b := l.slots.backendOf(s); b != nil {
		return b.lease(s.Index)
	}
	return 0
}

// Inspect says how the slot's socket stands. On the owner's goroutine only.
func (l *Loop) Inspect(s scenecast.Slot) (state scenecast.SocketState) {
	if b := l.slots.backendOf(s); b != nil {
		state = b.inspect(s.Index)
	}
	return state
}

// secondsOf is a time in whole seconds since 1970, as a socket keeps it in little room, and timeOf what it stands for; 0 is none.
func secondsOf(t time.Time) uint32 { return uint32(t.Unix()) }

func timeOf(seconds uint32) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

// Close implements hub.Loop.
func (l *Loop) Close(s scenecast.Slot, e scenecast.Ending) {
	if b := l.slots.backendOf(s); b != nil {
		if b.close(s.Index, e) {
			l.endings.count(e.Cause)
		}
		b.detach(s.Index)
	}
}
