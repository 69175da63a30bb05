package audience

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"scenecast/label"
	"scenecast/problem"
)

// seeds are expressions, halves of them, and what else breaks parsers.
var seeds = []string{
	``, `*`, `page == "home"`, `page ==`, `page == "`, `page in ["a", 'b',]`, `page in [`, `page in ["a",`, `!`, `!(`, `(((`,
	`!(a != "b") && (c == "d" || has(e))`, `a == "b" &&`, `a == "b" && (`, `has(`, `has(a`, `a.`, `a.startsWith(`,
	`a.startsWith("\u`, `a == "\ud83d\ude00"`, `a == "\ud83d\u"`, `a == '\'"'`, `@a-b == $c`, `$`, `a == $b || a in [$b, $c]`,
	"a\n==\r\n\"\\n\"", "é == “x”", "a == \"\xff\"", `!!!!!!!!!!!!!!!!!!has(a)`, `in in in`, `true && false`, `a == 7.5`,
}

// checkError complains unless the error tells a stranger what to do.
func checkError(t *testing.T, err error) {
	var p *problem.Problem
	if !errors.As(err, &p) || p.Kind != problem.Invalid && p.Kind != problem.LimitExceeded {
		t.Fatalf("not a problem of the input: %v", err)
	}
	if p.Detail == "" || !utf8.ValidString(p.Detail) || len(p.Detail) > 512 {
		t.Fatalf("not for humans: %q", p.Detail)
	}
}

// checkExpr complains unless the expression keeps the promises of the package.
func checkExpr(t *testing.T, e Expr) {
	root := e.Root()
	if root.Op != OpEverybody {
		checkNormal(t, root)
	}
	if e.IsZero() || root.size() > MaxNodes || len(e.String()) > MaxText {
		t.Fatalf("zero: %v, %d nodes, %d bytes", e.IsZero(), root.size(), len(e.String()))
	}
	if again, err := Parse(e.String()); err != nil || !reflect.DeepEqual(again, e) {
		t.Fatalf("%s is read as %s, %v", e, again, err)
	}
	data, err := e.MarshalJSON()
	if err != nil || !json.Valid(data) {
		t.Fatalf("%s is marshalled as %s, %v", e, data, err)
	}
	if again, err := ParseJSON(data); err != nil || !reflect.DeepEqual(again, e) {
		t.Fatalf("%s is read as %s, %v", data, again, err)
	}
}

func checkNormal(t *testing.T, n Node) {
	keyed := label.ValidKey(n.Key)
	ok := false
	switch n.Op {
	case OpIn:
		ok = keyed && len(n.Values) > 0 && n.Children == nil
	case OpHas:
		ok = keyed && n.Values == nil && n.Children == nil
	case OpHasPrefix:
		ok = keyed && len(n.Values) == 1 && n.Children == nil
	case OpAnd, OpOr:
		ok = n.Key == "" && n.Values == nil && len(n.Children) > 1 &&
			!slices.ContainsFunc(n.Children, func(child Node) bool { return child.Op == n.Op })
	case OpNot:
		ok = n.Key == "" && n.Values == nil && len(n.Children) == 1
	}
	if !ok || slices.ContainsFunc(n.Values, func(v string) bool { return !utf8.ValidString(v) }) {
		t.Fatalf("not in normal form: %+v", n)
	}
	for _, child := range n.Children {
		checkNormal(t, child)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		template, templateErr := ParseTemplate(text)
		if templateErr != nil {
			checkError(t, templateErr)
		}
		if err != nil {
			checkError(t, err)
			if templateErr == nil && template.Params() == nil {
				t.Fatalf("a template without parameters is no audience: %v", err)
			}
			return
		}
		checkExpr(t, e)
		if bound, err := template.Bind(nil); templateErr != nil || err != nil || !reflect.DeepEqual(bound, e) {
			t.Fatalf("%s is no template: %v, %v", text, templateErr, err)
		}
	})
}

