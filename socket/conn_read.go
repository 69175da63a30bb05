package socket

import (
	"errors"
	"time"

	"scenecast"
	"scenecast/websocket"
)

// readBuffer is small because pages say little: a heartbeat, an acknowledgement.
const readBuffer = 1 << 10

// read is the reader's goroutine. Once the socket is saying goodbye it goes on reading, for the page's close frame, until
// the page has closed or its time is up: closing with bytes unread would make the kernel reset the connection, and the
// page might lose the frame that tells it why.
func (c *conn) read() {
	defer c.loop.goroutineEnds()
	defer c.loop.forget(c)
	defer c.net.Close()
	c.take(c.early)
	c.early = nil
	buf := make([]byte, readBuffer)
	for {
		c.setReadDeadline()
		n, err := c.net.Read(buf)
		if n > 0 {
			c.vigil.listen(c.loop.now())
			c.take(buf[:n])
		}
		if err != nil && (!isTimeout(err) || !c.keepVigil()) {
			break
		}
	}
	c.left()
}

// take has the decoder read what the page sent; after a violation nothing that follows has a meaning.
func (c *conn) take(data []byte) {
	if c.broken || c.class.traits.ListenOnly {
		return
	}
	var violation *websocket.Error
	if errors.As(c.decoder.Feed(data, (*receiver)(c)), &violation) {
		c.broken = true
		c.sendAway(violation.Code, violation.Reason)
	}
}

// keepVigil acts on a read that timed out. False: there is nothing left to wait for.
func (c *conn) keepVigil() bool {
	if c.isEnding() {
		return false
	}
	switch c.vigil.look(&c.rhythm, c.loop.now()) {
	case ping:
		c.reply(c.class.ping())
	case giveUpNoPong:
		c.sendAway(scenecast.CloseIdle, reasonNoPong(&c.loop.options))
	case giveUpIdle:
		c.sendAway(scenecast.CloseIdle, reasonIdle(c.class.idle.Allowed))
	case nothing:
	}
	return true
}

// setReadDeadline sets when the reader looks up; once the socket is saying goodbye, that has its own deadline.
func (c *conn) setReadDeadline() {
	var t time.Time
	if at, ok := c.vigil.next(&c.rhythm); ok {
		now := time.Now()
		t = now.Add(at.since(instant(now.Sub(c.loop.began) / time.Millisecond)))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.goodbye != notEnding {
		t = c.deadline
	}
	_ = c.net.SetReadDeadline(t)
}

// sendAway ends the connection from the reader's side.
func (c *conn) sendAway(code scenecast.CloseCode, reason string) {
	c.left()
	c.sayGoodbye(code, reason)
}

// reply sends from the reader's side.
func (c *conn) reply(frame []byte) { c.share(&scenecast.Frame{Data: frame}) }

// left tells the shard that the page is gone, unless the shard itself has sent it away.
func (c *conn) left() {
	c.loop.Post(func() {
		if c.loop.detach(c) {
			c.loop.handler.Closed(c.slot, scenecast.Ending{})
		}
	})
}

// receiver is the socket as its decoder sees it, on the reader's goroutine.
type receiver conn

// Message waits until the owner has handled the message, so a page that talks fast is slowed down by its own connection
// and cannot fill the owner's queue.
func (r *receiver) Message(m scenecast.Inbound) {
	c := (*conn)(r)
	posted := c.loop.Post(func() {
		if c.loop.isCurrent(c.slot) && c.loop.connAt(c.slot.Index) == c {
			c.loop.handler.Received(c.slot, m)
		}
		c.handled <- struct{}{}
	})
	if posted {
		<-c.handled
	}
}

func (r *receiver) Ping(payload []byte) { (*conn)(r).reply(websocket.PongFrame(payload)) }

func (r *receiver) Pong([]byte) {} // a sign of life, as every byte is: see vigil

// PeerClosed answers with the page's own code (RFC 6455, 5.5.1).
func (r *receiver) PeerClosed(code scenecast.CloseCode, _ string) {
	c := (*conn)(r)
	c.left()
	c.answerGoodbye(code)
}
