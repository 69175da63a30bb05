package audience

import (
	"math/rand/v2"
	"strings"
	"testing"

	"scenecast/label"
)

func mustParse(t testing.TB, text string) Expr {
	t.Helper()
	e, err := Parse(text)
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return e
}

func TestMatch(t *testing.T) {
	home := label.New(label.Label{Key: "page", Value: "home"}, label.Label{Key: "tag", Value: "a"},
		label.Label{Key: "tag", Value: "b"}, label.Label{Key: "note", Value: ""})
	for _, test := range []struct {
		text string
		want bool
	}{
		{`*`, true},
		{`page == "home"`, true},
		{`page == "list"`, false},
		{`page == "hom"`, false},
		{`page != "home"`, false},
		{`page != "list"`, true},
		{`page in ["list", "home"]`, true},
		{`page in ["list", "back"]`, false},

		// A key with several values has each of them.
		{`tag == "a"`, true},
		{`tag == "b"`, true},
		{`tag == "a" && tag == "b"`, true},
		{`tag != "a"`, false},
		{`tag != "c"`, true},

		// A key that is missing equals nothing, and so differs from everything.
		{`user == ""`, false},
		{`user == "42"`, false},
		{`user in ["", "42"]`, false},
		{`user != "42"`, true},
		{`user != ""`, true},
		{`has(user)`, false},
		{`user.startsWith("")`, false},

		// An empty value is a value.
		{`note == ""`, true},
		{`has(note)`, true},
		{`note.startsWith("")`, true},
		{`note.startsWith("x")`, false},

		{`page.startsWith("ho")`, true},
		{`page.startsWith("home")`, true},
		{`page.startsWith("homes")`, false},
		{`tag.startsWith("b")`, true},
		{`has(page) && !has(user)`, true},
		{`page == "list" || tag == "b"`, true},
		{`page == "list" || tag == "c"`, false},
		{`page == "home" && tag == "c"`, false},
		{`!(page == "home" && tag == "c")`, true},
		{`pag == "home" || pagee == "home"`, false},
	} {
		if got := mustParse(t, test.text).Match(home); got != test.want {
			t.Errorf("%s matches the home page: %v, want %v", test.text, got, test.want)
		}
	}
	if (Expr{}).Match(home) {
		t.Error("the zero Expr matches somebody")
	}
	if !Everybody().Match(label.Set{}) || mustParse(t, `has(page)`).Match(label.Set{}) {
		t.Error("a connection without labels is everybody's, and has no page")
	}
}

// meaning is Match once more, written to be obvious: it asks every label one by one.
func meaning(n Node, labels []label.Label) bool {
	some := func(holds func(value string) bool) bool {
		for _, l := range labels {
			if l.Key == n.Key && holds(l.Value) {
				return true
			}
		}
		return false
	}
	matching := 0
	for _, child := range n.Children {
		if meaning(child, labels) {
			matching++
		}
	}
	switch n.Op {
	case OpEverybody:
		return true
	case OpIn:
		return some(func(value string) bool {
			return strings.Contains("\x00"+strings.Join(n.Values, "\x00")+"\x00", "\x00"+value+"\x00")
		})
	case OpHas:
		return some(func(string) bool { return true })
	case OpHasPrefix:
		return some(func(value string) bool {
			return len(value) >= len(n.Values[0]) && value[:len(n.Values[0])] == n.Values[0]
		})
	case OpAnd:
		return matching == len(n.Children)
	case OpOr:
		return matching > 0
	case OpNot:
		return matching == 0
	}
	return false
}

func TestMatchMeansWhatItSays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	g := generator{Rand: r, keys: []string{"a", "b", "c"}, values: []string{"", "1", "12", "2", "x"}}
	matched := 0
	for range 20_000 {
		root := g.tree()
		labels := make([]label.Label, r.IntN(5))
		for i := range labels {
			labels[i] = label.Label{Key: g.pick(g.keys), Value: g.pick(g.values)}
		}
		e, err := newExpr(root)
		if err != nil {
			t.Fatal(err)
		}
		want := meaning(root, labels)
		if got := e.Match(label.New(labels...)); got != want {
			t.Fatalf("%s matches %v: %v, want %v", e, labels, got, want)
		}
		if want {
			matched++
		}
	}
	if matched < 4_000 || matched > 16_000 {
		t.Errorf("%d of 20000 matched: the generator is one-sided", matched)
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	everything := mustParse(t, `(page in ["list", "home"] || page.startsWith("x")) && plan != "pro" && !(tag.startsWith("c") && has(user))`)
	labels := label.New(label.Label{Key: "page", Value: "home"}, label.Label{Key: "tag", Value: "a"},
		label.Label{Key: "tag", Value: "c"})
	if !everything.Match(labels) {
		t.Fatalf("%s does not match %v", everything, labels)
	}
	if n := testing.AllocsPerRun(100, func() { everything.Match(labels) }); n != 0 {
		t.Errorf("Match allocates %v times", n)
	}
}
