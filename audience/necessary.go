package audience

import (
	"slices"

	"scenecast/label"
)

// Condition is something that a connection's labels can be asked: whether the key has the value, or any value at all.
type Condition struct {
	Key   string
	Value string // of the key; "" with Any
	Any   bool   // any value will do
}

// Holds reports whether the condition holds for these labels.
func (c Condition) Holds(s label.Set) bool {
	if c.Any {
		return s.Has(c.Key)
	}
	return s.Contains(c.Key, c.Value)
}

// maxAlternatives bounds the conditions of one set. A longer list of values is known by its key instead.
const maxAlternatives = 32

// Necessary are sets of conditions: of each set, at least one condition holds for every connection that matches. So whoever keeps
// audiences finds those that can match a connection by its labels: an audience is filed under the conditions of one of its sets,
// whichever is best. No set means that labels alone rule nobody out, as for "*" or a negation; an empty set, that nobody matches.
// No set has more than 32 conditions.
func (e Expr) Necessary() [][]Condition { return e.root.necessary() }

// Labels are the keys that the audience asks about, sorted: who belongs to it depends on their values, and on nothing else.
func (e Expr) Labels() []string {
	keys := e.root.keys(nil)
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (n *Node) keys(keys []string) []string {
	if n.Key != "" {
		keys = append(keys, n.Key)
	}
	for i := range n.Children {
		keys = n.Children[i].keys(keys)
	}
	return keys
}

// Size is how much one Match costs at most, in labels looked at: the number of the tree's nodes and values, at least 1.
func (e Expr) Size() int { return e.root.size() }

func (n *Node) necessary() (sets [][]Condition) {
	switch n.Op {
	case OpNobody:
		return [][]Condition{{}}
	case OpIn:
		set := make([]Condition, len(n.Values))
		for i, value := range n.Values {
			set[i] = Condition{Key: n.Key, Value: value}
		}
		return bounded(set)
	case OpHas, OpHasPrefix:
		return [][]Condition{{{Key: n.Key, Any: true}}}
	case OpAnd: // what is necessary for a child is so for all
		for i := range n.Children {
			sets = append(sets, n.Children[i].necessary()...)
		}
		return sets
	case OpOr: // one of each child, or the child without any could match alone
		var union []Condition
		for i := range n.Children {
			child := n.Children[i].necessary()
			if len(child) == 0 {
				return nil
			}
			union = append(union, slices.MinFunc(child, narrower)...)
		}
		return bounded(union)
	case OpEverybody, OpNot:
	}
	return nil
}

// narrower orders sets by how many connections they let through, as far as that can be guessed: fewer conditions, and such with a
// value, come first.
func narrower(a, b []Condition) int { return breadth(a) - breadth(b) }

func breadth(set []Condition) (sum int) {
	for _, c := range set {
		sum++
		if c.Any {
			sum += maxAlternatives
		}
	}
	return sum
}

// bounded is the set without conditions that others make superfluous, if it can be had within the limit.
func bounded(set []Condition) [][]Condition {
	byKey := len(set) > maxAlternatives
	var short []Condition
	for _, c := range set {
		if byKey {
			c = Condition{Key: c.Key, Any: true}
		}
		if !slices.Contains(short, c) && !slices.Contains(short, Condition{Key: c.Key, Any: true}) {
			short = append(short, c)
		}
	}
	short = slices.DeleteFunc(short, func(c Condition) bool {
		return !c.Any && slices.Contains(short, Condition{Key: c.Key, Any: true})
	})
	if len(short) > maxAlternatives {
		return nil
	}
	return [][]Condition{short}
}
