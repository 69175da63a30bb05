package audience

import "errors"

const everybody = "*"

// String is the canonical text: it parses back to the same tree. The zero value's is empty.
func (e Expr) String() string { return e.text }

// MarshalJSON prints the canonical text as a JSON string. The zero value has none and is an error; the option omitzero
// leaves it out.
func (e Expr) MarshalJSON() ([]byte, error) {
	if e.IsZero() {
		return nil, errors.New("audience: the zero Expr has no spelling")
	}
	return appendQuoted(nil, e.text), nil
}

func appendNode(b []byte, n *Node) []byte {
	switch n.Op {
	case OpEverybody:
		return append(b, everybody...)
	case OpIn:
		if len(n.Values) == 1 {
			return appendComparison(b, n, "==")
		}
		return appendList(b, n)
	case OpHas:
		b = append(b, "has("...)
		b = append(b, n.Key...)
		return append(b, ')')
	case OpHasPrefix:
		b = append(b, n.Key...)
		b = append(b, ".startsWith("...)
		b = appendQuoted(b, n.Values[0])
		return append(b, ')')
	case OpAnd:
		return appendJoined(b, n.Children, " && ", func(child *Node) bool { return child.Op == OpOr })
	case OpOr:
		return appendJoined(b, n.Children, " || ", func(child *Node) bool { return false })
	case OpNot:
		if n.isUnequal() {
			return appendComparison(b, &n.Children[0], "!=")
		}
		return appendOperand(append(b, '!'), &n.Children[0], !n.Children[0].isOperand())
	}
	return b
}

// isUnequal reports whether the node is printed with !=.
func (n *Node) isUnequal() bool {
	return n.Op == OpNot && n.Children[0].Op == OpIn && len(n.Children[0].Values) == 1
}

// isOperand reports whether the node may stand right after '!': see operand in the grammar.
func (n *Node) isOperand() bool {
	return n.Op == OpHas || n.Op == OpHasPrefix || n.Op == OpNot && !n.isUnequal()
}

func appendJoined(b []byte, children []Node, operator string, enclosed func(child *Node) bool) []byte {
	for i := range children {
		if i > 0 {
			b = append(b, operator...)
		}
		b = appendOperand(b, &children[i], enclosed(&children[i]))
	}
	return b
}

func appendOperand(b []byte, n *Node, enclosed bool) []byte {
	if !enclosed {
		return appendNode(b, n)
	}
	b = append(b, '(')
	b = appendNode(b, n)
	return append(b, ')')
}

func appendComparison(b []byte, in *Node, operator string) []byte {
	b = append(b, in.Key...)
	b = append(b, ' ')
	b = append(b, operator...)
	b = append(b, ' ')
	return appendQuoted(b, in.Values[0])
}

func appendList(b []byte, in *Node) []byte {
	b = append(b, in.Key...)
	b = append(b, " in ["...)
	for i, v := range in.Values {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendQuoted(b, v)
	}
	return append(b, ']')
}
