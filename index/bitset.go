package index

import (
	"iter"
	"math/bits"
	"slices"
)

// bitset is a set of members, a bit for each. Members beyond its length are not in it, so two of them need not be equally
// long.
type bitset []uint64

const wordBits = 64

func (b bitset) has(member uint32) bool {
	word := int(member / wordBits)
	return word < len(b) && b[word]>>(member%wordBits)&1 != 0
}

// set adds a member; the set becomes as long as it must.
func (b *bitset) set(member uint32) {
	if word := int(member / wordBits); word >= len(*b) {
		b.extend(word + 1)
	}
	(*b)[member/wordBits] |= 1 << (member % wordBits)
}

// extend appends zeros. What lies between length and capacity may be anything, so they are written.
func (b *bitset) extend(words int) {
	old := len(*b)
	*b = slices.Grow(*b, words-old)[:words]
	clear((*b)[old:])
}

func (b bitset) clear(member uint32) { b[member/wordBits] &^= 1 << (member % wordBits) }

// setAll adds members, for whom the set is long enough.
func (b bitset) setAll(members []uint32) {
	for _, member := range members {
		b[member/wordBits] |= 1 << (member % wordBits)
	}
}

// addNew adds members and moves those that were not in the set before to the front of the list. It says how many.
func (b bitset) addNew(members []uint32) (n int) {
	for _, member := range members {
		if !b.has(member) {
			b[member/wordBits] |= 1 << (member % wordBits)
			members[n] = member
			n++
		}
	}
	return n
}

// trim drops the zeros at the end, and says whether it gave memory back, which it does where most of it was zeros.
func (b *bitset) trim() bool {
	words := len(*b)
	for words > 0 && (*b)[words-1] == 0 {
		words--
	}
	*b = (*b)[:words]
	if cap(*b) < 4*words+64 {
		return false
	}
	*b = slices.Clone(*b)
	return true
}

// count is how many members are in the set.
func (b bitset) count() (n int) {
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// or adds the members of another set, as far as this one is long.
func (b bitset) or(other bitset) {
	n := min(len(b), len(other))
	b = b[:n]
	for i, word := range other[:n] {
		b[i] |= word
	}
}

// orNot adds those of all that are not in other; all is as long as this set.
func (b bitset) orNot(all, other bitset) {
	n := min(len(all), len(other))
	for i, word := range other[:n] {
		b[i] |= all[i] &^ word
	}
	b[n:].or(all[n:])
}

// and keeps the members that are in the other set too.
func (b bitset) and(other bitset) {
	n := min(len(b), len(other))
	for i, word := range other[:n] {
		b[i] &= word
	}
	clear(b[n:])
}

// andNot keeps the members that are not in the other set.
func (b bitset) andNot(other bitset) {
	n := min(len(b), len(other))
	for i, word := range other[:n] {
		b[i] &^= word
	}
}

// all ranges over the members in order.
func (b bitset) all() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for i, word := range b {
			for ; word != 0; word &= word - 1 {
				if !yield(uint32(i*wordBits + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}

// appendTo appends the members in order. It counts them first: that costs little, and makes the loop one without a
// question about the capacity.
func (b bitset) appendTo(dst []uint32) []uint32 {
	n := len(dst)
	total := n + b.count()
	dst = slices.Grow(dst, total-n)[:total]
	for i, word := range b {
		base := uint32(i * wordBits)
		for ; word != 0; word &= word - 1 {
			dst[n] = base + uint32(bits.TrailingZeros64(word))
			n++
		}
	}
	return dst
}
