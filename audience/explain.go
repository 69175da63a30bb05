package audience

import (
	"slices"
	"strings"

	"scenecast/label"
	"scenecast/language"
)

// Explanation says of a part of an audience whether it holds for a connection's labels, and why. That of a part which asks about one label
// has no parts of its own.
type Explanation struct {
	Text    string        `json:"text"` // of the part, canonical
	Matches bool          `json:"matches"`
	Why     string        `json:"why,omitempty"` // for people, of a part without parts: what the label is
	Of      []Explanation `json:"of,omitempty"`  // the parts, in the order of the text
}

// Explain says why these labels match the audience or do not. Its Matches is what Match returns; every part is looked at, also where one alone
// decides. The parts together have as many nodes as the audience at most, and each at most MaxText of text. Why is in the language.
func (e Expr) Explain(s label.Set, tag language.Tag) Explanation { return e.root.explain(s, tag) }

func (n *Node) explain(s label.Set, tag language.Tag) Explanation {
	x := Explanation{Text: string(appendNode(nil, n)), Matches: n.Match(s)}
	switch {
	case n.Op == OpNobody:
		x.Why = language.Textf("no audience").In(tag)
	case n.Op == OpEverybody:
		x.Why = language.Textf("everybody").In(tag)
	case n.isUnequal():
		x.Why = n.Children[0].why(s).In(tag)
	case len(n.Children) == 0:
		x.Why = n.why(s).In(tag)
	default:
		x.Of = make([]Explanation, len(n.Children))
		for i := range n.Children {
			x.Of[i] = n.Children[i].explain(s, tag)
		}
	}
	return x
}

// And is the explanation of an audience that is made of two, as And makes it, with each of the two as a part of its own: also where it is
// a chain, or everybody. Both are about the same labels.
func (x Explanation) And(both Expr, other Explanation) Explanation {
	return Explanation{Text: both.String(), Matches: x.Matches && other.Matches, Of: []Explanation{x, other}}
}

// why says what the label is that the node asks about.
func (n *Node) why(s label.Set) language.Text {
	values := s.Values(n.Key)
	if len(values) == 0 {
		return language.Textf("no label %s", n.Key)
	}
	wanted := func(value string) bool { return n.Op == OpHas || n.Op == OpIn && slices.Contains(n.Values, value) }
	if n.Op == OpHasPrefix {
		wanted = func(value string) bool { return strings.HasPrefix(value, n.Values[0]) }
	}
	if i := slices.IndexFunc(values, wanted); i >= 0 {
		return language.Textf("%s = %s", n.Key, readable(values[i]))
	}
	is := readableList(values)
	switch {
	case n.Op == OpHasPrefix:
		return language.Textf("%s = %s, which does not begin with %s", n.Key, is, readable(n.Values[0]))
	case len(n.Values) == 1:
		return language.Textf("%s = %s, not %s", n.Key, is, readable(n.Values[0]))
	case len(n.Values) == 2:
		return language.Textf("%s = %s, not %s or %s", n.Key, is, readable(n.Values[0]), readable(n.Values[1]))
	case len(n.Values) == maxNamed:
		return language.Textf("%s = %s, not %s or %s or %s", n.Key, is, readable(n.Values[0]), readable(n.Values[1]), readable(n.Values[2]))
	}
	return language.Textf("%s = %s, none of the %d values", n.Key, is, len(n.Values))
}

// maxNamed is how many values an explanation names: of a longer list the first ones, and how many more there are.
const maxNamed = 3

func readableList(values []string) language.Text {
	if n := len(values) - maxNamed; n > 0 {
		return language.Textf("%s and %d more", strings.Join(readables(values[:maxNamed]), ", "), n)
	}
	return language.Textf("%s", strings.Join(readables(values), ", "))
}

func readables(values []string) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = readable(v)
	}
	return texts
}

// readable is a value as people read it: in quotes where it could be taken for something else.
func readable(value string) string {
	for i := range len(value) {
		c := value[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("_-.:/@+", c) >= 0) {
			return string(appendQuoted(nil, value))
		}
	}
	if value == "" {
		return `""`
	}
	return value
}
