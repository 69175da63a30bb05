package socket

// OutboxBytes is how many bytes wait in the loop's outboxes.
func (l *Loop) OutboxBytes() int {
	l.budget.mu.Lock()
	defer l.budget.mu.Unlock()
	return l.budget.size
}

// ReserveFrom is a reserve that begins at this descriptor.
func ReserveFrom(first int) *DescriptorReserve { return &DescriptorReserve{first: first} }
