package audience

import (
	"strings"

	"scenecast/label"
)

// Match reports whether a connection with these labels belongs to the audience. It does not allocate.
func (e Expr) Match(s label.Set) bool { return e.root.Match(s) }

// Match reports whether the part of the expression that the node is holds for these labels. It does not allocate.
func (n *Node) Match(s label.Set) bool {
	switch n.Op {
	case OpEverybody:
		return true
	case OpIn:
		for _, v := range n.Values {
			if s.Contains(n.Key, v) {
				return true
			}
		}
	case OpHas:
		return s.Has(n.Key)
	case OpHasPrefix:
		for l := range s.Of(n.Key).All() {
			if strings.HasPrefix(l.Value, n.Values[0]) {
				return true
			}
		}
	case OpAnd:
		for i := range n.Children {
			if !n.Children[i].Match(s) {
				return false
			}
		}
		return true
	case OpOr:
		for i := range n.Children {
			if n.Children[i].Match(s) {
				return true
			}
		}
	case OpNot:
		return !n.Children[0].Match(s)
	}
	return false
}
