package scenecast

import "sync"

// Frame is a whole frame on its way to pages, as a protocol's encoder makes it. All pages that get it share it, and
// sockets know it by its address: nobody may change it, or copy it.
type Frame struct {
	Data []byte
	// Coalesce, unless it is empty, lets only the newest of the frames with this key wait in an outbox.
	Coalesce string
	// Done, unless it is nil, is called once for each socket that took the frame by SendShared, on the loop's goroutine: true
	// when the kernel has taken it, false when it was dropped or the page has gone before.
	Done func(written bool)

	once    sync.Once
	variant []byte
}

// Variant is another form of the frame, such as a compressed one. It is made the first time that any loop asks for it.
func (f *Frame) Variant(encode func(frame []byte) []byte) []byte {
	f.once.Do(func() { f.variant = encode(f.Data) })
	return f.variant
}