func FuzzParseJSON(f *testing.F) {
	for _, s := range seeds {
		f.Add(appendQuoted(nil, s))
	}
	for _, s := range []string{``, `{`, `{}`, `{"a"`, `{"a":`, `{"a":"b"`, `{"a":"b",`, `{"a":["b",7,true],"c":"d"}`, `{"a":[`,
		`{"a":7.5}`, `{"a":-0}`, `{"a":null}`, `{"a":{}}`, `{"a":"b","a":"c"}`, `{"\u0061":"\ud83d\ude00"}`, `{"a":"\ud83d"}`,
		`[]`, `null`, `7`, `"\ud83d"`, `{"a":"$b","c":"$$b"}`, `{"in":"a"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := ParseJSON(data)
		if _, err := ParseTemplateJSON(data); err != nil {
			checkError(t, err)
		}
		if err != nil {
			checkError(t, err)
			return
		}
		checkExpr(t, e)
		checkObject(t, data, e.Root())
	})
}

// checkObject complains unless the tree is what encoding/json makes of the object.
func checkObject(t *testing.T, data []byte, root Node) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var object map[string]any
	if d.Decode(&object) != nil {
		return // a string
	}
	labels := root.Children
	if root.Op == OpIn {
		labels = []Node{root}
	}
	if len(labels) != len(object) {
		t.Fatalf("%s is read as %d labels", data, len(labels))
	}
	for _, n := range labels {
		values, ok := object[n.Key].([]any)
		if !ok {
			values = []any{object[n.Key]}
		}
		var want []string
		for _, v := range values {
			switch v := v.(type) {
			case string:
				want = append(want, v)
			case json.Number:
				want = append(want, v.String())
			case bool:
				want = append(want, map[bool]string{true: "true", false: "false"}[v])
			default:
				t.Fatalf("%s has %v, which is no value", data, v)
			}
		}
		if !slices.Equal(n.Values, want) {
			t.Fatalf("%s is read as %s in %q", data, n.Key, n.Values)
		}
	}
}

// FuzzBind holds that a value never changes the shape of a tree: what is bound differs from the template, bound to a
// text that occurs nowhere in it, in just these texts.
func FuzzBind(f *testing.F) {
	for _, text := range []string{`a == $p`, `a != $p && b in ["x", $p, $q]`, `!(a.startsWith($p) || has(b)) && c == "$p"`, `a == $`} {
		for _, value := range []string{``, `x`, `"`, `" || has(a) || a == "`, `\`, `$p`, `*`, "\xff", "\u2028\n", strings.Repeat(`"`, 5000)} {
			f.Add(text, value)
		}
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		const nowhere = "a text that occurs nowhere"
		template, err := ParseTemplate(text)
		if err != nil || strings.Contains(text, nowhere) {
			return
		}
		bind := func(value string) (Expr, error) {
			values := make(map[string]string)
			for _, p := range template.Params() {
				values[p] = value
			}
			return template.Bind(values)
		}
		e, err := bind(value)
		if err != nil {
			checkError(t, err)
			if p := problem.Of(err); p.Kind == problem.Invalid && utf8.ValidString(value) {
				t.Fatalf("the value %q is refused: %v", value, err)
			}
			return
		}
		checkExpr(t, e)
		pattern, err := bind(nowhere)
		if err != nil {
			return // too long
		}
		if want := replaceValues(pattern.Root(), nowhere, value); !reflect.DeepEqual(e.Root(), want) {
			t.Fatalf("%s is bound to %s", text, e)
		}
	})
}

// replaceValues copies a tree with one value replaced by another.
func replaceValues(n Node, from, to string) Node {
	n.Values = slices.Clone(n.Values)
	for i, v := range n.Values {
		if v == from {
			n.Values[i] = to
		}
	}
	n.Children = slices.Clone(n.Children)
	for i, child := range n.Children {
		n.Children[i] = replaceValues(child, from, to)
	}
	return n
}
