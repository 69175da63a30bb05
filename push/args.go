package push

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"

	"scenecast/problem"
)

// Args are the arguments of a trigger call. From a URL every value is text and read as the type that is asked for; from
// JSON values have types, and must have the one that is asked for. A whole number does for a text as well: see isIDNumber.
type Args struct {
	values map[string]arg
	strict bool // an argument that no parameter takes is a mistake
}

type arg struct {
	texts []string        // from a URL
	json  json.RawMessage // from JSON; nil from a URL
}

// URLArgs are the arguments in a query string or a form. What no parameter takes is ignored, as in the tutorial, whose
// URLs also say page=back.
func URLArgs(values map[string][]string) Args {
	a := Args{values: make(map[string]arg)}
	for name, texts := range values {
		a.values[name] = arg{texts: texts}
	}
	return a
}

// JSONArgs are the arguments in a JSON object. For a declared trigger, one that no parameter takes is a problem.
func JSONArgs(values map[string]json.RawMessage) Args {
	a := Args{values: make(map[string]arg), strict: true}
	for name, raw := range values {
		a.values[name] = arg{json: raw}
	}
	return a
}

// String returns a text. The error is a *problem.Problem of the kind Invalid at the argument's name: it is missing, or no text.
func (a Args) String(name string) (string, error) {
	v, err := a.value(Param{Name: name, Type: String})
	return v.text, err
}

// Integer returns a whole number. The error is a *problem.Problem of the kind Invalid at the argument's name: it is missing, no whole number, or
// does not fit 64 bits.
func (a Args) Integer(name string) (int64, error) {
	v, err := a.value(Param{Name: name, Type: Integer})
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(v.text, 10, 64)
	if err != nil {
		return 0, problem.New(problem.Invalid, "the integer is outside 64 bits").At(name)
	}
	return n, nil
}

// Number returns a number. The error is a *problem.Problem of the kind Invalid at the argument's name: it is missing, no number, or outside a
// float64.
func (a Args) Number(name string) (float64, error) {
	v, err := a.value(Param{Name: name, Type: Number})
	if err != nil {
		return 0, err
	}
	f, err := strconv.ParseFloat(v.text, 64)
	if err != nil {
		return 0, problem.New(problem.Invalid, "the number is outside a float64").At(name)
	}
	return f, nil
}

// Boolean returns true or false. The error is a *problem.Problem of the kind Invalid at the argument's name: it is missing, or neither.
func (a Args) Boolean(name string) (bool, error) {
	v, err := a.value(Param{Name: name, Type: Boolean})
	return v.text == "true", err
}

// Has reports whether the argument was given by the caller, whatever its type; a default is not counted.
func (a Args) Has(name string) bool {
	_, ok := a.values[name]
	return ok
}

// Type is what a parameter takes: one of Types.
type Type string

// The types. Those of JSON, with integers apart.
const (
	String  Type = "string"
	Integer Type = "integer"
	Number  Type = "number"
	Boolean Type = "boolean"
)

// Types are all types, in the order of the documentation.
var Types = []Type{String, Integer, Number, Boolean}

// Param is a parameter that a Declaration has.
type Param struct {
	Name    string          // a letter or '_', then letters, digits or '_'
	Type    Type            // of the argument, and of Default
	Default json.RawMessage // taken when no argument is given; nil: there must be one
}

// value is an argument of the right type, in both forms in which it is inserted.
type value struct {
	text string          // into an audience and into the middle of a text
	json json.RawMessage // where a text consists of the parameter alone
}

var (
	integerForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	numberForm  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`) // RFC 8259, 6
)

func (a Args) value(p Param) (value, error) {
	given, ok := a.values[p.Name]
	switch {
	case !ok && p.Default != nil:
		given = arg{json: p.Default}
	case !ok:
		return value{}, problem.New(problem.Invalid, "missing: this trigger takes the parameter %s (%s)",
			p.Name, p.Type).At(p.Name)
	case given.json == nil && len(given.texts) != 1:
		return value{}, problem.New(problem.Invalid, "given %d times; it takes one value", len(given.texts)).At(p.Name)
	}
	text, ok := given.as(p.Type)
	switch {
	case !ok && p.Type == String && numberForm.Match(given.json):
		return value{}, problem.New(problem.Invalid,
			"%.40s is a number, and this takes a text: of numbers only whole ones of at most %d are taken for one, without fraction or exponent",
			given.json, maxIDNumber).At(p.Name)
	case !ok:
		return value{}, problem.New(problem.Invalid, "not of the type that it takes: %s", p.Type).At(p.Name)
	}
	v := value{text: text, json: json.RawMessage(text)}
	if p.Type == String {
		v.json = quote(text)
	}
	return v, nil
}

// as reads the argument as a type: its canonical text, and whether it is of that type.
func (a arg) as(t Type) (text string, ok bool) {
	switch {
	case a.json == nil:
		text = a.texts[0]
	case t == String && isIDNumber(string(a.json)):
		text = string(a.json)
	case t == String:
		if !bytes.HasPrefix(a.json, []byte{'"'}) || !utf8.Valid(a.json) || json.Unmarshal(a.json, &text) != nil {
			return "", false
		}
	default:
		text = string(a.json)
	}
	switch t {
	case String:
		return text, utf8.ValidString(text)
	case Integer:
		return text, integerForm.MatchString(text)
	case Number:
		return text, numberForm.MatchString(text)
	case Boolean:
		if a.json == nil && (text == "0" || text == "1") { // as PHP's http_build_query writes truth values
			text = strconv.FormatBool(text == "1")
		}
		return text, text == "true" || text == "false"
	}
	return "", false
}

// maxIDNumber is the largest whole number that every reader and writer of JSON has exactly (RFC 8259, 6).
const maxIDNumber = 1<<53 - 1

// isIDNumber reports whether JSON is a whole number that does for a text: in PHP and JavaScript, IDs are often numbers. Only where
// there is one way to write it: 7.0 and 1e3 might be "7.0" or "7", and a number over 2^53 may have been rounded on its way here,
// so that it is somebody else's ID.
func isIDNumber(json string) bool {
	n, err := strconv.ParseInt(json, 10, 64)
	return err == nil && integerForm.MatchString(json) && json != "-0" && -maxIDNumber <= n && n <= maxIDNumber
}

// checkNames returns a problem for an argument that no parameter takes, where that is a mistake.
func (a Args) checkNames(params []Param) error {
	if !a.strict {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(a.values)) {
		if !slices.ContainsFunc(params, func(p Param) bool { return p.Name == name }) {
			return problem.New(problem.Invalid, "this trigger takes no parameter of this name").At(name)
		}
	}
	return nil
}
