package audience

import (
	"cmp"
	"fmt"

	"scenecast/problem"
)

// A problem says what is expected, what was found instead and, where that can be guessed, what was probably meant.

const emptyRefused = `an empty audience is refused; everybody is spelled "*"`

// problem is one that lies at the current token.
func (p *parser) problem(kind problem.Kind, format string, args ...any) error {
	if fault := p.current.fault; fault != nil {
		return fault
	}
	return problem.New(kind, format, args...).At(place(p.text, p.current.at))
}

// unexpected says what is expected in place of the current token.
func (p *parser) unexpected(expected string) error {
	return p.found(expected, "")
}

// found is unexpected with a hint; without one, that for the current token, if there is one.
func (p *parser) found(expected, hint string) error {
	if hint = cmp.Or(hint, hints[p.current.String()]); hint != "" {
		hint = "; " + hint
	}
	return p.problem(problem.Invalid, "expected %s, found %s%s", expected, p.current, hint)
}

// hints are for what people write who come from another language, or from a word processor.
var hints = map[string]string{
	"=":       "equality is written ==",
	"&":       "and is written &&",
	"and":     "and is written &&",
	"AND":     "and is written &&",
	"|":       "or is written ||",
	"or":      "or is written ||",
	"OR":      "or is written ||",
	"not":     `not is written !, as in !(page in ["home"])`,
	"NOT":     `not is written !, as in !(page in ["home"])`,
	"in":      "in is a word of the grammar",
	"true":    "true is a word of the grammar; everybody is spelled *, which stands alone",
	"false":   "false is a word of the grammar",
	"null":    "null is a word of the grammar; whether a connection has a key is asked with has(key)",
	everybody: "* is everybody and stands alone",
	"“":       straightQuotes,
	"”":       straightQuotes,
	"‘":       straightQuotes,
	"’":       straightQuotes,
}

const straightQuotes = `strings stand in straight quotes, " or '`

// noJoint says that a condition has ended.
func (p *parser) noJoint(expected string) error {
	switch p.current.kind {
	case "==", "!=", "in":
		return p.found(expected, "comparisons do not chain; two are joined with &&")
	}
	return p.unexpected(expected)
}

// noOperand says that a condition is expected.
func (p *parser) noOperand() error {
	const expected = "a label key, has(…), ! or ("
	switch p.current.kind {
	case quoted, number:
		return p.found(expected, `in a comparison the key stands on the left, as in page == "home"`)
	case parameter:
		return p.found(expected, "a parameter stands for a string, never for more")
	}
	return p.unexpected(expected)
}

// noValue says that a string is expected.
func (p *parser) noValue(where string) error {
	expected := "a string in quotes " + where
	switch p.current.kind {
	case word, "in", "true", "false", "null":
		return p.found(expected, "write "+show(p.current.text))
	case number:
		return p.found(expected, "values are strings: write "+show(p.current.text))
	case parameter:
		return p.found(expected, fmt.Sprintf("only a trigger's template has parameters; write %s if that is the text itself",
			show(p.current.String())))
	}
	return p.unexpected(expected)
}
