package socket

import (
	"errors"
	"net"
	"sync"
	"time"

	"scenecast"
	"scenecast/websocket"
)

// readBuffer is small because pages say little: a heartbeat, an acknowledgement.
const readBuffer = 1 << 10

// socket is one page's connection. Its states: open; saying goodbye (a close frame is queued or sent, and what the page
// still sends is thrown away); gone (the connection is closed, which both goroutines notice and end).
type socket struct {
	loop *Loop
	conn net.Conn
	slot scenecast.Slot // written by the owner before the reader starts

	// The reader's goroutine only.
	early   []byte
	decoder websocket.Decoder
	broken  bool // the page has violated the protocol
	vigil   vigil
	handled chan struct{} // the owner has handled the message

	mu       sync.Mutex
	outbox   net.Buffers // frames that the writer has not taken
	bytes    int         // in the outbox and in the writer's hands
	frames   int
	writing  bool // a writer goroutine runs
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

func newSocket(l *Loop, c net.Conn, early []byte, silence scenecast.Silence) *socket {
	return &socket{
		loop:    l,
		conn:    c,
		early:   early,
		decoder: websocket.Decoder{MaxMessage: l.options.MaxMessage},
		vigil:   newVigil(l.options, silence, time.Now()),
		handled: make(chan struct{}, 1),
	}
}

// read is the reader's goroutine. Once the socket is saying goodbye it goes on reading, for the page's close frame, until
// the page has closed or its time is up: closing with bytes unread would make the kernel reset the connection, and the
// page might lose the frame that tells it why.
func (s *socket) read() {
	defer s.loop.goroutines.Done()
	defer s.loop.forget(s)
	defer s.conn.Close()
	s.take(s.early)
	s.early = nil
	buf := make([]byte, readBuffer)
	for {
		s.setReadDeadline(s.vigil.next())
		n, err := s.conn.Read(buf)
		now := time.Now()
		if n > 0 {
			s.vigil.heard(now)
			s.take(buf[:n])
		}
		if err != nil && (!isTimeout(err) || !s.keepVigil(now)) {
			break
		}
	}
	s.left()
}

// take has the decoder read what the page sent; after a violation nothing that follows has a meaning.
func (s *socket) take(data []byte) {
	if s.broken {
		return
	}
	var violation *websocket.Error
	if errors.As(s.decoder.Feed(data, (*receiver)(s)), &violation) {
		s.broken = true
		s.sendAway(violation.Code, violation.Reason)
	}
}

// keepVigil acts on a read that timed out. False: there is nothing left to wait for.
func (s *socket) keepVigil(now time.Time) bool {
	if s.isEnding() {
		return false
	}
	switch s.vigil.look(now) {
	case ping:
		s.reply(websocket.PingFrame())
	case giveUpNoPong:
		s.sendAway(scenecast.CloseIdle, "no pong within "+s.vigil.pongWait.String())
	case giveUpIdle:
		s.sendAway(scenecast.CloseIdle, "no frame within "+s.vigil.silence.Allowed.String())
	case nothing:
	}
	return true
}

// sendAway ends the connection from the reader's side.
func (s *socket) sendAway(code scenecast.CloseCode, reason string) {
	s.left()
	s.sayGoodbye(code, reason)
}

// reply sends from the reader's side.
func (s *socket) reply(frame []byte) {
	if !s.send(frame) {
		s.left()
	}
}

// left tells the shard that the page is gone, unless the shard itself has sent it away.
func (s *socket) left() {
	s.loop.Post(func() {
		if s.loop.detach(s) {
			s.loop.shard.Closed(s.slot)
		}
	})
}

// receiver is the socket as its decoder sees it, on the reader's goroutine.
type receiver socket

// Message waits until the owner has handled the message, so a page that talks fast is slowed down by its own connection
// and cannot fill the owner's queue.
func (r *receiver) Message(m scenecast.Inbound) {
	s := (*socket)(r)
	posted := s.loop.Post(func() {
		if s.loop.at(s.slot) == s {
			s.loop.shard.Received(s.slot, m)
		}
		s.handled <- struct{}{}
	})
	if posted {
		<-s.handled
	}
}

func (r *receiver) Ping(payload []byte) { (*socket)(r).reply(websocket.PongFrame(payload)) }

func (r *receiver) Pong([]byte) {} // a sign of life, as every byte is: see vigil

func (r *receiver) PeerClosed(code scenecast.CloseCode, _ string) {
	s := (*socket)(r)
	s.left()
	s.answerGoodbye(code)
}
