package audience

import (
	"slices"

	"scenecast/label"
)

// MayMatch reports whether a connection can belong to the audience that has these labels of the keys that are known, and no others of those.
// Nothing is assumed of other keys, of the same key asked about twice neither: so it may say yes where no labels would do, and says no only
// where none do.
func (e Expr) MayMatch(known []string, s label.Set) bool { return e.root.may(known, s) != no }

// answer is what is known of whether a node matches.
type answer uint8

const (
	no answer = iota
	maybe
	yes
)

func sure(matches bool) answer {
	if matches {
		return yes
	}
	return no
}

// may is the node's answer, by the three-valued logic of Kleene.
func (n *Node) may(known []string, s label.Set) answer {
	switch n.Op {
	case OpEverybody:
		return yes
	case OpIn, OpHas, OpHasPrefix:
		if !slices.Contains(known, n.Key) {
			return maybe
		}
		return sure(n.Match(s))
	case OpAnd:
		all := yes
		for i := range n.Children {
			all = min(all, n.Children[i].may(known, s))
		}
		return all
	case OpOr:
		some := no
		for i := range n.Children {
			some = max(some, n.Children[i].may(known, s))
		}
		return some
	case OpNot:
		return yes - n.Children[0].may(known, s)
	}
	return no
}
