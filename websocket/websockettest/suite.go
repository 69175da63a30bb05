// Package websockettest is the suite of conformance cases that every server of WebSockets here passes, whatever it is built
// on: cases named after the sections of RFC 6455 and RFC 7692, in the bytes that go over the wire. It knows nothing of the
// server but its limits, and speaks to an echo: each message comes back as it was, text as text and binary as binary.
package websockettest

import (
	"net"
	"testing"
	"time"
)

// Echo is the server under test. It echoes on the path `/`, and sends nothing of its own accord: no welcome, no pings. For what
// is to follow a close frame it waits longer than the suite does.
type Echo struct {
	Dial func() (net.Conn, error)

	MaxMessage  int           // bytes of a message that it takes; at least 64 KiB, to have all lengths of heads
	MaxHead     int           // bytes of a request's head that it takes
	HeadTimeout time.Duration // for a request's head; shorter than patience. 0: slow heads are not tested
	Deflate     bool          // it agrees to permessage-deflate, and compresses what becomes smaller by it
}

// patience ends a case that would hang; nothing is asserted about it.
const patience = 20 * time.Second

// Run runs the suite.
func Run(t *testing.T, e Echo) {
	if e.MaxMessage < 64<<10 {
		t.Fatalf("the suite needs messages of 64 KiB, and the echo takes %d bytes", e.MaxMessage)
	}
	t.Run("RFC 6455, 4: handshake", e.handshakes)
	t.Run("RFC 6455, 5: framing", func(t *testing.T) { e.exchanges(t, noOffer, append(framing, e.lengths()...)) })
	t.Run("RFC 6455, 7: closing", e.closings)
	t.Run("RFC 6455, 8.1: UTF-8", func(t *testing.T) { e.exchanges(t, noOffer, utf8Exchanges()) })
	t.Run("RFC 6455, 10.4: limits", func(t *testing.T) { e.exchanges(t, noOffer, e.limits()) })
	t.Run("RFC 7692, 5: negotiation", e.negotiations)
	if e.Deflate {
		t.Run("RFC 7692, 7: compression", func(t *testing.T) { e.exchanges(t, deflateOffer, append(compression, e.inflation()...)) })
		t.Run("RFC 7692, 7.2.1: what the server sends", e.compresses)
	}
}

// exchange is what a page sends when its handshake is done, and what it must get back.
type exchange struct {
	name string
	send string
	want string // whole frames, in this order
	code int    // of the close frame that follows, with any reason. 0: none does, and the server answers a ping
}

// exchanges runs each exchange several times: with everything sent at once, in single octets, and in larger pieces where
// those would be too many.
func (e Echo) exchanges(t *testing.T, offer string, all []exchange) {
	for _, x := range all {
		t.Run(x.name, func(t *testing.T) {
			pieces := []int{len(x.send), 1}
			if len(x.send) > 2000 {
				pieces = []int{len(x.send), 1000}
			}
			for _, piece := range pieces {
				e.exchange(t, offer, x, piece)
			}
		})
	}
}

func (e Echo) exchange(t *testing.T, offer string, x exchange, piece int) {
	t.Helper()
	p := e.open(t, offer)
	defer p.leave()
	p.sendInPieces(x.send, piece)
	p.expect(x.want)
	if x.code != 0 {
		p.expectClose(x.code)
		p.send(masked(0x88, closing(x.code, "")))
		p.expectEnd() // at once, without a half-close of ours (7.1.1): an echo has more than our patience to wait for one
		return
	}
	p.send(masked(0x89, "alive"))
	p.expect(unmasked(0x8a, "alive"))
	p.send(masked(0x88, closing(1000, "")))
	p.expect(unmasked(0x88, closing(1000, "")))
	p.expectEnd()
}
