package socket

import (
	"net"
	"net/netip"

	"scenecast"
)

// Doorman reads what visitors of a loop's own port say first, and decides what becomes of them. Greet and Late are called on
// the owner's goroutine and must not wait.
type Doorman interface {
	// Greet is told everything that a visitor has said so far, which is valid only during the call.
	Greet(said []byte, from netip.AddrPort) Greeting
	// TakeOver gets a connection that is not the loop's to keep, and what was read from it. It must not wait either.
	TakeOver(c net.Conn, said []byte)
	// Late is what a visitor is told who has not finished in time, Full what one is told who would be a page if there were a
	// file descriptor for it.
	Late() []byte
	Full() []byte
}

// Greeting is what a doorman has decided.
type Greeting struct {
	Verdict   Verdict
	Head      int    // bytes of what was said that the decision is about; what follows is the page's first frames
	Answer    []byte // to the visitor; of Admit and SendAway
	Admission scenecast.Admission

	// Of SendAway: what the close frame says.
	Code   scenecast.CloseCode
	Reason string
}

// Verdict is what becomes of a visitor.
type Verdict int

// The verdicts.
const (
	HearOut  Verdict = iota // the request is not complete yet
	TakeOver                // the doorman takes the connection over
	Admit                   // it is a page now
	SendAway                // it is answered like a page, gets a close frame, and the shard never hears of it
)
