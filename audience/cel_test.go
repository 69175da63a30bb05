package audience

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	cel "github.com/google/cel-go/parser"
)

// The grammar is CEL's wherever CEL has the form: what we take, CEL's own parser takes, and understands in the same way.
// (It runs without CEL's macros, so that has is a function like any other, and takes a bare key.)

func celParser(t testing.TB) *cel.Parser {
	t.Helper()
	p, err := cel.NewParser()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// checkCEL complains unless CEL understands the text as our tree.
func checkCEL(t *testing.T, p *cel.Parser, text string, root Node) {
	t.Helper()
	parsed, errs := p.Parse(common.NewTextSource(text))
	if len(errs.GetErrors()) > 0 {
		t.Fatalf("CEL refuses %s: %s", text, errs.ToDisplayString())
	}
	if got, want := simplify(fromCEL(t, parsed.Expr())), simplify(root); !reflect.DeepEqual(got, want) {
		t.Fatalf("%s is %+v to CEL and %+v to us", text, got, want)
	}
}

// fromCEL translates, step by step; simplify brings the result into normal form.
func fromCEL(t *testing.T, e ast.Expr) Node {
	if e.Kind() != ast.CallKind {
		t.Fatalf("CEL finds an expression of kind %v", e.Kind())
	}
	call := e.AsCall()
	args := call.Args()
	switch call.FunctionName() {
	case operators.LogicalAnd:
		return and(fromCEL(t, args[0]), fromCEL(t, args[1]))
	case operators.LogicalOr:
		return or(fromCEL(t, args[0]), fromCEL(t, args[1]))
	case operators.LogicalNot:
		return not(fromCEL(t, args[0]))
	case operators.Equals:
		return in(args[0].AsIdent(), celString(t, args[1]))
	case operators.NotEquals:
		return not(in(args[0].AsIdent(), celString(t, args[1])))
	case operators.In:
		var values []string
		for _, element := range args[1].AsList().Elements() {
			values = append(values, celString(t, element))
		}
		return in(args[0].AsIdent(), values...)
	case "has":
		return has(args[0].AsIdent())
	case "startsWith":
		return prefix(call.Target().AsIdent(), celString(t, args[0]))
	}
	t.Fatalf("CEL finds the function %s", call.FunctionName())
	return Node{}
}

func celString(t *testing.T, e ast.Expr) string {
	if e.Kind() != ast.LiteralKind {
		t.Fatalf("CEL finds no literal, but kind %v", e.Kind())
	}
	s, ok := e.AsLiteral().Value().(string)
	if !ok {
		t.Fatalf("CEL finds the literal %v", e.AsLiteral())
	}
	return s
}

// simplify flattens && and ||, which CEL nests in pairs, and drops double negations, as CEL does with those spelled !!.
func simplify(n Node) Node {
	var children []Node
	for _, child := range n.Children {
		child = simplify(child)
		if child.Op == n.Op && (n.Op == OpAnd || n.Op == OpOr) {
			children = append(children, child.Children...)
		} else {
			children = append(children, child)
		}
	}
	n.Children = children
	if n.Op == OpNot && children[0].Op == OpNot {
		return children[0].Children[0]
	}
	return n
}

func TestPrintedExpressionsAreCEL(t *testing.T) {
	p := celParser(t)
	g := oddGenerator(4)
	g.keys = []string{"page", "_", "_a9", "has", "startsWith"} // those of CEL
	for range 1_000 {
		root := g.tree()
		if root.Op == OpEverybody {
			continue
		}
		e, err := newExpr(root)
		if err != nil {
			t.Fatal(err)
		}
		checkCEL(t, p, e.String(), root)
	}
}

// Random sequences of tokens, most of them nonsense: the few that we take must be CEL's as well.
func TestAcceptedExpressionsAreCEL(t *testing.T) {
	p := celParser(t)
	r := rand.New(rand.NewPCG(5, 5))
	pieces := []string{"&&", "||", "!", "(", ")", `page == "home"`, `page != 'it\'s'`, `page in ["a", 'b',]`, "has(page)", `a.startsWith("x")`,
		"page", "==", `"x"`, "has", "in", "true", "["}
	taken := 0
	for range 100_000 {
		var text strings.Builder
		for range 1 + r.IntN(8) {
			text.WriteString(pieces[r.IntN(len(pieces))] + strings.Repeat(" ", r.IntN(2)))
		}
		e, err := Parse(text.String())
		if err != nil {
			continue
		}
		checkCEL(t, p, text.String(), e.Root())
		taken++
	}
	if taken < 1_000 {
		t.Errorf("only %d of the expressions were taken", taken)
	}
}

func TestSameAsCEL(t *testing.T) {
	p := celParser(t)
	for _, text := range []string{
		`page == "home" || page == "list" && plan == "pro"`,
		`!has(a) && b == "c" || !(d in ["e"])`,
		`a == "1" && (b == "2" && c == "3") || d == "4" || (e == "5" || f == "6")`,
		`!!has(a) || !!!(a == "b")`,
		`a in ["1", "2",]`,
		"a\n==\t'\\u00e9\\n\\\"\\\\'",
		`has == "x" && startsWith.startsWith("x")`,
	} {
		checkCEL(t, p, text, mustParse(t, text).Root())
	}
	// Neither takes these.
	for _, text := range []string{``, `page ==`, `page = "x"`, `page == "x" y == "z"`, `page == "x`, `(page == "x"`, `page in ["a" "b"]`, `in == "x"`,
		`&& page == "x"`, `page == "\q"`, `page == "a" and has(b)`} {
		if _, errs := p.Parse(common.NewTextSource(text)); len(errs.GetErrors()) == 0 {
			t.Errorf("CEL takes %s", text)
		}
		if e, err := Parse(text); err == nil {
			t.Errorf("we take %s, as %s", text, e)
		}
	}
}
