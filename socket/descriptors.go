package socket

import "net"

// reservedDescriptors is how many file descriptors pages leave to other connections; where there are few, a quarter.
const reservedDescriptors = 32

// DescriptorReserve keeps the last file descriptors of the process for connections that are no pages, so that HTTP calls come
// through when pages have taken all others. The kernel gives the lowest number that is free (open(2)), so a connection whose
// number is in the reserve found all others taken. All loops and listeners of a process share one. It is safe for concurrent
// use.
type DescriptorReserve struct {
	// OnShort, unless it is nil, is called when a connection is accepted whose descriptor is in the reserve: by then connections
	// that can be done without should be closed, such as idle HTTP ones. It must not wait. It is set before anything listens.
	OnShort func()

	first int // descriptors from this number on are in the reserve
}

// NewDescriptorReserve makes the reserve for the limit that the process has now.
func NewDescriptorReserve() *DescriptorReserve {
	return &DescriptorReserve{first: firstReserved()}
}

// Admits reports whether a connection may become a page: its descriptor is none of the reserve. A connection without a
// descriptor may.
func (r *DescriptorReserve) Admits(c net.Conn) bool {
	raw := RawConn(c)
	if raw == nil {
		return true
	}
	admitted := true
	_ = raw.Control(func(fd uintptr) { admitted = r.admits(int(fd)) })
	return admitted
}

func (r *DescriptorReserve) admits(fd int) bool { return fd < r.first }

// accepted calls OnShort if a connection that was accepted has a descriptor of the reserve.
func (r *DescriptorReserve) accepted(fd int) {
	if !r.admits(fd) && r.OnShort != nil {
		r.OnShort()
	}
}
