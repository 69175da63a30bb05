package socket

// HeldBytes is how many bytes wait in the loop's outboxes.
func (l *Loop) HeldBytes() int {
	l.held.mu.Lock()
	defer l.held.mu.Unlock()
	return l.held.size
}
