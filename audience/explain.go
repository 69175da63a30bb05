package audience

import (
	"fmt"
	"slices"
	"strings"

	"scenecast/label"
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
// decides. The parts together have as many nodes as the audience at most, and each at most MaxText of text.
func (e Expr) Explain(s label.Set) Explanation { return e.root.explain(s) }

func (n *Node) explain(s label.Set) Explanation {
	x := Explanation{Text: string(appendNode(nil, n)), Matches: n.Match(s)}
	switch {
	case n.Op == OpNobody:
		x.Why = "no audience"
	case n.Op == OpEverybody:
		x.Why = "everybody"
	case n.isUnequal():
		x.Why = n.Children[0].why(s)
	case len(n.Children) == 0:
		x.Why = n.why(s)
	default:
		x.Of = make([]Explanation, len(n.Children))
		for i := range n.Children {
			x.Of[i] = n.Children[i].explain(s)
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
func (n *Node) why(s label.Set) string {
	values := s.Values(n.Key)
	if len(values) == 0 {
		return "no label " + n.Key
	}
	wanted := func(value string) bool { return n.Op == OpHas || n.Op == OpIn && slices.Contains(n.Values, value) }
	if n.Op == OpHasPrefix {
		wanted = func(value string) bool { return strings.HasPrefix(value, n.Values[0]) }
	}
	if i := slices.IndexFunc(values, wanted); i >= 0 {
		return n.Key + " = " + readable(values[i])
	}
	has := n.Key + " = " + readableList(values)
	switch {
	case n.Op == OpHasPrefix:
		return has + ", which does not begin with " + readable(n.Values[0])
	case len(n.Values) <= maxNamed:
		return has + ", not " + strings.Join(readables(n.Values), " or ")
	}
	return fmt.Sprintf("%s, none of the %d values", has, len(n.Values))
}

// maxNamed is how many values an explanation names: of a longer list the first ones, and how many more there are.
const maxNamed = 3

func readableList(values []string) string {
	if n := len(values) - maxNamed; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(readables(values[:maxNamed]), ", "), n)
	}
	return strings.Join(readables(values), ", ")
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
