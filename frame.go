package scenecast

import "sync"

// Frame is a whole frame on its way to pages, as a protocol's encoder makes it. All pages that get it share it, and
// sockets know it by its address: nobody may change it, or copy it.
type Frame struct {
	Data []byte
	// Coalesce, unless it is empty, lets only the newest of the frames with this key wait in an outbox.
	Coalesce string
	// Done, unless it is nil, is called once for each socket that took the frame by SendShared, on the loop's goroutine and not
	// within that call: true when the kernel has taken it, false when it was dropped or the page has gone before. The slot is the
	// index that the frame was sent to, also when the socket has left it since.
	Done func(slot uint32, written bool)
	// Receipts are the sequence numbers of the pushes that Done is about, where it can be made anew in another process.
	Receipts []uint64

	base    *Frame // whose variant this frame shares; nil: it has its own
	once    sync.Once
	variant []byte
}

// WithDone is the same frame with a Done of its own, such as one for the sockets of one loop, about these pushes. Both share the variant.
func (f *Frame) WithDone(done func(slot uint32, written bool), receipts ...uint64) *Frame {
	return &Frame{Data: f.Data, Coalesce: f.Coalesce, Done: done, Receipts: receipts, base: f}
}

// Variant is another form of the frame, such as a compressed one. It is made the first time that any loop asks for it.
func (f *Frame) Variant(encode func(frame []byte) []byte) []byte {
	if f.base != nil {
		return f.base.Variant(encode)
	}
	f.once.Do(func() { f.variant = encode(f.Data) })
	return f.variant
}
