package audience

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// generator makes random trees in normal form and within the limits.
type generator struct {
	*rand.Rand
	keys   []string
	values []string
}

// oddGenerator has the keys and values that are hard to print.
func oddGenerator(seed uint64) generator {
	return generator{
		Rand: rand.New(rand.NewPCG(seed, seed)),
		keys: []string{"page", "_", "@id", "order-id", "has", "startsWith", "package", "A9"},
		values: []string{"", "home", `"`, `'`, `\`, `\"`, "\b\f\n\r\t\x00\x1f\x7f\u0085", "\u2028\u2029", "é", "😀", "\ufffd",
			"*", "$order", `" || has(page) || a == "`, "in", "7", " "},
	}
}

func (g generator) pick(from []string) string { return from[g.IntN(len(from))] }

func (g generator) tree() Node {
	if g.IntN(50) == 0 {
		return Node{Op: OpEverybody}
	}
	for {
		if n := g.node(5, OpNobody); n.size() <= MaxNodes {
			return n
		}
	}
}

// node makes a tree of at most so many levels, whose root is not of the parent's op where that may not be.
func (g generator) node(levels int, parent Op) Node {
	op := OpIn + Op(g.IntN(int(OpNot-OpIn)+1))
	if levels == 1 && op >= OpAnd {
		op = OpIn
	}
	switch {
	case op == OpNot:
		return not(g.node(levels-1, OpNobody))
	case op == OpAnd || op == OpOr:
		if op == parent {
			op = OpAnd + OpOr - op
		}
		n := Node{Op: op}
		for range 2 + g.IntN(3) {
			n.Children = append(n.Children, g.node(levels-1, op))
		}
		return n
	}
	n := Node{Op: op, Key: g.pick(g.keys)}
	if op == OpHasPrefix {
		n.Values = []string{g.pick(g.values)}
	}
	if op == OpIn {
		for range 1 + g.IntN(3) {
			n.Values = append(n.Values, g.pick(g.values))
		}
	}
	return n
}

func TestPrintParseRoundTrip(t *testing.T) {
	g := oddGenerator(2)
	for range 5_000 {
		root := g.tree()
		e, err := newExpr(root)
		if err != nil {
			t.Fatalf("%+v: %v", root, err)
		}
		again, err := Parse(e.String())
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Fatalf("%s is read as %s, %v", e, again, err)
		}
		if strings.ContainsAny(e.String(), "\n\r\u0085\u2028\u2029\x00\x7f") {
			t.Fatalf("%q is not one printable line", e)
		}

		text, err := json.Marshal(map[string]Expr{"to": e})
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		var read map[string]Expr
		if err := json.Unmarshal(text, &read); err != nil || !reflect.DeepEqual(read["to"], e) {
			t.Fatalf("%s is read from JSON as %s, %v", text, read["to"], err)
		}
	}
}

func TestPrintNeedsItsParentheses(t *testing.T) {
	g := oddGenerator(3)
	g.values = []string{"home"} // no parentheses in strings
	for range 500 {
		e, err := newExpr(g.tree())
		if err != nil {
			t.Fatal(err)
		}
		text := e.String()
		for open := range text {
			if text[open] != '(' || strings.HasSuffix(text[:open], "has") || strings.HasSuffix(text[:open], "startsWith") {
				continue
			}
			end := closing(text, open)
			without := text[:open] + " " + text[open+1:end] + " " + text[end+1:]
			if again, err := Parse(without); err == nil && reflect.DeepEqual(again.Root(), e.Root()) {
				t.Fatalf("%s means the same as %s", text, without)
			}
		}
	}
}

// closing finds the parenthesis that closes the open one.
func closing(text string, open int) int {
	depth := 0
	for i := open; ; i++ {
		switch text[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
}
