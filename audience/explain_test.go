package audience

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"scenecast/label"
	"scenecast/language"
)

func TestExplain(t *testing.T) {
	labels := label.New(label.Label{Key: "page", Value: "list"}, label.Label{Key: "tag", Value: "a"}, label.Label{Key: "tag", Value: "b"},
		label.Label{Key: "note", Value: ""}, label.Label{Key: "name", Value: `Ann "A" <b>`})
	leaf := func(text, why string, matches bool) Explanation {
		return Explanation{Text: text, Matches: matches, Why: why}
	}
	for _, want := range []Explanation{
		leaf(`*`, "everybody", true),
		leaf(`page == "home"`, "page = list, not home", false),
		leaf(`page == "list"`, "page = list", true),
		leaf(`page != "list"`, "page = list", false),
		leaf(`page != "home"`, "page = list, not home", true),
		leaf(`plan == "pro"`, "no label plan", false),
		leaf(`plan != "pro"`, "no label plan", true),
		leaf(`has(plan)`, "no label plan", false),
		leaf(`has(tag)`, "tag = a", true),
		leaf(`tag in ["c", "b"]`, "tag = b", true),
		leaf(`tag in ["c", "d"]`, "tag = a, b, not c or d", false),
		leaf(`tag in ["c", "d", "e", "f"]`, "tag = a, b, none of the 4 values", false),
		leaf(`page.startsWith("ho")`, "page = list, which does not begin with ho", false),
		leaf(`tag.startsWith("b")`, "tag = b", true),
		leaf(`note == ""`, `note = ""`, true),
		leaf(`name == "Ann, Ben"`, `name = "Ann \"A\" <b>", not "Ann, Ben"`, false),
		{Text: `page == "home" || !has(plan) && tag != "a"`, Matches: false, Of: []Explanation{
			leaf(`page == "home"`, "page = list, not home", false),
			{Text: `!has(plan) && tag != "a"`, Matches: false, Of: []Explanation{
				{Text: `!has(plan)`, Matches: true, Of: []Explanation{leaf(`has(plan)`, "no label plan", false)}},
				leaf(`tag != "a"`, "tag = a", false),
			}},
		}},
	} {
		got, _ := json.Marshal(mustParse(t, want.Text).Explain(labels, language.English))
		if text, _ := json.Marshal(want); string(got) != string(text) {
			t.Errorf("%s is explained by\n%s, want\n%s", want.Text, got, text)
		}
	}
	for text, want := range map[string]string{
		`*`:                            "所有人",
		`has(plan)`:                    "没有标签 plan",
		`page == "home"`:               "page = list，不是 home",
		`page in ["a", "b"]`:           "page = list，不是 a 或 b",
		`page in ["a", "b", "c"]`:      "page = list，不是 a、b 或 c",
		`page in ["a", "b", "c", "d"]`: "page = list，不是 4 个值中的任何一个",
		`tag.startsWith("c")`:          "tag = a, b，不以 c 开头",
		`page == "list"`:               "page = list",
	} {
		if x := mustParse(t, text).Explain(labels, language.Chinese); x.Why != want {
			t.Errorf("%s: %s, want %s", text, x.Why, want)
		}
	}
	if x := (Expr{}).Explain(labels, language.English); x.Matches || x.Text != "" {
		t.Errorf("the zero Expr: %+v", x)
	}
	many := make([]label.Label, 9)
	for i := range many {
		many[i] = label.Label{Key: "n", Value: string(rune('0' + i))}
	}
	if x := mustParse(t, `n == "x"`).Explain(label.New(many...), language.English); x.Why != "n = 0, 1, 2 and 6 more, not x" {
		t.Errorf("of many values: %s", x.Why)
	}
}

// checkExplanation complains unless every part says what Match says of it, and can be read.
func checkExplanation(t *testing.T, x Explanation, labels label.Set) {
	t.Helper()
	e, err := Parse(x.Text)
	if err != nil || e.String() != x.Text {
		t.Fatalf("the part %s: %v", x.Text, err)
	}
	if got := e.Match(labels); got != x.Matches {
		t.Fatalf("%s is said to match %v: %v, and Match says %v", x.Text, labels, x.Matches, got)
	}
	if (x.Why == "") != (len(x.Of) > 0) {
		t.Fatalf("%s has the reason %q and %d parts", x.Text, x.Why, len(x.Of))
	}
	for _, part := range x.Of {
		checkExplanation(t, part, labels)
	}
}

func TestExplainAgreesWithMatch(t *testing.T) {
	odd := oddGenerator(7)
	for _, g := range []generator{odd, {Rand: rand.New(rand.NewPCG(2, 2)), keys: []string{"a", "b", "c"}, values: []string{"", "1", "12", "2", "x"}}} {
		matched := 0
		for range 5_000 {
			e, err := newExpr(g.tree())
			if err != nil {
				continue
			}
			labels := make([]label.Label, g.IntN(6))
			for i := range labels {
				labels[i] = label.Label{Key: g.pick(g.keys), Value: g.pick(g.values)}
			}
			set := label.New(labels...)
			x := e.Explain(set, language.English)
			if x.Text != e.String() || x.Matches != e.Match(set) {
				t.Fatalf("%s: %+v", e, x)
			}
			checkExplanation(t, x, set)
			if x.Matches {
				matched++
			}
		}
		if matched < 500 || matched > 4_500 {
			t.Errorf("%d of 5000 matched: the generator is one-sided", matched)
		}
	}
}

// TestExplainBoth: of an audience that is made of two, each is a part of its own.
func TestExplainBoth(t *testing.T) {
	labels := label.New(label.Label{Key: "tenant", Value: "7"})
	for _, c := range []struct{ to, within, text string }{
		{`*`, `tenant == "7"`, `tenant == "7"`},
		{`page == "home"`, `tenant == "7" && vip == "yes"`, `page == "home" && tenant == "7" && vip == "yes"`},
		{`tenant == "7" || a == "b"`, `tenant == "7"`, `(tenant == "7" || a == "b") && tenant == "7"`},
	} {
		to, within := mustParse(t, c.to), mustParse(t, c.within)
		both, err := to.And(within)
		if err != nil {
			t.Fatal(err)
		}
		x := to.Explain(labels, language.English).And(both, within.Explain(labels, language.English))
		if x.Text != c.text || x.Matches != both.Match(labels) || len(x.Of) != 2 || x.Of[0].Text != c.to || x.Of[1].Text != c.within {
			t.Errorf("%s within %s: %+v", c.to, c.within, x)
		}
	}
}

func FuzzExplain(f *testing.F) {
	for _, text := range seeds {
		f.Add(text, "a", "b", "page", "home")
	}
	f.Add(`a in ["1", "2"] && !(b.startsWith("x") || has(c))`, "a", "2", "b", strings.Repeat("x", 300))
	f.Fuzz(func(t *testing.T, text, key, value, otherKey, otherValue string) {
		e, err := Parse(text)
		if err != nil {
			return
		}
		set := label.New(label.Label{Key: key, Value: value}, label.Label{Key: otherKey, Value: otherValue})
		x := e.Explain(set, language.English)
		if x.Matches != e.Match(set) || x.Text != e.String() {
			t.Fatalf("%s: %+v", e, x)
		}
		checkExplanation(t, x, set)
	})
}
