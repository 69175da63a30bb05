package socket

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/websocket"
)

// goConn is a socket that has goroutines. Once it is closing, a close frame is queued or sent, and what the page still sends
// is read and thrown away; once its connection is closed, both goroutines notice and end.
type goConn struct {
	loop    *Loop
	net     net.Conn
	slot    scenecast.Slot // written by the owner before the reader starts
	hasSlot bool           // so is this; a refused page has none
	class   class
	policy  keepalivePolicy
	deflate bool
	lease   scenecast.Lease
	opened  uint32 // see secondsOf

	// The reader's goroutine only.
	early     []byte
	inbound   inbound
	violated  bool // the protocol: what the page still sends is not decoded
	counted   int  // bytes that the inbound was last counted with
	keepalive keepalive
	pinged    progress      // when the page was pinged
	handled   chan struct{} // the owner has handled the message

	written atomic.Int64 // bytes that the connection has taken

	mu         sync.Mutex
	users      int         // goroutines that may still post what became of its frames
	outbox     outbox      // what the writer has not taken
	watchdog   *time.Timer // while it writes: when to look whether the page takes anything
	watched    progress    // at the last look
	writing    bool        // a writer goroutine runs
	inHand     []waiting   // what the writer is writing; it counts in the outbox's limits
	closing    closePhase
	closeWrite bool      // this end of the connection is closed as soon as everything is written
	deadline   time.Time // for the reader to end, once it is closing
	ended      bool      // its ending is decided
}

// closePhase says how far the closing handshake is (RFC 6455, 7).
type closePhase int

const (
	notClosing closePhase = iota
	awaitClose            // the page is to answer with its own close frame, and has CloseWait to do so
	closeAfter            // no answer is to come: the connection is closed as soon as everything is written
)

func newGoConn(l *Loop, c net.Conn, early []byte, k class, a scenecast.Admission) *goConn {
	s := &goConn{
		loop:    l,
		net:     c,
		class:   k,
		policy:  l.keepalivePolicy(&k),
		deflate: a.Deflate,
		lease:   a.Lease,
		opened:  secondsOf(time.Now()),
		early:   early,
		inbound: inbound{decoder: websocket.Decoder{MaxMessage: l.options.MaxMessage, Deflate: a.Deflate}},
		handled: make(chan struct{}, 1),
		users:   1, // the reader
	}
	s.keepalive = newKeepalive(&s.policy, l.now())
	return s
}

// goConns are the sockets of a loop that have goroutines. The owner's goroutine only.
type goConns struct {
	loop   *Loop
	bySlot []*goConn // by slot index; nil: the slot is free, or another backend's
}

var _ backend = (*goConns)(nil)

// open gives a socket a slot, and starts its reader.
func (g *goConns) open(c *goConn, a scenecast.Admission) {
	if !g.loop.keep(c) {
		return
	}
	c.slot, c.hasSlot = g.loop.slots.newSlot(), true
	g.loop.slots.kinds[c.slot.Index] = onGoroutines
	c.outbox.slot = c.slot.Index
	if n := int(c.slot.Index) + 1 - len(g.bySlot); n > 0 {
		g.bySlot = append(g.bySlot, make([]*goConn, n)...)
	}
	g.bySlot[c.slot.Index] = c
	g.loop.handler.Opened(c.slot, a)
	go c.read()
}

// has reports whether the handler knows the socket.
func (g *goConns) has(c *goConn) bool {
	return g.loop.slots.backendOf(c.slot) == backend(g) && g.bySlot[c.slot.Index] == c
}

// sendShared implements backend.
func (g *goConns) sendShared(index uint32, f *scenecast.Frame) bool {
	c := g.bySlot[index]
	return c.send(waiting{frame: f, deflated: c.deflate})
}

// send implements backend.
func (g *goConns) send(index uint32, frame []byte) bool {
	return g.bySlot[index].send(waiting{frame: &scenecast.Frame{Data: frame}})
}

// onWritten implements backend.
func (g *goConns) onWritten(index uint32, task func()) { g.bySlot[index].onWritten(task) }

// close implements backend.
func (g *goConns) close(index uint32, e scenecast.Ending) bool { return g.bySlot[index].close(e) }

// fail implements backend.
func (g *goConns) fail(index uint32, e scenecast.Ending) {
	c := g.bySlot[index]
	c.fail(e)
	_ = c.net.SetReadDeadline(time.Now()) // for its reader to drop what it holds
}

// lease implements backend.
func (g *goConns) lease(index uint32) scenecast.Lease { return g.bySlot[index].lease }

// inspect implements backend.
func (g *goConns) inspect(index uint32) scenecast.SocketState {
	c := g.bySlot[index]
	state := scenecast.SocketState{Opened: timeOf(c.opened)}
	if peer, err := netip.ParseAddrPort(c.net.RemoteAddr().String()); err == nil {
		state.Peer = peer.Addr().Unmap().WithZone("")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.inHand {
		state.OutboxBytes += w.size()
	}
	state.OutboxBytes += c.outbox.bytes - c.outbox.sent
	state.OutboxFrames = len(c.inHand) + c.outbox.len()
	return state
}

// detach implements backend.
func (g *goConns) detach(index uint32) {
	g.bySlot[index] = nil
	g.loop.slots.kinds[index] = staleSlot
}
