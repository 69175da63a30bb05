package index

import (
	"slices"

	"scenecast/audience"
)

// node is a node of a plan: of the expression's tree, with everything looked up, and with what it would cost to answer it
// in one way or another. There are fewer ops than an audience has: has(key) is key.startsWith(""), In is the Or of its
// labels, and everybody is not nobody.
type node struct {
	op    op
	exact bool // size is no bound but the count
	size  int  // how many members it has, at most
	cost  cost

	label id // of holders; who they are, in one of two forms:
	bits  bitset
	list  []uint32

	key    ref // of values
	prefix string

	// Of not, and, or: the children are nodes[first:last]. An and finds the members of those before tested, and asks the
	// others about each.
	first, tested, last int

	words bool // of values, and, or: the members are found by way of bitsets
}

// op is what a node asks of a member.
type op uint8

const (
	nobody  op = iota // what no member is
	holders           // that it has the label
	values            // that it has a label of the key that begins with the prefix
	not
	and
	or
)

// cost is how long the ways to answer a node take, in something like nanoseconds. It is guessed from the counts alone;
// what matters is that the guesses are of the right magnitude.
type cost struct {
	list int // to list the members
	mark int // to set their bits in a bitset
	test int // to ask about one member
}

// What the parts cost. Most of the differences are cache misses.
const (
	perWord   = 1  // to combine a word of two bitsets, or to clear one
	perMember = 1  // to copy a number from list to list
	perBit    = 3  // to set or test a bit
	perOwn    = 50 // to look through a member's own labels
	perLabel  = 12 // to go on to the next label of a key
	perText   = 25 // to read a label's value
)

// plan makes nodes of an expression and returns the root. They are good until the next change or plan.
func (x *Index) plan(to audience.Expr) *node {
	x.nodes = append(x.nodes[:0], node{})
	root := to.Root()
	x.nodes[0] = x.node(&root)
	return &x.nodes[0]
}

// done forgets the plan, which may hold on to memory that the index lets go of.
func (x *Index) done() { clear(x.nodes) }

func (x *Index) children(n *node) []node { return x.nodes[n.first:n.last] }

func (x *Index) node(from *audience.Node) node {
	switch from.Op {
	case audience.OpEverybody:
		x.nodes = append(x.nodes, node{op: nobody, exact: true})
		return x.not(len(x.nodes)-1, len(x.nodes))
	case audience.OpIn:
		if len(from.Values) == 1 {
			return x.holders(from.Key, from.Values[0])
		}
		return x.or(x.branches(from))
	case audience.OpHas:
		return x.values(from.Key, "")
	case audience.OpHasPrefix:
		return x.values(from.Key, from.Values[0])
	case audience.OpNot:
		return x.not(x.branches(from))
	case audience.OpAnd:
		return x.and(x.branches(from))
	case audience.OpOr:
		return x.or(x.branches(from))
	}
	return node{op: nobody, exact: true}
}

// branches makes the children of a node beside each other; theirs come behind. An In has its labels for children, and those
// of an In that is the child of an Or are the Or's.
func (x *Index) branches(from *audience.Node) (first, last int) {
	first = len(x.nodes)
	last = first + len(from.Values)
	for i := range from.Children {
		last += width(from, &from.Children[i])
	}
	x.nodes = slices.Grow(x.nodes, last-first)[:last]
	at := first
	for _, value := range from.Values {
		x.nodes[at] = x.holders(from.Key, value)
		at++
	}
	for i := range from.Children {
		child := &from.Children[i]
		if width(from, child) == 1 {
			n := x.node(child) // which may move the nodes
			x.nodes[at] = n
			at++
			continue
		}
		for _, value := range child.Values {
			x.nodes[at] = x.holders(child.Key, value)
			at++
		}
	}
	return first, last
}

// width is how many nodes of the plan stand for a child.
func width(parent, child *audience.Node) int {
	if parent.Op == audience.OpOr && child.Op == audience.OpIn {
		return len(child.Values)
	}
	return 1
}
