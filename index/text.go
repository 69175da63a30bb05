package index

import (
	"encoding/binary"
	"math/bits"
)

// text is a label's value. Up to 11 bytes are in the text itself, behind their number: most values are that short, and it
// spares a cache miss. The bytes of a longer one are in a block of texts, whose ref is at [4:8].
type text [12]byte

// long stands for the length of a text that is elsewhere.
const long = 0xff

// texts is the memory of long texts: each block has a length, as a uvarint, and then the bytes.
type texts struct{ slab[byte] }

func (t *texts) make(value string) (made text) {
	if len(value) < len(made) {
		made[0] = byte(len(value))
		copy(made[1:], value)
		return made
	}
	n := uint64(len(value))
	prefix := (bits.Len64(n) + 6) / 7
	r := t.alloc(prefix + len(value))
	block := t.block(r)
	copy(block[binary.PutUvarint(block, n):], value)
	made[0] = long
	binary.LittleEndian.PutUint32(made[4:], uint32(r))
	return made
}

func (of *text) ref() ref { return ref(binary.LittleEndian.Uint32(of[4:])) }

// bytes is the text, in memory that is used again when the text is dropped.
func (t *texts) bytes(of *text) []byte {
	if of[0] != long {
		return of[1:][:of[0]]
	}
	block := t.block(of.ref())
	n, prefix := binary.Uvarint(block)
	return block[prefix:][:n]
}

func (t *texts) drop(of *text) {
	if of[0] == long {
		t.free(of.ref())
	}
}
