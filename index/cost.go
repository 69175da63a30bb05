package index

import (
	"cmp"
	"slices"
)

// The nodes, each with what it costs. The costs of a node are made of those of its children, so to plan takes no longer
// than to read the expression, and never looks at a member.

// words is what it costs to do something to a whole bitset.
func (x *Index) words() int { return len(x.members.live) * perWord }

// viaBits is what it costs to list members of whom a fresh bitset has been made.
func (x *Index) viaBits(size int) int { return 3*x.words() + size*perMember }

func (x *Index) holders(key, value string) node {
	label := x.labels.find(x.labels.hash(key, value), key, value)
	if label == 0 {
		return node{op: nobody, exact: true}
	}
	p := &x.labels.items.item(label).posting
	n := node{op: holders, label: label, size: int(p.count), exact: true}
	if n.bits = x.postings.bitset(p); n.bits != nil {
		n.cost = cost{list: x.viaBits(n.size), mark: x.words(), test: perBit}
		return n
	}
	n.list = x.postings.list(p)
	n.cost = cost{list: n.size * perMember, mark: n.size * perBit, test: perOwn}
	return n
}

// values does not know how many members have the prefix, nor, where a member may have several of the values, how many have
// the key: both would take as long as to find them.
func (x *Index) values(name, prefix string) node {
	key := x.labels.keys.byName[name]
	if key == 0 {
		return node{op: nobody, exact: true}
	}
	k := x.labels.keys.items.item(key)
	n := node{op: values, key: key, prefix: prefix, size: min(k.uses, x.Len())}
	walk := k.values * perLabel
	n.cost.test = 2 * perOwn
	if prefix != "" {
		walk += k.values * perText
		n.cost.test += perText
	}
	n.cost.mark = walk + min(k.uses*perBit, k.values*x.words())
	n.cost.list = walk + union(k.uses)
	x.preferWords(&n)
	return n
}

func (x *Index) not(first, last int) node {
	child := &x.nodes[first]
	n := node{op: not, first: first, tested: last, last: last, size: x.Len(), exact: child.exact}
	if child.exact {
		n.size -= child.size
	}
	n.cost = cost{mark: child.cost.mark + 3*x.words(), test: child.cost.test}
	if child.bits != nil {
		n.cost.mark = x.words()
	}
	n.cost.list = n.cost.mark + x.viaBits(n.size)
	return n
}

func (x *Index) or(first, last int) node {
	n := node{op: or, first: first, tested: last, last: last}
	children := x.children(&n)
	byTest(children)
	for i := range children {
		c := &children[i]
		n.size += c.size
		n.cost.list += c.cost.list
		n.cost.mark += c.cost.mark
		n.cost.test += c.cost.test
	}
	n.cost.list += union(n.size)
	n.size = min(n.size, x.Len())
	x.preferWords(&n)
	return n
}

// union is what it costs to find out, of so many members, who is among them twice.
func union(size int) int { return size * (perMember + 2*perBit) }

func (x *Index) preferWords(n *node) {
	if list := n.cost.mark + x.viaBits(n.size); list < n.cost.list {
		n.words, n.cost.list = true, list
	}
}

// and either lists one child and asks the others about each member found, or combines bitsets of some children and asks
// the rest. Either way the smallest child bounds what is left to ask.
func (x *Index) and(first, last int) node {
	n := node{op: and, first: first, last: last}
	children := x.children(&n)
	byTest(children)
	tests := 0
	for i := range children {
		tests += children[i].cost.test
	}
	leader, smallest := 0, 0
	led := func(i int) int { c := &children[i]; return c.cost.list + c.size*(tests-c.cost.test) }
	for i := range children {
		if led(i) < led(leader) {
			leader = i
		}
		if children[i].size < children[smallest].size {
			smallest = i
		}
	}
	n.size = children[smallest].size

	combined := x.viaBits(n.size)
	for i := range children {
		mark, test := x.combine(&children[i]), n.size*children[i].cost.test
		if i == smallest || mark < test {
			combined += mark
		} else {
			combined += test
		}
	}
	if n.cost.list = led(leader); n.cost.list <= combined {
		lead(children, leader)
		n.tested = first + 1
	} else {
		n.words, n.cost.list = true, combined
		lead(children, smallest)
		n.tested = first + 1
		for i := 1; i < len(children); i++ {
			if c := &children[i]; x.combine(c) < n.size*c.cost.test {
				lead(children[n.tested-first:], i-(n.tested-first))
				n.tested++
			}
		}
	}
	n.cost.mark = n.cost.list + n.size*perBit
	n.cost.test = tests
	return n
}

// combine is what it costs to keep, in a bitset, who is in a child too.
func (x *Index) combine(child *node) int {
	if child.op == not {
		child = &x.nodes[child.first]
	}
	if child.bits != nil {
		return x.words()
	}
	return child.cost.mark + 3*x.words()
}

// byTest puts the nodes first that are asked the quickest.
func byTest(nodes []node) {
	slices.SortStableFunc(nodes, func(a, b node) int { return cmp.Compare(a.cost.test, b.cost.test) })
}

// lead moves a node to the front of the others.
func lead(nodes []node, i int) {
	leader := nodes[i]
	copy(nodes[1:i+1], nodes[:i])
	nodes[0] = leader
}
