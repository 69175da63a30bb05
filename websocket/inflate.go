package websocket

import (
	"errors"
	"sync"
)

// inflaters have 4 KB each, and are borrowed for one message.
var inflaters = sync.Pool{New: func() any { return new(inflater) }}

// MaxEmptyBlocks is how many blocks of one compressed message may be empty. Those that are not are bounded by MaxMessage; a page
// that sends empty ones would keep the server busy with a message of nothing.
const MaxEmptyBlocks = 256

var (
	errNotDeflate  = errors.New("no deflate data")
	errInflated    = errors.New("inflates to more than the limit")
	errEmptyBlocks = errors.New("has too many empty blocks")
)

// inflater inflates whole messages (RFC 1951, RFC 7692). compress/flate would do, but it does not show blocks, so that their number
// could not be bounded; and as messages have no context, what has been inflated of one is the window, of which an inflater needs no
// copy.
type inflater struct {
	bits     bitReader
	literals huffman
	offsets  huffman
	lengths  [maxLiterals + maxOffsets]uint8 // scratch

	window int // where what matches may refer to begins
	most   int // bytes that the output may have
}

// What a dynamic block may have of codes (RFC 1951, 3.2.7).
const (
	maxLiterals = 286
	maxOffsets  = 30
	endOfBlock  = 256
	maxMatch    = 258 // bytes
)

// ending is what follows the payload: the flush that it left out, and a final block.
const ending = flushed + "\x01\x00\x00\xff\xff"

// inflate appends to out what a message's payload was before it was compressed. It stops as soon as that is longer than
// limit, which bounds what a small message can cost that inflates to a large one.
func inflate(out, payload []byte, limit int) ([]byte, error) {
	in := inflaters.Get().(*inflater)
	defer inflaters.Put(in)
	defer func() { in.bits = bitReader{} }()
	in.bits = bitReader{payload: payload}
	if room := min(max(512, 4*len(payload)), limit+maxMatch); cap(out)-len(out) < room {
		out = append(make([]byte, 0, len(out)+room), out...)
	}
	in.window, in.most = len(out), len(out)+limit
	empty := 0
	for {
		before := len(out)
		final, err := in.block(&out)
		if err != nil {
			return out, err
		}
		if len(out) == before {
			if empty++; empty > MaxEmptyBlocks {
				return out, errEmptyBlocks
			}
		}
		if !final {
			continue
		}
		in.bits.align()
		switch in.bits.position() - len(payload) {
		case 0, len(ending):
			return out, nil
		default: // it has ended the data, not the message: other data may follow (RFC 7692, 7.2.3.4)
			in.window = len(out)
		}
		if in.bits.position() > len(payload) {
			return out, errNotDeflate // the payload breaks off in a block
		}
	}
}

// block appends what a block holds.
func (in *inflater) block(out *[]byte) (final bool, err error) {
	head, ok := in.bits.take(3)
	if !ok {
		return false, errNotDeflate
	}
	switch head >> 1 {
	case 0:
		err = in.stored(out)
	case 1:
		err = in.compressed(out, &fixedLiterals, &fixedOffsets)
	case 2:
		if !in.readCodes() {
			return false, errNotDeflate
		}
		err = in.compressed(out, &in.literals, &in.offsets)
	default:
		err = errNotDeflate
	}
	return head&1 != 0, err
}

// stored is a block that is not compressed.
func (in *inflater) stored(out *[]byte) error {
	in.bits.align()
	size, ok := in.bits.take(16)
	inverse, ok2 := in.bits.take(16)
	if !ok || !ok2 || size^inverse != 0xffff {
		return errNotDeflate
	}
	if len(*out)+int(size) > in.most {
		return errInflated
	}
	for ; size > 0; size-- {
		b, ok := in.bits.take(8)
		if !ok {
			return errNotDeflate
		}
		*out = append(*out, byte(b))
	}
	return nil
}

// The lengths and distances of matches: the first of each code, and the bits that are added (RFC 1951, 3.2.5).
var (
	lengthBase = [...]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthBits = [...]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	offsetBase = [...]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073,
		4097, 6145, 8193, 12289, 16385, 24577}
	offsetBits = [...]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

// compressed is a block of literals, and of matches: parts of what has come before.
func (in *inflater) compressed(out *[]byte, literals, offsets *huffman) error {
	o := *out
	defer func() { *out = o }()
	for {
		if cap(o)-len(o) < maxMatch { // by doubling: append would allocate more in all
			o = append(make([]byte, 0, min(2*cap(o)+maxMatch, in.most+2*maxMatch)), o...)
		}
		symbol, ok := literals.decode(&in.bits)
		switch {
		case !ok:
			return errNotDeflate
		case symbol < endOfBlock:
			o = append(o, byte(symbol))
		case symbol == endOfBlock:
			return nil
		default:
			length, distance, ok := in.match(symbol-endOfBlock-1, offsets)
			if !ok || distance > len(o)-in.window {
				return errNotDeflate
			}
			if len(o)+length > in.most {
				return errInflated
			}
			for from := len(o) - distance; length > 0; { // a match may overlap what it makes, which repeats then
				n := min(length, len(o)-from)
				o = append(o, o[from:from+n]...)
				length -= n
			}
		}
		if len(o) > in.most {
			return errInflated
		}
	}
}

// match reads the rest of a match, whose length has this code.
func (in *inflater) match(code int, offsets *huffman) (length, distance int, ok bool) {
	if code >= len(lengthBase) {
		return 0, 0, false
	}
	more, ok := in.bits.take(uint(lengthBits[code]))
	offset, ok2 := offsets.decode(&in.bits)
	if !ok || !ok2 || offset >= len(offsetBase) {
		return 0, 0, false
	}
	farther, ok := in.bits.take(uint(offsetBits[offset]))
	return int(lengthBase[code]) + int(more), int(offsetBase[offset]) + int(farther), ok
}

// codeOrder is the order in which a dynamic block has the lengths of the codes for lengths (RFC 1951, 3.2.7).
var codeOrder = [...]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// readCodes reads the codes of a dynamic block. False: they are none.
func (in *inflater) readCodes() bool {
	head, ok := in.bits.take(14)
	literals, offsets, codes := int(head&31)+257, int(head>>5&31)+1, int(head>>10)+4
	if !ok || literals > maxLiterals || offsets > maxOffsets {
		return false
	}
	lengths := in.lengths[:len(codeOrder)]
	clear(lengths)
	for _, code := range codeOrder[:codes] {
		length, ok := in.bits.take(3)
		if !ok {
			return false
		}
		lengths[code] = uint8(length)
	}
	if !in.literals.build(lengths) { // it serves for the lengths first
		return false
	}
	lengths = in.lengths[:literals+offsets]
	for i := 0; i < len(lengths); {
		symbol, ok := in.literals.decode(&in.bits)
		if !ok {
			return false
		}
		if symbol < 16 {
			lengths[i] = uint8(symbol)
			i++
			continue
		}
		repeated, least, bits := uint8(0), 3, uint(3) // 17: zeros
		switch {
		case symbol == 18: // many zeros
			least, bits = 11, 7
		case symbol == 16: // the length before
			if i == 0 {
				return false
			}
			repeated, bits = lengths[i-1], 2
		}
		more, ok := in.bits.take(bits)
		n := least + int(more)
		if !ok || i+n > len(lengths) {
			return false
		}
		for ; n > 0; n-- {
			lengths[i] = repeated
			i++
		}
	}
	return in.literals.build(lengths[:literals]) && in.offsets.build(lengths[literals:])
}
