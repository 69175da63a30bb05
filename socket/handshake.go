package socket

import (
	"net"
	"net/netip"

	"scenecast"
)

// Handshaker reads the head of the first request on each connection that a loop has accepted, and decides what becomes of the
// connection. Its methods are called on the owner's goroutine and must not wait.
type Handshaker interface {
	// Handshake is given everything that the client has sent so far, which is valid only during the call. As soon as it is clear
	// that the connection is to become a page, and before anything is looked up for that, the handshaker calls mayJoin. False
	// means that the rate of connections does not allow it yet: the handshaker returns Wait, and is asked again when it does.
	Handshake(head []byte, from netip.AddrPort, mayJoin func() bool) Handshake
	// Hijack gets a connection that does not stay on the loop, and what was read from it.
	Hijack(c net.Conn, read []byte)
	// HeadTimeout is the response to a client whose request's head has not come in time.
	HeadTimeout() []byte
	// OutOfDescriptors is the response to a client that would be a page if the process had a file descriptor for it.
	OutOfDescriptors() []byte
}

// Handshake is what a handshaker has decided.
type Handshake struct {
	Action    Action
	Head      int    // bytes of the head that was decided about; what follows are the page's first frames
	Response  []byte // to the client; of Accept and Reject
	Admission scenecast.Admission
	Ending    scenecast.Ending // of Reject: for the close frame
}

// Action is what becomes of a connection.
type Action int

// The actions.
const (
	NeedMore Action = iota // the head is not complete yet
	Hijack                 // the handshaker takes the connection over
	Accept                 // the connection is a page now
	Reject                 // the connection gets the response and a close frame, and no slot
	Wait                   // mayJoin was false
)
