package socket_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"testing"

	"scenecast"
	"scenecast/socket"
)

// TestTCPOrder: whatever is shared with many and sent to one, in few rounds or many, small or large, to pages that read or
// wait: each page gets what is its own, all of it, in the order of the calls.
func TestTCPOrder(t *testing.T) {
	for deflate, rounds := range map[bool]int{false: 12, true: 2} { // compressing takes its time
		t.Run(fmt.Sprint("deflate ", deflate), func(t *testing.T) {
			onEachKind(t, socket.Options{OutboxBytes: 8 << 20, OutboxFrames: 100_000}, func(t *testing.T, s *harness) {
				s.handshaker.admission.Deflate = deflate
				r := rand.New(rand.NewPCG(1, 2))
				const pages = 6
				var got [pages]chan []string
				for i := range pages {
					s.receive = []int{0, 16 << 10}[i%2]
					conn := s.dialPage("")
					got[i] = make(chan []string, 1)
					go func(conn net.Conn, names chan<- []string) { names <- readNamesOf(conn, "last") }(conn, got[i])
				}
				var want [pages][]string
				for round := range rounds {
					s.do(func() {
						for call := range 1 + r.IntN(200) {
							name, size := fmt.Sprint(round, "-", call), r.IntN(300)
							if r.IntN(40) == 0 {
								size = r.IntN(40_000)
							}
							if r.IntN(4) == 0 {
								i := r.IntN(pages)
								want[i] = append(want[i], name)
								s.loop.Send(s.slots[i], named(name, size))
								continue
							}
							f := s.deliveries.frame(name, size)
							for i := range pages {
								if r.IntN(2) == 0 {
									want[i] = append(want[i], name)
									s.share(s.slots[i], name, f)
								}
							}
						}
					})
				}
				s.do(func() {
					for i := range pages {
						want[i] = append(want[i], "last")
						s.share(s.slots[i], "last", s.deliveries.frame("last", 0))
					}
				})
				for i := range pages {
					if names := <-got[i]; !slices.Equal(names, want[i]) {
						same := 0
						for same < min(len(names), len(want[i])) && names[same] == want[i][same] {
							same++
						}
						t.Errorf("page %d got %d frames, want %d; behind %d of them %q, want %q", i, len(names), len(want[i]), same,
							names[same:min(same+3, len(names))], want[i][same:min(same+3, len(want[i]))])
					}
				}
			})
		})
	}
}

// TestOneWrite: what a page gets in one round leaves in one piece, whoever else gets parts of it.
func TestOneWrite(t *testing.T) {
	s := newHarness(t, socket.Options{}, true)
	one, other := s.dialPage(""), s.dialPage("")
	s.do(func() {
		for i := range 60 {
			f := &scenecast.Frame{Data: named(fmt.Sprint("f", i), 10)}
			s.loop.SendShared(s.slots[0], f)
			if i%2 == 0 {
				s.loop.SendShared(s.slots[1], f)
			}
		}
	})
	for conn, want := range map[net.Conn]int{one: 60 * 12, other: 30 * 12} {
		buf := make([]byte, 10_000)
		if n, err := conn.Read(buf); n != want {
			t.Errorf("read %d bytes at once (%v), want %d", n, err, want)
		}
	}
}
