package socket

// IsWritten reports whether nothing is left of the loop's turn. The owner's goroutine only, as is InUse.
func (l *Loop) IsWritten() bool { return l.bare.(*events).turn.isWritten() }

// InUse is how many sockets without goroutines have an outbox, and how many a decoder.
func (l *Loop) InUse() (outboxes, decoders int) {
	e := l.bare.(*events)
	return len(e.outboxes.all) - len(e.outboxes.free), len(e.decoders.all) - len(e.decoders.free)
}

// Bare is how many sockets have no goroutines.
func (l *Loop) Bare() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bareOpen
}
