package audience

import (
	"reflect"
	"testing"
)

// Short spellings of trees.

func in(key string, values ...string) Node { return Node{Op: OpIn, Key: key, Values: values} }
func has(key string) Node                  { return Node{Op: OpHas, Key: key} }
func prefix(key, value string) Node {
	return Node{Op: OpHasPrefix, Key: key, Values: []string{value}}
}
func not(n Node) Node           { return Node{Op: OpNot, Children: []Node{n}} }
func and(children ...Node) Node { return Node{Op: OpAnd, Children: children} }
func or(children ...Node) Node  { return Node{Op: OpOr, Children: children} }

func TestParse(t *testing.T) {
	a, b, c := in("a", "1"), in("b", "2"), in("c", "3")
	for _, test := range []struct {
		text      string
		want      Node
		canonical string // where it is not the text
	}{
		{text: `*`, want: Node{Op: OpEverybody}},
		{text: " *\n", want: Node{Op: OpEverybody}, canonical: `*`},
		{text: `page == "home"`, want: in("page", "home")},
		{text: `page in ["home"]`, want: in("page", "home"), canonical: `page == "home"`},
		{text: `page in ["home", "list"]`, want: in("page", "home", "list")},
		{text: `page in["home",'list',]`, want: in("page", "home", "list"), canonical: `page in ["home", "list"]`},
		{text: `page in ["b", "a", "b"]`, want: in("page", "b", "a", "b")},
		{text: `page != "home"`, want: not(in("page", "home"))},
		{text: `!(page == "home")`, want: not(in("page", "home")), canonical: `page != "home"`},
		{text: `!(page != "home")`, want: not(not(in("page", "home")))},
		{text: `!!(page == "home")`, want: not(not(in("page", "home"))), canonical: `!(page != "home")`},
		{text: `!(page in ["a", "b"])`, want: not(in("page", "a", "b"))},
		{text: `has(page)`, want: has("page")},
		{text: `!has(page)`, want: not(has("page"))},
		{text: `!!has(page)`, want: not(not(has("page")))},
		{text: `! ( has ( page ) )`, want: not(has("page")), canonical: `!has(page)`},
		{text: `page.startsWith("a/")`, want: prefix("page", "a/")},
		{text: `!page . startsWith ( "" )`, want: not(prefix("page", "")), canonical: `!page.startsWith("")`},

		{text: `a == "1" && b == "2" && c == "3"`, want: and(a, b, c)},
		{text: `a=="1"&&(b=="2"&&c=="3")`, want: and(a, b, c), canonical: `a == "1" && b == "2" && c == "3"`},
		{text: `((a == "1") || b == "2") || c == "3"`, want: or(a, b, c), canonical: `a == "1" || b == "2" || c == "3"`},
		{text: `a == "1" || b == "2" && c == "3"`, want: or(a, and(b, c))},
		{text: `a == "1" && b == "2" || c == "3"`, want: or(and(a, b), c)},
		{text: `(a == "1" || b == "2") && c == "3"`, want: and(or(a, b), c)},
		{text: `!(a == "1" && b == "2")`, want: not(and(a, b))},
		{text: `!(a == "1") && b == "2"`, want: and(not(a), b), canonical: `a != "1" && b == "2"`},
		{text: `a == "1" || a == "2"`, want: or(a, in("a", "2"))},

		// Keys, and words that are keys although they look like more.
		{text: `@channel == "orders.7"`, want: in("@channel", "orders.7")},
		{text: `order-id--x == "7"`, want: in("order-id--x", "7")},
		{text: `_0-=='x'`, want: in("_0-", "x"), canonical: `_0- == "x"`},
		{text: `has == "x" && has(has) && has.startsWith("x")`, want: and(in("has", "x"), has("has"), prefix("has", "x"))},
		{text: `startsWith.startsWith("x")`, want: prefix("startsWith", "x")},
		{text: `package == "x" && True == "x" && not == "x"`, want: and(in("package", "x"), in("True", "x"), in("not", "x"))},

		// Strings.
		{text: `a == 'it\'s "so"'`, want: in("a", `it's "so"`), canonical: `a == "it's \"so\""`},
		{text: `a == "\"\\\/\b\f\n\r\t\u0000\u00e9"`, want: in("a", "\"\\/\b\f\n\r\t\x00é"), canonical: `a == "\"\\/\b\f\n\r\t\u0000é"`},
		{text: `a == "\ud83d\ude00"`, want: in("a", "😀"), canonical: `a == "😀"`},
		{text: `a == "\u2028"`, want: in("a", "\u2028")},
		{text: "a == '\x7f'", want: in("a", "\x7f"), canonical: `a == "\u007f"`},
		{text: `a == "" || a == "*" || a == "$b"`, want: or(in("a", ""), in("a", "*"), in("a", "$b"))},
		{text: "a\t==\r\n\f\"1\"", want: a, canonical: `a == "1"`},
	} {
		e, err := Parse(test.text)
		if err != nil {
			t.Errorf("Parse(%s): %v", test.text, err)
			continue
		}
		if got := e.Root(); !reflect.DeepEqual(got, test.want) {
			t.Errorf("Parse(%s) = %+v, want %+v", test.text, got, test.want)
		}
		want := test.canonical
		if want == "" {
			want = test.text
		}
		if got := e.String(); got != want {
			t.Errorf("Parse(%s).String() = %s, want %s", test.text, got, want)
		}
	}
}

func TestZero(t *testing.T) {
	var zero Expr
	if !zero.IsZero() || zero.String() != "" || zero.Root().Op != OpNobody {
		t.Errorf("the zero Expr: IsZero %v, String %q, Root %+v", zero.IsZero(), zero.String(), zero.Root())
	}
	if _, err := zero.MarshalJSON(); err == nil {
		t.Error("the zero Expr has a JSON form")
	}
	if Everybody().IsZero() {
		t.Error("everybody is zero")
	}
	if got, err := Parse("*"); err != nil || !reflect.DeepEqual(got, Everybody()) {
		t.Errorf(`Parse("*") = %+v, %v, want Everybody()`, got, err)
	}
}

func TestOpString(t *testing.T) {
	for op, want := range map[Op]string{OpNobody: "Nobody", OpIn: "In", OpNot: "Not", OpNot + 1: "Op(8)"} {
		if got := op.String(); got != want {
			t.Errorf("Op %d is printed %s, want %s", uint8(op), got, want)
		}
	}
}
