package socket

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"scenecast"
	"scenecast/websocket"
)

// FuzzWriteBatch compares the masks of a batch with a list of frames for each slot.
func FuzzWriteBatch(f *testing.F) {
	for seed := range uint64(10) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		const slots = 20
		var (
			batch  writeBatch
			masks  [slots]uint64
			lists  [slots][]*scenecast.Frame
			frames []*scenecast.Frame
			bounds = limits{bytes: []int{3000, 3 << 20}[r.IntN(2)], frames: []int{1, 10, 1000}[r.IntN(3)]}
		)
		for i := range 100 {
			size := []int{r.IntN(100), 2000, 40_000}[r.IntN(3)]
			frames = append(frames, &scenecast.Frame{Data: websocket.BinaryFrame(bytes.Repeat(fmt.Appendf(nil, "%d,", i), min(size, bounds.bytes-500)/4))})
		}
		write := func() {
			for slot := range slots {
				deflate := slot%3 == 0
				var want []byte
				for _, frame := range lists[slot] {
					want = append(want, variant(frame, deflate)...)
				}
				if masks[slot] != 0 && !bytes.Equal(batch.buffer(masks[slot], deflate), want) || masks[slot] == 0 && len(want) > 0 {
					t.Fatalf("slot %d, with %d frames, mask %b: another buffer", slot, len(lists[slot]), masks[slot])
				}
				if len(lists[slot]) > bounds.frames {
					t.Fatalf("slot %d has %d frames, and an outbox room for %d", slot, len(lists[slot]), bounds.frames)
				}
				masks[slot], lists[slot] = 0, nil
			}
			batch.end()
		}
		for range 300 {
			frame := frames[r.IntN(len(frames))]
			for slot := range slots {
				if r.IntN(2) == 0 {
					continue
				}
				bit, ok := batch.mark(masks[slot], frame, bounds)
				if !ok {
					write()
					if bit, ok = batch.mark(0, frame, bounds); !ok {
						t.Fatalf("an empty batch has no room for a frame of %d bytes", len(frame.Data))
					}
				}
				masks[slot] |= bit
				lists[slot] = append(lists[slot], frame)
			}
			if r.IntN(20) == 0 {
				write()
			}
		}
		write()
	})
}
