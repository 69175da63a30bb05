package audience

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

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
	var form json.RawMessage
	if err := json.Unmarshal(data, &form); err != nil {
		return Template{}, syntaxProblem(data, err)
	}
	switch form = bytes.TrimSpace(form); form[0] {
	case '"':
		text, _, fault := unquote(string(form))
		if fault != nil {
			return Template{}, fault
		}
		return parse(text, parameters)
	case '{':
		if err := checkText(len(data)); err != nil {
			return Template{}, err
		}
		r := objectReader{parameters: parameters}
		root, err := r.object(form)
		if err != nil {
			return Template{}, err
		}
		return newTemplate(root, r.slots)
	}
	return Template{}, problem.New(problem.Invalid,
		`an audience is an object of labels or a string, not %s; everybody is spelled "*"`, describe(form))
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

func (r *objectReader) object(form json.RawMessage) (Node, error) {
	d := json.NewDecoder(bytes.NewReader(form))
	_, _ = d.Token() // the opening brace. The form is known to be JSON, so that there are no errors here and below.
	var labels []Node
	seen := make(map[string]bool)
	for d.More() {
		token, _ := d.Token()
		key := token.(string)
		var value json.RawMessage
		_ = d.Decode(&value)
		n, err := r.label(key, value)
		if err == nil && seen[key] {
			err = problem.New(problem.Invalid, "the key is there twice; several values of one key stand in an array")
		}
		if err != nil {
			return Node{}, problem.At(err, key)
		}
		seen[key] = true
		labels = append(labels, n)
	}
	if len(labels) == 0 {
		return Node{}, problem.New(problem.Invalid, emptyRefused)
	}
	return join(OpAnd, labels), nil
}

func (r *objectReader) label(key string, form json.RawMessage) (Node, error) {
	if !isKey(key) {
		return Node{}, problem.New(problem.Invalid, "%s is no label key that an audience can ask for: "+
			"that is a letter, '_' or '@', then letters, digits, '_' or '-', and not one of %s",
			show(key), strings.Join(reserved[:], ", "))
	}
	forms := []json.RawMessage{form}
	if form[0] == '[' {
		_ = json.Unmarshal(form, &forms)
	}
	if len(forms) == 0 {
		return Node{}, problem.New(problem.Invalid, "an empty array is refused: nobody is in it")
	}
	in := Node{Op: OpIn, Key: key}
	for _, form := range forms {
		value, err := r.value(form)
		if err != nil {
			return Node{}, err
		}
		in.Values = append(in.Values, value)
		r.values++
	}
	return in, nil
}

func (r *objectReader) value(form json.RawMessage) (string, error) {
	literal := string(form)
	switch {
	case literal[0] == '"':
		return r.text(literal)
	case literal == "true" || literal == "false" || isInteger(literal):
		return literal, nil
	}
	return "", problem.New(problem.Invalid, "a label's value is a string, an integer, a boolean, or an array of these, not %s",
		describe(form))
}

// text reads a string. With parameters, one that begins with $ is a parameter or begins with $$.
func (r *objectReader) text(literal string) (string, error) {
	text, _, fault := unquote(literal)
	if fault != nil {
		return "", fault
	}
	rest, dollar := strings.CutPrefix(text, "$")
	switch {
	case !r.parameters || !dollar:
		return text, nil
	case strings.HasPrefix(rest, "$"):
		return rest, nil
	case isParameter(rest):
		r.slots = append(r.slots, slot{r.values, rest})
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
func describe(form json.RawMessage) string {
	switch c := form[0]; {
	case c == '{':
		return "an object"
	case c == '[':
		return "an array"
	case c == 'n':
		return "null"
	case c == 't' || c == 'f':
		return "a boolean"
	}
	return "the number " + shorten(string(form))
}
