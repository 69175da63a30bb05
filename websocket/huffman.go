package websocket

import "math/bits"

// bitReader reads a message's payload, and the ending, bit by bit.
type bitReader struct {
	payload []byte
	next    int    // byte of the payload and the ending
	held    uint64 // bits that were read, the next one lowest …
	count   uint   // … and how many
}

// fill reads as many bytes as there is room for.
func (r *bitReader) fill() {
	for r.count <= 56 {
		var b byte
		switch i := r.next - len(r.payload); {
		case i < 0:
			b = r.payload[r.next]
		case i < len(ending):
			b = ending[i]
		default:
			return
		}
		r.held |= uint64(b) << r.count
		r.next++
		r.count += 8
	}
}

// take takes up to 16 bits. False: there are not so many.
func (r *bitReader) take(n uint) (value uint32, ok bool) {
	if r.count < n {
		if r.fill(); r.count < n {
			return 0, false
		}
	}
	value = uint32(r.held & (1<<n - 1))
	r.held >>= n
	r.count -= n
	return value, true
}

// align goes on to the next byte.
func (r *bitReader) align() {
	r.held >>= r.count % 8
	r.count -= r.count % 8
}

// position is the byte of which the next bit is, unless it is the first of one.
func (r *bitReader) position() int { return r.next - int(r.count/8) }

// huffman is a code: symbols by their bits. Codes of up to fastBits are looked up, longer ones counted through.
type huffman struct {
	fast    [1 << fastBits]uint16 // by the next bits: symbol<<4 | length; 0: it is longer, or none
	counts  [maxBits + 1]uint16   // of symbols, by length
	symbols [288]uint16           // by length, then by value
}

const (
	fastBits = 9
	maxBits  = 15
)

// build makes the code whose symbols have these lengths; 0: the symbol has none. False: there is no such code, as compress/flate
// has it: codes must be complete, but for one of a single bit, and may be missing altogether where none is used.
func (h *huffman) build(lengths []uint8) bool {
	*h = huffman{}
	longest := 0
	for _, n := range lengths {
		h.counts[n]++
		longest = max(longest, int(n))
	}
	h.counts[0] = 0
	var codes, places [maxBits + 1]uint16 // the next ones, by length
	code, place := 0, 0
	for n := 1; n <= longest; n++ {
		code <<= 1
		codes[n], places[n] = uint16(code), uint16(place)
		code += int(h.counts[n])
		place += int(h.counts[n])
	}
	if longest > 0 && code != 1<<longest && (code != 1 || longest != 1) {
		return false
	}
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		h.symbols[places[n]] = uint16(symbol)
		places[n]++
		if n <= fastBits {
			for i := int(bits.Reverse16(codes[n]) >> (16 - n)); i < len(h.fast); i += 1 << n {
				h.fast[i] = uint16(symbol)<<4 | uint16(n)
			}
		}
		codes[n]++
	}
	return true
}

// decode takes a symbol. False: the next bits are none.
func (h *huffman) decode(r *bitReader) (symbol int, ok bool) {
	if r.count < maxBits {
		r.fill()
	}
	if f := h.fast[r.held&(1<<fastBits-1)]; f != 0 {
		if n := uint(f & 15); n <= r.count {
			r.held >>= n
			r.count -= n
			return int(f >> 4), true
		}
		return 0, false
	}
	code, first, index := 0, 0, 0
	for n := uint(1); n <= maxBits && n <= r.count; n++ {
		code |= int(r.held >> (n - 1) & 1)
		count := int(h.counts[n])
		if code-first < count {
			r.held >>= n
			r.count -= n
			return int(h.symbols[index+code-first]), true
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	return 0, false
}

// The codes of blocks that bring none of their own (RFC 1951, 3.2.6).
var fixedLiterals, fixedOffsets = fixedCodes()

func fixedCodes() (literals, offsets huffman) {
	var lengths [288]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	literals.build(lengths[:])
	for i := range 32 {
		lengths[i] = 5
	}
	offsets.build(lengths[:32])
	return literals, offsets
}
