package audience

import (
	"fmt"
	"slices"

	"scenecast/problem"
)

// Expr is an audience. It is immutable and may be shared between goroutines. The zero value matches nobody and has no
// spelling; Parse and its siblings never return it without an error.
type Expr struct {
	root Node
	text string // canonical
}

// Everybody is the audience of all connections, spelled "*".
func Everybody() Expr { return Expr{root: Node{Op: OpEverybody}, text: everybody} }

// newExpr makes an expression of a tree in normal form, unless its canonical text is over the limit.
func newExpr(root Node) (Expr, error) {
	e := Expr{root, string(appendNode(nil, &root))}
	if err := checkText(len(e.text)); err != nil {
		return Expr{}, err
	}
	return e, nil
}

// IsZero reports whether the expression is the zero value, which is no audience.
func (e Expr) IsZero() bool { return e.root.Op == OpNobody }

// Without is the audience of those who belong to e and not to other; to except the zero Expr is to except nobody. Both
// together must be within the limits, or it is a *problem.Problem, as it is when nobody could be left.
func (e Expr) Without(other Expr) (Expr, error) {
	switch {
	case other.IsZero():
		return e, nil
	case e.IsZero(), other.root.Op == OpEverybody:
		return Expr{}, problem.New(problem.Invalid, "that leaves nobody")
	}
	root := Node{Op: OpNot, Children: []Node{other.root}}
	if e.root.Op != OpEverybody {
		root = join(OpAnd, []Node{e.root, root})
	}
	// Parsing again measures it as the other nodes will, which get its text.
	return Parse(string(appendNode(nil, &root)))
}

// And is the audience of those who belong to both. Both together must be within the limits, or it is a *problem.Problem.
func (e Expr) And(other Expr) (Expr, error) {
	switch {
	case e.IsZero(), other.root.Op == OpEverybody:
		return e, nil
	case other.IsZero(), e.root.Op == OpEverybody:
		return other, nil
	}
	root := join(OpAnd, []Node{e.root, other.root})
	return Parse(string(appendNode(nil, &root))) // measures it, as Without does
}

// Root is the expression's tree. It is shared: it may be read by anybody and changed by nobody.
func (e Expr) Root() Node { return e.root }

// Node is one node of an expression's tree, in normal form: what the user wrote, except that And and Or have no children
// of their own kind, that a comparison with == is an In with one value, and that one with != is the Not of that.
type Node struct {
	Op       Op
	Key      string   // of In, Has and HasPrefix
	Values   []string // of In: one or more, as written; of HasPrefix: the prefix
	Children []Node   // of And and Or: two or more; of Not: one
}

// Op says what a Node asks of a connection's labels. The zero value is OpNobody.
type Op uint8

// The ops. Those of label keys have a Key, those of expressions have Children.
const (
	OpNobody    Op = iota // nothing matches; only the root of the zero Expr
	OpEverybody           // everything matches; only a root
	OpIn                  // one of the key's values is one of Values
	OpHas                 // the key has a value
	OpHasPrefix           // one of the key's values begins with Values[0]
	OpAnd                 // every child matches
	OpOr                  // some child matches
	OpNot                 // the child does not match
)

var opNames = [...]string{"Nobody", "Everybody", "In", "Has", "HasPrefix", "And", "Or", "Not"}

// String is the op's name.
func (op Op) String() string {
	if int(op) < len(opNames) {
		return opNames[op]
	}
	return fmt.Sprintf("Op(%d)", uint8(op))
}

// join makes one node of the operands of && or ||, dissolving operands that are of the same op already.
func join(op Op, operands []Node) Node {
	if len(operands) == 1 {
		return operands[0]
	}
	if !slices.ContainsFunc(operands, func(n Node) bool { return n.Op == op }) {
		return Node{Op: op, Children: operands}
	}
	var children []Node
	for _, n := range operands {
		if n.Op == op {
			children = append(children, n.Children...)
		} else {
			children = append(children, n)
		}
	}
	return Node{Op: op, Children: children}
}

// size counts the node, its values and everything below it.
func (n *Node) size() int {
	size := 1 + len(n.Values)
	for i := range n.Children {
		size += n.Children[i].size()
	}
	return size
}
