package index

import (
	"slices"

	"scenecast/audience"
)

// Select appends the members that the expression matches to dst, each once, in no particular order. It allocates nothing
// if dst has room, but for scratch memory that it uses again the next time.
func (x *Index) Select(to audience.Expr, dst []uint32) []uint32 {
	defer x.done()
	return x.list(x.plan(to), dst)
}

// Count is how many members the expression matches: what Select would append, mostly without listing them.
func (x *Index) Count(to audience.Expr) int {
	defer x.done()
	return x.count(x.plan(to))
}

func (x *Index) count(n *node) int {
	switch {
	case n.exact:
		return n.size
	case n.op == not:
		return x.Len() - x.count(&x.nodes[n.first])
	case n.words && n.tested == n.last:
		marked := x.marked(n)
		defer x.scratch.clear(marked)
		return marked.count()
	}
	list := x.list(n, x.scratch.list())
	x.scratch.lists = append(x.scratch.lists, list)
	return len(list)
}

// list appends a node's members.
func (x *Index) list(n *node, dst []uint32) []uint32 {
	switch n.op {
	case holders:
		if n.bits != nil {
			return n.bits.appendTo(dst)
		}
		return append(dst, n.list...)
	case and:
		return x.intersection(n, dst)
	case values, or:
		if !n.words {
			return x.union(n, dst)
		}
	case nobody:
		return dst
	}
	marked := x.marked(n)
	defer x.scratch.clear(marked)
	return marked.appendTo(dst)
}

// intersection lists the members of an and.
func (x *Index) intersection(n *node, dst []uint32) []uint32 {
	from := len(dst)
	if n.words {
		marked := x.combined(x.nodes[n.first:n.tested])
		dst = marked.appendTo(dst)
		x.scratch.clear(marked)
	} else {
		dst = x.list(&x.nodes[n.first], dst)
	}
	for i := n.tested; i < n.last && len(dst) > from; i++ {
		dst = dst[:from+x.keep(&x.nodes[i], dst[from:])]
	}
	return dst
}

// union lists the members of an or, or of some values of a key, each once.
func (x *Index) union(n *node, dst []uint32) []uint32 {
	seen, all := x.scratch.bitset(len(x.members.live)), len(dst)
	for i := range x.children(n) {
		from := len(dst)
		dst = x.list(&x.nodes[n.first+i], dst)
		dst = dst[:from+seen.addNew(dst[from:])]
	}
	if n.op == values {
		for it := range x.labels.of(n.key) {
			if x.labels.begins(it, n.prefix) {
				from := len(dst)
				dst = x.postings.appendTo(&it.posting, dst)
				dst = dst[:from+seen.addNew(dst[from:])]
			}
		}
	}
	for _, member := range dst[all:] {
		seen.clear(member)
	}
	x.scratch.bitsets = append(x.scratch.bitsets, seen)
	return dst
}

// marked is a fresh bitset of a node's members.
func (x *Index) marked(n *node) bitset {
	bits := x.scratch.bitset(len(x.members.live))
	x.mark(n, bits)
	return bits
}

// mark sets the bits of a node's members.
func (x *Index) mark(n *node, bits bitset) {
	switch n.op {
	case holders:
		bits.or(n.bits)
		bits.setAll(n.list)
	case values:
		for it := range x.labels.of(n.key) {
			if x.labels.begins(it, n.prefix) {
				x.postings.mark(&it.posting, bits)
			}
		}
	case or:
		for i := range x.children(n) {
			x.mark(&x.nodes[n.first+i], bits)
		}
	case not:
		child, marked := x.asBits(&x.nodes[n.first])
		bits.orNot(x.members.live, child)
		x.scratch.clear(marked)
	case and:
		if n.words && n.tested == n.last {
			marked := x.combined(x.children(n))
			bits.or(marked)
			x.scratch.clear(marked)
			return
		}
		list := x.list(n, x.scratch.list())
		bits.setAll(list)
		x.scratch.lists = append(x.scratch.lists, list)
	}
}

// combined is a fresh bitset of the members that all nodes have.
func (x *Index) combined(nodes []node) bitset {
	bits := x.marked(&nodes[0])
	for i := range nodes[1:] {
		n, keep := &nodes[1+i], bitset.and
		if n.op == not {
			n, keep = &x.nodes[n.first], bitset.andNot
		}
		other, marked := x.asBits(n)
		keep(bits, other)
		x.scratch.clear(marked)
	}
	return bits
}

// asBits is a node's members as a bitset, to read only, and again if it was made to be cleared.
func (x *Index) asBits(n *node) (bits, fresh bitset) {
	if n.bits != nil {
		return n.bits, nil
	}
	bits = x.marked(n)
	return bits, bits
}

// keep moves those of the candidates that the node has to the front, and says how many there are.
func (x *Index) keep(n *node, candidates []uint32) (kept int) {
	keep := true
	if n.op == not && x.nodes[n.first].bits != nil {
		n, keep = &x.nodes[n.first], false
	}
	bits, marked := n.bits, bitset(nil)
	if bits == nil && x.combine(n) < len(candidates)*n.cost.test {
		bits, marked = x.asBits(n)
	}
	if bits != nil {
		for _, member := range candidates {
			candidates[kept] = member
			if bits.has(member) == keep {
				kept++
			}
		}
		x.scratch.clear(marked)
		return kept
	}
	for _, member := range candidates {
		if x.test(n, member) {
			candidates[kept] = member
			kept++
		}
	}
	return kept
}

// test asks whether a node has a member.
func (x *Index) test(n *node, member uint32) bool {
	switch n.op {
	case holders:
		if n.bits != nil {
			return n.bits.has(member)
		}
		return find(x.members.of(member), n.label) >= 0
	case values:
		return slices.ContainsFunc(x.members.of(member), func(e entry) bool {
			it := x.labels.items.item(e.label)
			return it.key == n.key && x.labels.begins(it, n.prefix)
		})
	case not:
		return !x.test(&x.nodes[n.first], member)
	case and:
		for i := range x.children(n) {
			if !x.test(&x.nodes[n.first+i], member) {
				return false
			}
		}
		return true
	case or:
		for i := range x.children(n) {
			if x.test(&x.nodes[n.first+i], member) {
				return true
			}
		}
	}
	return false
}
