package audience

import (
	"slices"
	"unicode/utf8"

	"scenecast/problem"
)

// Template is an audience with parameters, which stand where a string could: order == $order. It is immutable and may be
// shared between goroutines. The zero value binds to the zero Expr.
type Template struct {
	blank  Expr // with an empty string for each parameter
	slots  []slot
	params []string // sorted, distinct
}

// slot is a place of a parameter: it stands for the value with this index, as values are counted when the tree is read
// from left to right.
type slot struct {
	index int
	param string
}

// ParseTemplate reads the text form with parameters. What it cannot take is a *problem.Problem that names the column.
func ParseTemplate(text string) (Template, error) { return parse(text, true) }

// ParseTemplateJSON reads the JSON form with parameters. In an object a value that is exactly $order is the parameter
// order; one that begins with $ and is meant as text begins with $$, and loses the first.
func ParseTemplateJSON(data []byte) (Template, error) { return parseJSON(data, true) }

// newTemplate makes a template of a tree in normal form, unless it is over a limit whatever its parameters are.
func newTemplate(root Node, slots []slot) (Template, error) {
	if err := checkNodes(&root); err != nil {
		return Template{}, err
	}
	blank, err := newExpr(root)
	if err != nil {
		return Template{}, err
	}
	t := Template{blank: blank, slots: slots}
	for _, s := range slots {
		t.params = append(t.params, s.param)
	}
	slices.Sort(t.params)
	t.params = slices.Compact(t.params)
	return t, nil
}

// IsZero reports whether the template is the zero value, which is none.
func (t Template) IsZero() bool { return t.blank.IsZero() }

// Params are the names of the parameters, without the $, sorted and distinct.
func (t Template) Params() []string { return slices.Clone(t.params) }

// Bind puts the values in the places of the parameters. Each becomes one string of the expression, whatever is in it.
// Values that no parameter asks for are ignored, because a trigger's message has parameters of its own. A value that is
// missing, is not UTF-8, or makes the audience's text longer than MaxText, is a *problem.Problem.
func (t Template) Bind(values map[string]string) (Expr, error) {
	for _, param := range t.params {
		switch value, ok := values[param]; {
		case !ok:
			return Expr{}, problem.New(problem.Invalid, "the parameter $%s has no value", param).At(param)
		case !utf8.ValidString(value):
			return Expr{}, problem.New(problem.Invalid, "the value of $%s is not valid UTF-8", param).At(param)
		}
	}
	if len(t.slots) == 0 {
		return t.blank, nil
	}
	f := filler{slots: t.slots, values: values}
	return newExpr(f.fill(t.blank.root))
}

// filler copies a template's tree. It goes from left to right, and has the slots that are still ahead.
type filler struct {
	slots  []slot
	values map[string]string
	seen   int // values gone by
}

func (f *filler) fill(n Node) Node {
	n.Values = slices.Clone(n.Values)
	for i := range n.Values {
		if len(f.slots) > 0 && f.slots[0].index == f.seen {
			n.Values[i] = f.values[f.slots[0].param]
			f.slots = f.slots[1:]
		}
		f.seen++
	}
	n.Children = slices.Clone(n.Children)
	for i, child := range n.Children {
		n.Children[i] = f.fill(child)
	}
	return n
}
