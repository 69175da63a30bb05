package audience

import (
	"slices"
	"strings"

	"scenecast/label"
)

// Topics are the values of a key that the audience names outside of negations, in the order of its text. all is false where it asks
// for others as well, by has or startsWith.
func (e Expr) Topics(key string) (values []string, all bool) { return e.root.topics(key, nil, true) }

func (n *Node) topics(key string, values []string, all bool) ([]string, bool) {
	switch n.Op {
	case OpIn:
		if n.Key == key {
			for _, v := range n.Values {
				if !slices.Contains(values, v) {
					values = append(values, v)
				}
			}
		}
	case OpHas, OpHasPrefix:
		all = all && n.Key != key
	case OpAnd, OpOr:
		for i := range n.Children {
			values, all = n.Children[i].topics(key, values, all)
		}
	case OpNobody, OpEverybody, OpNot:
	}
	return values, all
}

// Topic is the value of a key by which the audience reaches every connection that belongs to it, where that is the same for all: one that
// the audience demands, or none, "", where it names no value of the key.
func (e Expr) Topic(key string) (topic string, same bool) {
	if topic, demanded := e.root.demands(key); demanded {
		return topic, true
	}
	return "", !e.root.names(key)
}

// demands reports whether every connection that matches must have a certain value of the key.
func (n *Node) demands(key string) (value string, ok bool) {
	switch {
	case n.Op == OpIn && n.Key == key && len(n.Values) == 1:
		return n.Values[0], true
	case n.Op == OpAnd:
		for i := range n.Children {
			if value, ok := n.Children[i].demands(key); ok {
				return value, true
			}
		}
	}
	return "", false
}

// names reports whether the node asks for the key outside of negations.
func (n *Node) names(key string) bool {
	if n.Op == OpNot {
		return false
	}
	return n.Key == key || slices.ContainsFunc(n.Children, func(child Node) bool { return child.names(key) })
}

// TopicOf is the value of a key by which the audience reaches a connection with these labels, which belongs to it: of those values that
// the audience asks for outside of negations the first with which alone it would belong to the audience; where none is enough alone, the
// first of them; "" where it has none.
func (e Expr) TopicOf(key string, s label.Set) string {
	if topic, same := e.Topic(key); same {
		return topic
	}
	first := ""
	for l := range s.Of(key).All() {
		if !e.root.asksFor(key, l.Value) {
			continue
		}
		if e.Match(s.With(key, l.Value)) {
			return l.Value
		}
		if first == "" {
			first = l.Value
		}
	}
	return first
}

// asksFor reports whether a condition of the node, outside of negations, holds by this value of the key.
func (n *Node) asksFor(key, value string) bool {
	switch n.Op {
	case OpIn:
		return n.Key == key && slices.Contains(n.Values, value)
	case OpHas:
		return n.Key == key
	case OpHasPrefix:
		return n.Key == key && strings.HasPrefix(value, n.Values[0])
	case OpAnd, OpOr:
		return slices.ContainsFunc(n.Children, func(child Node) bool { return child.asksFor(key, value) })
	case OpNobody, OpEverybody, OpNot:
	}
	return false
}
