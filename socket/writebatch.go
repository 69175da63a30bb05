package socket

import (
	"math/bits"

	"scenecast"
)

// writeBatch holds the frames that sockets are to get in this round of the loop. A socket keeps only a mask: a bit for each of the
// frames that are for it. So whatever it gets leaves in one write, and sockets with the same mask share one buffer, however
// many frames that is, whatever their audiences were.
type writeBatch struct {
	frames   [maskBits]*scenecast.Frame
	used     int
	last     int    // the frame that was marked last
	bytes    int    // of the frames
	withDone uint64 // a mask of those with Done

	dirty []uint32 // slots with a mask; one may be there again, or have none any more
	next  int      // of dirty

	joined [2]joined // plain, and deflated
}

// maskBits is how many frames a batch has room for.
const maskBits = 64

// joined are the buffers of masks with several frames.
type joined struct {
	byMask map[uint64][]byte
	mask   uint64 // of the last one
	buffer []byte
	arena  []byte // what the buffers are parts of, used again round after round
}

// arenaBytes bounds what a batch keeps of buffers; those beyond are made anew each time.
const arenaBytes = 256 << 10

// mark gives a frame its bit in a mask, behind those that are in it. False: there is no room, and all must be written first:
// whatever a socket has pending must have room in its outbox.
func (b *writeBatch) mark(mask uint64, f *scenecast.Frame, l limits) (bit uint64, ok bool) {
	if b.used > 0 && b.frames[b.last] == f && mask>>b.last == 0 {
		return 1 << b.last, true
	}
	for i := bits.Len64(mask); i < b.used; i++ {
		if b.frames[i] == f {
			b.last = i
			return 1 << i, true
		}
	}
	if b.used == maskBits || b.used > 0 && (b.used >= l.frames || b.bytes+len(f.Data) > l.bytes) {
		return 0, false
	}
	b.frames[b.used] = f
	b.last = b.used
	b.used++
	b.bytes += len(f.Data)
	if f.Done != nil {
		b.withDone |= 1 << b.last
	}
	return 1 << b.last, true
}

// isNearlyFull reports whether another push might not find room for its frames, one for each wire.
func (b *writeBatch) isNearlyFull(bytes int) bool {
	return b.used > maskBits-8 || b.bytes > bytes/2
}

// dirtySlots is how many sockets are to be written to, or a few less.
func (b *writeBatch) dirtySlots() int { return len(b.dirty) - b.next }

// isWritten reports whether every dirty slot is written to.
func (b *writeBatch) isWritten() bool { return b.next == len(b.dirty) }

// buffer is what a socket with this mask gets. It is valid until the next call.
func (b *writeBatch) buffer(mask uint64, deflate bool) []byte {
	if mask&(mask-1) == 0 {
		return variant(b.frames[bits.TrailingZeros64(mask)], deflate)
	}
	j := &b.joined[0]
	if deflate {
		j = &b.joined[1]
	}
	if j.mask == mask {
		return j.buffer
	}
	buffer, ok := j.byMask[mask]
	if !ok {
		start := len(j.arena)
		for m := mask; m != 0; m &= m - 1 {
			j.arena = append(j.arena, variant(b.frames[bits.TrailingZeros64(m)], deflate)...)
		}
		buffer = j.arena[start:len(j.arena):len(j.arena)]
		if len(j.arena) > arenaBytes {
			j.arena = j.arena[:start]
			return buffer // its bytes are written over by the next one that finds no room, so it must not be found again
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
func (b *writeBatch) end() {
	clear(b.frames[:b.used])
	b.used, b.last, b.bytes, b.withDone = 0, 0, 0, 0
	b.dirty, b.next = b.dirty[:0], 0
	for i := range b.joined {
		j := &b.joined[i]
		clear(j.byMask)
		j.mask, j.buffer = 0, nil
		if cap(j.arena) > 2*arenaBytes {
			j.arena = nil
		}
		j.arena = j.arena[:0]
	}
}
