package index

import "slices"

// posting is which members have a label, in one of three forms:
//
//	one    count is 1, and where[0] is the member
//	list   where[0] is the ref of a block of lists, of which the first count elements are the members
//	bits   where[0] less the flag is the number of a bitset
//
// A bit for every member and a number for each of its members are the same memory where one in 32 has the label. So a
// list becomes a bitset when it has more than one in 32, which is two to the word; and a bitset becomes a list when it
// has less than one to the word, half of that, lest a label at the border change its form all the time. (To be exact, it
// is not of the members but of the numbers up to the greatest member's; where these are dense, that is the same.)
type posting struct {
	count uint32
	where [1]uint32 // an array, so that the one member can be had as a slice
}

// postings is the memory of those that are not one.
type postings struct {
	lists   slab[uint32]
	bitsets []bitset
	spare   []uint32 // numbers of bitsets that are not in use
}

// short is how many members a list may have and not tell them where in it they are, as long ones do: whoever leaves is
// sought in the list, which is one cache line. To tell the one that moves would be two cache misses.
const short = 16

// isBits is the flag of a bitset. No ref of a list has it: that would be half a billion members in lists.
const isBits = 1 << 31

// bitset is the posting's; nil if it is not in that form.
func (p *postings) bitset(of *posting) bitset {
	if of.count < 2 || of.where[0]&isBits == 0 {
		return nil
	}
	return p.bitsets[of.where[0]&^isBits]
}

// list is the posting's members, unless it is a bitset.
func (p *postings) list(of *posting) []uint32 {
	if of.count < 2 {
		return of.where[:of.count]
	}
	return p.lists.block(ref(of.where[0]))[:of.count]
}

// appendTo appends the members.
func (p *postings) appendTo(of *posting, dst []uint32) []uint32 {
	if bits := p.bitset(of); bits != nil {
		return bits.appendTo(dst)
	}
	return append(dst, p.list(of)...)
}

// mark sets the members' bits.
func (p *postings) mark(of *posting, bits bitset) {
	if own := p.bitset(of); own != nil {
		bits.or(own)
		return
	}
	bits.setAll(p.list(of))
}

// append adds a member to a posting that is no bitset, and says where in its list.
func (p *postings) append(of *posting, member uint32) (at uint32) {
	list := p.list(of)
	if len(list) == 0 {
		of.count, of.where[0] = 1, member
		return 0
	}
	if len(list) == cap(list) {
		list = p.resize(of, list, len(list)+1)
	}
	at = of.count
	of.count++
	list[:of.count][at] = member
	return at
}

// removeAt removes the member at a place of a list of two or more. It says which member is there now: the last, or none if
// that was the one.
func (p *postings) removeAt(of *posting, at uint32) (moved uint32, ok bool) {
	list := p.list(of)
	last := of.count - 1
	moved = list[last]
	list[at] = moved
	of.count--
	if of.count == 1 {
		p.lists.free(ref(of.where[0]))
		of.where[0] = list[0]
	} else if len(list) <= cap(list)/2 {
		p.resize(of, list[:last], int(last))
	}
	return moved, at != last
}

// resize moves a list to a block for n members.
func (p *postings) resize(of *posting, list []uint32, n int) []uint32 {
	r := p.lists.alloc(n)
	block := p.lists.block(r)
	copy(block, list)
	if len(list) > 1 {
		p.lists.free(ref(of.where[0]))
	}
	of.where[0] = uint32(r)
	return block[:len(list)]
}

// toBits makes a bitset of a list.
func (p *postings) toBits(of *posting, words int) {
	bits := make(bitset, words)
	for _, member := range p.list(of) {
		bits.set(member)
	}
	p.lists.free(ref(of.where[0]))
	number := len(p.bitsets)
	if last := len(p.spare) - 1; last >= 0 {
		number, p.spare = int(p.spare[last]), p.spare[:last]
		p.bitsets[number] = bits
	} else {
		p.bitsets = append(p.bitsets, bits)
	}
	of.where[0] = uint32(number) | isBits
}

// toList makes a list of a bitset.
func (p *postings) toList(of *posting) {
	number := of.where[0] &^ isBits
	bits := p.bitsets[number]
	p.bitsets[number] = nil
	p.spare = append(p.spare, number)
	if of.count > 1 {
		of.where[0] = uint32(p.lists.alloc(int(of.count)))
	}
	bits.appendTo(p.list(of)[:0])
}

// add gives a member a label that is among its entries already.
func (x *Index) add(member uint32, label id) {
	it := x.labels.items.item(label)
	x.labels.keys.items.item(it.key).uses++
	if x.postings.bitset(&it.posting) != nil {
		if int(it.count) >= x.fewest() {
			x.postings.bitsets[it.where[0]&^isBits].set(member)
			it.count++
			return
		}
		x.toList(label, &it.posting)
	}
	at := x.postings.append(&it.posting, member)
	switch {
	case int(it.count) > x.most():
		x.postings.toBits(&it.posting, len(x.members.live))
	case it.count == short+1:
		x.placeAll(label, &it.posting)
	case it.count > short:
		x.members.place(member, label, at)
	}
}

// remove takes a label from a member whose entry says where it is. A label without members is forgotten.
func (x *Index) remove(member uint32, e entry) {
	it := x.labels.items.item(e.label)
	x.labels.keys.items.item(it.key).uses--
	if it.count == 1 {
		x.labels.forget(e.label)
		return
	}
	bits := x.postings.bitset(&it.posting)
	if bits == nil {
		at := e.at
		if it.count <= short {
			at = uint32(slices.Index(x.postings.list(&it.posting), member))
		}
		if moved, ok := x.postings.removeAt(&it.posting, at); ok && it.count > short {
			x.members.place(moved, e.label, at)
		}
		return
	}
	bits.clear(member)
	it.count--
	if it.count == 1 || int(it.count) < x.fewest() {
		x.toList(e.label, &it.posting)
	} else if len(bits) > 2*len(x.members.live) {
		x.postings.bitsets[it.where[0]&^isBits].trim()
	}
}

func (x *Index) toList(label id, p *posting) {
	x.postings.toList(p)
	if p.count > short {
		x.placeAll(label, p)
	}
}

// placeAll tells all members of a list where in it they are.
func (x *Index) placeAll(label id, p *posting) {
	for at, member := range x.postings.list(p) {
		x.members.place(member, label, uint32(at))
	}
}

// A list has at most most members, and a bitset has at least fewest.
func (x *Index) most() int   { return 2 * len(x.members.live) }
func (x *Index) fewest() int { return len(x.members.live) }
