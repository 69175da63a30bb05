package socket_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"scenecast"
	"scenecast/socket"
	"scenecast/websocket"
)

// TestWhatWaitsIsCounted as the heap counts it: small frames for many pages, frames for one, and compressed ones.
func TestWhatWaitsIsCounted(t *testing.T) {
	const pages, frames = 200, 1000
	for _, c := range []struct {
		name    string
		deflate bool
		queue   func(s *harness, i int)
	}{
		{"small frames for all", false, func(s *harness, i int) {
			f := &scenecast.Frame{Data: websocket.TextFrame(fmt.Appendf(nil, "%d", i))}
			for _, slot := range s.slots {
				s.loop.SendShared(slot, f)
			}
		}},
		{"frames for each", false, func(s *harness, i int) {
			if i < frames/20 {
				for _, slot := range s.slots {
					s.loop.Send(slot, named(fmt.Sprint(i), 500))
				}
			}
		}},
		{"compressed frames for all", true, func(s *harness, i int) {
			if i >= frames/20 {
				return
			}
			f := &scenecast.Frame{Data: named(fmt.Sprint(i), 20_000)}
			for _, slot := range s.slots {
				s.loop.SendShared(slot, f)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEachKind(t, socket.Options{PingEvery: -1, OutboxBytes: 64 << 20}, func(t *testing.T, s *harness) {
				s.receive = 4 << 10
				s.handshaker.admission.Deflate = c.deflate
				for range pages {
					s.dialPage("")
				}
				filler := &scenecast.Frame{Data: websocket.BinaryFrame(noise(500 << 10))}
				s.do(func() {
					for _, slot := range s.slots {
						s.loop.SendShared(slot, filler)
					}
				})
				s.awaitThat("all pages are stalled", func() bool { return s.loop.IsStalled(pages) })
				heap, counted := heapBytes(), s.loop.OutboxBytes()
				for i := range frames {
					s.do(func() { c.queue(s, i) })
				}
				s.awaitThat("the round is written", func() bool { return s.loop.IsWritten() })
				heap, counted = heapBytes()-heap, s.loop.OutboxBytes()-counted
				if heap > counted*14/10 || counted > heap*14/10 {
					t.Errorf("the heap has grown by %d bytes, and %d are counted", heap, counted)
				}
			})
		})
	}
}

// noise cannot be compressed.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // never fails
	return b
}
