package hub

import (
	"sync"
	"sync/atomic"

	"scenecast"
)

// replayed are the frames of pushes that were replayed not long ago: pages that have lost their connections together come back
// together, and have missed the same. A push has one place, by its number, which the last one that needed it has.
type replayed [4096]atomic.Pointer[replayedFrame]

// replayedFrame is a push in the form of one wire.
type replayedFrame struct {
	position scenecast.Position
	by       scenecast.Protocol
	frame    []byte
}

// mostReplayed is the size of a frame that is remembered; all of them take 16 MiB at most.
const mostReplayed = 4 << 10

func (r *replayed) encode(p *scenecast.Push, by scenecast.Protocol) []byte {
	place := &r[p.Position.Seq%uint64(len(r))]
	if f := place.Load(); f != nil && f.position == p.Position && f.by == by {
		return f.frame
	}
	frame := by.EncodePush(p, scenecast.Replayed)
	if len(frame) <= mostReplayed {
		place.Store(&replayedFrame{p.Position, by, frame})
	}
	return frame
}

// pieces are buffers for what steps send. A piece that has been written can be the next one, of any page.
var pieces = sync.Pool{New: func() any { return new([stepBytes]byte) }}

// newPiece is an empty buffer of a step's size.
func newPiece() []byte { return pieces.Get().(*[stepBytes]byte)[:0] }

// freePiece gives a buffer back that nobody reads any more. One that has outgrown its size is left to the collector.
func freePiece(b []byte) {
	if cap(b) == stepBytes {
		pieces.Put((*[stepBytes]byte)(b[:stepBytes]))
	}
}
