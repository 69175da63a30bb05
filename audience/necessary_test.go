package audience

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"scenecast/label"
)

func TestNecessary(t *testing.T) {
	values := func(n int) string {
		var quoted []string
		for i := range n {
			quoted = append(quoted, fmt.Sprintf("%q", fmt.Sprint(i)))
		}
		return strings.Join(quoted, ", ")
	}
	var keys []string
	for i := range 40 {
		keys = append(keys, fmt.Sprintf("has(k%d)", i))
	}
	for _, c := range []struct{ text, want string }{
		{`*`, ``},
		{`page != "home"`, ``},
		{`!has(page)`, ``},
		{`page == "home"`, `page=home`},
		{`page in ["home", "list", "home"]`, `page=home page=list`},
		{`has(page)`, `page`},
		{`page.startsWith("h")`, `page`},
		{`page == "home" && user == "42"`, `page=home; user=42`},
		{`page != "home" && user == "42"`, `user=42`},
		{`page == "home" || user == "42"`, `page=home user=42`},
		{`page == "home" || !has(user)`, ``},
		{`(page == "home" && has(plan)) || user == "42"`, `page=home user=42`},
		{`(page in ["a", "b"] && user == "1") || page == "c"`, `user=1 page=c`},
		{`page == "home" || has(page)`, `page`},
		{`has(page) || page == "home"`, `page`},
		{`page in [` + values(32) + `] && has(plan)`, `page=0` + strings.Repeat(" page=", 31) + `; plan`},
		{`page in [` + values(33) + `]`, `page`},
		{strings.Join(keys[:32], " || "), `k0` + strings.Repeat(" k", 31)},
		{strings.Join(keys, " || "), ``},
		{strings.Join(keys, " || ") + ` && plan == "pro"`, ``},
		{`(` + strings.Join(keys, " || ") + `) && plan == "pro"`, `plan=pro`},
	} {
		var sets []string
		for _, set := range mustParse(t, c.text).Necessary() {
			var conditions []string
			for i, condition := range set {
				text := condition.Key
				switch {
				case len(set) > 10 && i > 0 && condition.Any:
					text = strings.TrimRight(text, "0123456789")
				case len(set) > 10 && i > 0:
					text += "="
				case !condition.Any:
					text += "=" + condition.Value
				}
				conditions = append(conditions, text)
			}
			sets = append(sets, strings.Join(conditions, " "))
		}
		if got := strings.Join(sets, "; "); got != c.want {
			t.Errorf("%.60s needs %q, want %q", c.text, got, c.want)
		}
	}
	if sets := (Expr{}).Necessary(); len(sets) != 1 || len(sets[0]) != 0 {
		t.Errorf("nobody needs %v, want a set that nothing fulfils", sets)
	}
}

// FuzzNecessary compares the conditions with Match, for connections with some of the labels that the expression speaks of.
func FuzzNecessary(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, uint64(1))
	}
	for _, s := range []string{
		`page == "home" && (user == "1" || has(plan)) || page.startsWith("o") && !(user == "2")`,
		`a in ["1", "2"] || b in ["1"] && (c == "1" || a == "3")`,
		`!(a == "1" || b == "2") || c == "3"`, `has(a) || a == "1"`, `(has(a) || b == "1") && (has(b) || a == "1")`,
	} {
		for picked := range uint64(64) {
			f.Add(s, picked)
		}
	}
	f.Fuzz(func(t *testing.T, text string, picked uint64) {
		e, err := Parse(text)
		if err != nil {
			return
		}
		var labels []label.Label
		for i, l := range spokenOf(e.Root(), nil) {
			if picked>>(i%64)&1 == 1 {
				labels = append(labels, l)
			}
		}
		set := label.New(labels...)
		matches := e.Match(set)
		for _, conditions := range e.Necessary() {
			if len(conditions) > maxAlternatives {
				t.Fatalf("%s needs one of %d conditions", text, len(conditions))
			}
			if matches && !slices.ContainsFunc(conditions, func(c Condition) bool { return c.Holds(set) }) {
				t.Fatalf("%s matches %v, of which none of %v holds", text, labels, conditions)
			}
		}
		if e.Size() < 1 || e.Size() > MaxNodes {
			t.Fatalf("%s has the size %d", text, e.Size())
		}
	})
}

// spokenOf are labels that an expression speaks of, and one beside each value.
func spokenOf(n Node, labels []label.Label) []label.Label {
	for _, v := range n.Values {
		labels = append(labels, label.Label{Key: n.Key, Value: v})
	}
	if n.Key != "" {
		labels = append(labels, label.Label{Key: n.Key, Value: "another"})
	}
	for _, child := range n.Children {
		labels = spokenOf(child, labels)
	}
	return labels
}

func TestLabels(t *testing.T) {
	for text, want := range map[string]string{
		`*`:           "[]",
		`a == "1"`:    "[a]",
		`!(b != "1")`: "[b]",
		`(c == "1" || !has(b)) && b.startsWith("x") && @user in ["1", "2"]`: "[@user b c]",
	} {
		if got := fmt.Sprint(mustParse(t, text).Labels()); got != want {
			t.Errorf("%s asks about %s, want %s", text, got, want)
		}
	}
	if got := (Expr{}).Labels(); len(got) > 0 {
		t.Errorf("the zero audience asks about %s", got)
	}
}
