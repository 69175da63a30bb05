package audience

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"scenecast/jsonread"
	"scenecast/language"
	"scenecast/problem"
)

// ParseJSON reads the JSON form: an object of labels, or the text form in a string. What it cannot take is a
// *problem.Problem that names the key, or the column of what is no JSON at all.
func ParseJSON(data []byte) (Expr, error) {
	t, err := parseJSON(data, false)
	if err != nil {
		return Expr{}, err
	}
	return t.Bind(nil)
}

// UnmarshalJSON reads what ParseJSON does. So null is refused, and a field that may be absent must be absent.
func (e *Expr) UnmarshalJSON(data []byte) error {
	read, err := ParseJSON(data)
	if err == nil {
		*e = read
	}
	return err
}

// parseJSON reads the JSON form, with parameters or without.
func parseJSON(data []byte, parameters bool) (Template, error) {
	if !utf8.Valid(data) {
		return Template{}, problem.New(problem.Invalid, "the JSON is not valid UTF-8")
	}
	r := jsonread.New(data)
	defer r.Free()
	t, err := readForm(r, len(data), parameters)
	if err == nil && r.End() {
		return t, nil
	}
	// Of two mistakes, one that makes it no JSON is told.
	var form json.RawMessage
	if syntax := json.Unmarshal(data, &form); syntax != nil {
		return Template{}, syntaxProblem(data, syntax)
	}
	return Template{}, err
}

// readForm reads a text of so many bytes.
func readForm(r *jsonread.Reader, size int, parameters bool) (Template, error) {
	switch r.Peek() {
	case '"':
		text, _, fault := unquote(string(r.Value()))
		if fault != nil {
			return Template{}, fault
		}
		return parse(text, parameters)
	case '{':
		if err := checkText(size); err != nil {
			return Template{}, err
		}
		o := objectReader{parameters: parameters}
		root, err := o.object(r)
		if err != nil {
			return Template{}, err
		}
		return newTemplate(root, o.slots)
	}
	return Template{}, problem.New(problem.Invalid,
		`an audience is an object of labels or a string, not %s; everybody is spelled "*"`, describe(r.Value()))
}

func syntaxProblem(data []byte, err error) error {
	p := problem.New(problem.Invalid, "the audience is not JSON: %v", err)
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return p
	}
	return p.At(place(string(data), int(max(syntax.Offset-1, 0))))
}

// objectReader reads the object of labels.
type objectReader struct {
	parameters bool // whether they are taken
	values     int  // seen so far
	slots      []slot
}

func (o *objectReader) object(r *jsonread.Reader) (Node, error) {
	var labels []Node
	for r.Enter(); r.More('}'); {
		key := r.Name()
		value := r.Value()
		if value == nil {
			break
		}
		n, err := o.label(key, value)
		if err == nil && slices.ContainsFunc(labels, func(n Node) bool { return n.Key == key }) {
			err = problem.New(problem.Invalid, "the key is there twice; several values of one key stand in an array")
		}
		if err != nil {
			return Node{}, problem.At(err, key)
		}
		labels = append(labels, n)
	}
	r.Leave()
	if len(labels) == 0 {
		return Node{}, problem.New(problem.Invalid, emptyRefused)
	}
	return join(OpAnd, labels), nil
}

func (o *objectReader) label(key string, form json.RawMessage) (Node, error) {
	if !isKey(key) {
		return Node{}, problem.New(problem.Invalid, "%s is no label key that an audience can ask for: "+
			"that is a letter, '_' or '@', then letters, digits, '_' or '-', and not one of %s",
			show(key), strings.Join(reserved[:], ", "))
	}
	forms := []json.RawMessage{form}
	if form[0] == '[' {
		forms = nil // what is decoded into would be written over, and that is the text
		_ = json.Unmarshal(form, &forms)
	}
	if len(forms) == 0 {
		return Node{}, problem.New(problem.Invalid, "an empty array is refused: nobody is in it")
	}
	in := Node{Op: OpIn, Key: key}
	for _, form := range forms {
		value, err := o.value(form)
		if err != nil {
			return Node{}, err
		}
		in.Values = append(in.Values, value)
		o.values++
	}
	return in, nil
}

func (o *objectReader) value(form json.RawMessage) (string, error) {
	literal := string(form)
	switch {
	case literal[0] == '"':
		return o.text(literal)
	case literal == "true" || literal == "false" || isInteger(literal):
		return literal, nil
	}
	return "", problem.New(problem.Invalid, "a label's value is a string, an integer, a boolean, or an array of these, not %s",
		describe(form))
}

// text reads a string. With parameters, one that begins with $ is a parameter or begins with $$.
func (o *objectReader) text(literal string) (string, error) {
	text, _, fault := unquote(literal)
	if fault != nil {
		return "", fault
	}
	rest, dollar := strings.CutPrefix(text, "$")
	switch {
	case !o.parameters || !dollar:
		return text, nil
	case strings.HasPrefix(rest, "$"):
		return rest, nil
	case isParameter(rest):
		o.slots = append(o.slots, slot{o.values, rest})
		return "", nil
	}
	return "", problem.New(problem.Invalid, "%s is no parameter: one is $ and letters, digits or '_'; "+
		"a string that begins with $ is written with $$", show(text))
}

// isInteger reports whether a JSON number is written as an integer.
func isInteger(literal string) bool {
	digits := strings.TrimPrefix(literal, "-")
	return isDigit(digits[0]) && !strings.ContainsAny(digits, ".eE")
}

// describe says what a JSON value is, for a message.
func describe(form json.RawMessage) language.Text {
	if len(form) == 0 {
		return language.Textf("nothing")
	}
	switch c := form[0]; {
	case c == '{':
		return language.Textf("an object")
	case c == '[':
		return language.Textf("an array")
	case c == 'n':
		return language.Textf("%s", "null")
	case c == 't' || c == 'f':
		return language.Textf("a boolean")
	}
	return language.Textf("the number %s", shorten(string(form)))
}
