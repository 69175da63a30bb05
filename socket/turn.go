package socket

import (
	"math/bits"

	"scenecast"
)

// turn holds the frames that sockets are to get in this turn of the loop. A socket keeps only a mask: a bit for each of the
// frames that are for it. So whatever it gets leaves in one write, and sockets with the same mask share one buffer, however
// many frames that is, whatever their audiences were.
type turn struct {
	frames  [maskBits]*scenecast.Frame
	used    int
	last    int // the frame that was marked last
	bytes   int // of the frames
	settles uint64

	touched []uint32 // slots with a mask; one may be there again, or have none any more
	next    int      // of touched

	joined [2]joined // plain, and deflated
}

// maskBits is how many frames a turn has room for.
const maskBits = 64

// joined are the buffers of masks with several frames.
type joined struct {
	byMask map[uint64][]byte
	mask   uint64 // of the last one
	buffer []byte
	arena  []byte // what the buffers are parts of, used again turn after turn
}

// arenaBytes bounds what a turn keeps of buffers; those beyond are made anew each time.
const arenaBytes = 256 << 10

// mark gives a frame its bit in a mask, behind those that are in it. False: there is no room, and all must be written first:
// whatever a socket has pending must have room in its outbox.
func (t *turn) mark(mask uint64, f *scenecast.Frame, l limits) (bit uint64, ok bool) {
	if t.used > 0 && t.frames[t.last] == f && mask>>t.last == 0 {
		return 1 << t.last, true
	}
	for i := bits.Len64(mask); i < t.used; i++ {
		if t.frames[i] == f {
			t.last = i
			return 1 << i, true
		}
	}
	if t.used == maskBits || t.used > 0 && (t.used >= l.frames || t.bytes+len(f.Data) > l.bytes) {
		return 0, false
	}
	t.frames[t.used] = f
	t.last = t.used
	t.used++
	t.bytes += len(f.Data)
	if f.Done != nil {
		t.settles |= 1 << t.last
	}
	return 1 << t.last, true
}

// isNearlyFull reports whether another push might not find room for its frames, one for each wire.
func (t *turn) isNearlyFull(bytes int) bool {
	return t.used > maskBits-8 || t.bytes > bytes/2
}

// waiting is how many sockets are to be written to, or a few less.
func (t *turn) waiting() int { return len(t.touched) - t.next }

// isWritten reports whether every socket that was touched has had its turn.
func (t *turn) isWritten() bool { return t.next == len(t.touched) }

// buffer is what a socket with this mask gets. It is valid until the next call.
func (t *turn) buffer(mask uint64, deflate bool) []byte {
	if mask&(mask-1) == 0 {
		return variant(t.frames[bits.TrailingZeros64(mask)], deflate)
	}
	j := &t.joined[0]
	if deflate {
		j = &t.joined[1]
	}
	if j.mask == mask {
		return j.buffer
	}
	buffer, ok := j.byMask[mask]
	if !ok {
		start := len(j.arena)
		for m := mask; m != 0; m &= m - 1 {
			j.arena = append(j.arena, variant(t.frames[bits.TrailingZeros64(m)], deflate)...)
		}
		buffer = j.arena[start:len(j.arena):len(j.arena)]
		if len(j.arena) > arenaBytes {
			j.arena = j.arena[:start]
			return buffer // its bytes are written over by the next one that finds no room, so nobody may find it again
		}
		if j.byMask == nil {
			j.byMask = make(map[uint64][]byte)
		}
		j.byMask[mask] = buffer
	}
	j.mask, j.buffer = mask, buffer
	return buffer
}

// end forgets the frames, when all is written.
func (t *turn) end() {
	clear(t.frames[:t.used])
	t.used, t.last, t.bytes, t.settles = 0, 0, 0, 0
	t.touched, t.next = t.touched[:0], 0
	for i := range t.joined {
		j := &t.joined[i]
		clear(j.byMask)
		j.mask, j.buffer = 0, nil
		if cap(j.arena) > 2*arenaBytes {
			j.arena = nil
		}
		j.arena = j.arena[:0]
	}
}
