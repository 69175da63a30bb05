package socket

import (
	"net"
	"sync"
	"time"

	"scenecast"
	"scenecast/websocket"
)

// conn is a socket that has goroutines. Its states: open; saying goodbye (a close frame is queued or sent, and what the page
// still sends is thrown away); gone (the connection is closed, which both goroutines notice and end).
type conn struct {
	loop    *Loop
	net     net.Conn
	slot    scenecast.Slot // written by the owner before the reader starts
	class   class
	rhythm  rhythm
	deflate bool
	lease   scenecast.Lease

	// The reader's goroutine only.
	early   []byte
	decoder websocket.Decoder
	broken  bool // the page has violated the protocol
	vigil   vigil
	handled chan struct{} // the owner has handled the message

	mu       sync.Mutex
	outbox   outbox    // what the writer has not taken
	writing  bool      // a writer goroutine runs
	inHand   []waiting // what the writer is writing; it counts in the outbox's limits
	goodbye  ending
	deadline time.Time // for the reader to end, once goodbye is set
}

// ending says what follows the close frame.
type ending int

const (
	notEnding ending = iota
	awaitPeer        // the page answers with its own close frame, or has CloseWait to do so
	closeNow         // both close frames are there: RFC 6455, 7.1.1, has the server close first
)

func newConn(l *Loop, c net.Conn, early []byte, k class, a scenecast.Admission) *conn {
	s := &conn{
		loop:    l,
		net:     c,
		class:   k,
		rhythm:  l.rhythmOf(&k),
		deflate: a.Deflate,
		lease:   a.Lease,
		early:   early,
		decoder: websocket.Decoder{MaxMessage: l.options.MaxMessage, Deflate: a.Deflate},
		handled: make(chan struct{}, 1),
	}
	s.vigil = newVigil(&s.rhythm, l.now())
	return s
}
