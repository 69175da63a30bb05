package socket_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"scenecast"
	"scenecast/websocket"
)

// wire is a protocol that tells pages of gaps.
type wire struct{}

var _ scenecast.Protocol = wire{}

func (wire) Name() string                                          { return "wire" }
func (wire) EncodePush(*scenecast.Push, scenecast.Delivery) []byte { return nil }
func (wire) Closed(scenecast.Conn, scenecast.Ending)               {}
func (wire) Opened(scenecast.Conn)                                 {}
func (wire) Received(scenecast.Conn, scenecast.Inbound)            {}
func (wire) Traits() scenecast.Traits {
	return scenecast.Traits{EncodeGap: func(n scenecast.GapNotice) []byte {
		return websocket.TextFrame(fmt.Appendf(nil, "gap %d", n.Dropped))
	}}
}

// deliveries compares what became of frames with what loops have said. The owner's goroutine only, or when the loop has ended.
type deliveries struct {
	taken map[copied]int
	done  map[copied][]bool
}

// copied is a frame on its way to one socket.
type copied struct {
	name string
	slot uint32 // its index
}

// frame is a text frame that begins with its name, and whose payload has so many bytes.
func (d *deliveries) frame(name string, size int) *scenecast.Frame {
	return &scenecast.Frame{Data: named(name, size), Done: func(slot uint32, written bool) {
		if d.done == nil {
			d.done = make(map[copied][]bool)
		}
		d.done[copied{name, slot}] = append(d.done[copied{name, slot}], written)
	}}
}

func named(name string, size int) []byte {
	return websocket.TextFrame(append([]byte(name), bytes.Repeat([]byte{'.'}, max(0, size-len(name)))...))
}

// check says whether each frame was told once for each socket that took it.
func (d *deliveries) check(t *testing.T) {
	for c, n := range d.taken {
		if len(d.done[c]) != n {
			t.Errorf("%v was taken %d times, and told %v", c, n, d.done[c])
		}
	}
	for c, done := range d.done {
		if d.taken[c] == 0 {
			t.Errorf("%v was not taken, and told %v", c, done)
		}
	}
}

// checkSlot says whether what became of all frames for a slot's index was told before the index is used again.
func (d *deliveries) checkSlot(t *testing.T, index uint32) {
	for c, n := range d.taken {
		if c.slot == index && len(d.done[c]) != n {
			t.Errorf("a page opened in slot %d, and %v was taken %d times, and told %v", index, c, n, d.done[c])
		}
	}
}

// share shares a frame and counts it. On the owner's goroutine.
func (s *harness) share(slot scenecast.Slot, name string, f *scenecast.Frame) bool {
	ok := s.loop.SendShared(slot, f)
	if ok {
		if s.deliveries.taken == nil {
			s.deliveries.taken = make(map[copied]int)
		}
		s.deliveries.taken[copied{name, slot.Index}]++
	}
	return ok
}

// readNamesOf is readNames for a page that may have agreed on compression.
func readNamesOf(conn net.Conn, last string) []string {
	var names names
	d := &websocket.Decoder{MaxMessage: 1 << 20, Deflate: true}
	in := bufio.NewReader(conn)
	for !slices.Contains(names.got[max(0, len(names.got)-1):], last) {
		head, err := ws.ReadHeader(in)
		if err != nil {
			break
		}
		payload := make([]byte, head.Length)
		if _, err := io.ReadFull(in, payload); err != nil {
			break
		}
		// The decoder is a server's, and wants its frames masked.
		head.Masked, head.Mask = true, [4]byte{}
		var whole bytes.Buffer
		_ = ws.WriteHeader(&whole, head)
		whole.Write(payload)
		if err := d.Feed(whole.Bytes(), &names); err != nil {
			return append(names.got, err.Error())
		}
	}
	return names.got
}

// names are those of messages.
type names struct {
	got []string
}

func (n *names) Message(m scenecast.Inbound) {
	n.got = append(n.got, strings.TrimRight(string(m.Data), "."))
}
func (*names) Ping([]byte)                            {}
func (*names) Pong([]byte)                            {}
func (*names) PeerClosed(scenecast.CloseCode, string) {}

// readNames reads frames until one has this name, the server closes, or nothing comes any more; close frames are answered.
func readNames(conn net.Conn, last string) (names []string) {
	for {
		head, err := ws.ReadHeader(conn)
		if err != nil {
			return names
		}
		payload := make([]byte, head.Length)
		if _, err := io.ReadFull(conn, payload); err != nil {
			return append(names, "a broken frame")
		}
		name := strings.TrimRight(string(payload), ".")
		if head.OpCode == ws.OpClose {
			code, _ := ws.ParseCloseFrameData(payload)
			name = fmt.Sprint("close ", code)
			_, _ = conn.Write(compiled(ws.NewCloseFrame(payload[:min(2, len(payload))])))
		}
		names = append(names, name)
		if name == last {
			return names
		}
	}
}
