package socket

// InboundPages is how many pages have sent something that is not handled.
func (l *Loop) InboundPages() (n int) {
	l.inbound.mu.Lock()
	defer l.inbound.mu.Unlock()
	for in := l.inbound.oldest; in != nil; in = in.newer {
		n++
	}
	return n
}

// ReserveFrom is a reserve that begins at this descriptor.
func ReserveFrom(first int) *DescriptorReserve { return &DescriptorReserve{first: first} }

// InboundBytes is how many bytes the loop's pages have sent that are not handled.
func (l *Loop) InboundBytes() int {
	l.inbound.mu.Lock()
	defer l.inbound.mu.Unlock()
	return l.inbound.total
}
