package audience

import (
	"scenecast/language"
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
func (p *parser) unexpected(expected language.Text) error {
	return p.found(expected, language.Text{})
}

// found is unexpected with a hint; without one, that for the current token, if there is one.
func (p *parser) found(expected, hint language.Text) error {
	if hint.IsZero() {
		hint = hints[p.current.String()]
	}
	if hint.IsZero() {
		return p.problem(problem.Invalid, "expected %s, found %s", expected, p.current.name())
	}
	return p.problem(problem.Invalid, "expected %s, found %s; %s", expected, p.current.name(), hint)
}

// hints are for what people write who come from another language, or from a word processor.
var hints = map[string]language.Text{
	"=":       language.Textf("equality is written =="),
	"&":       language.Textf("and is written &&"),
	"and":     language.Textf("and is written &&"),
	"AND":     language.Textf("and is written &&"),
	"|":       language.Textf("or is written ||"),
	"or":      language.Textf("or is written ||"),
	"OR":      language.Textf("or is written ||"),
	"not":     language.Textf(`not is written !, as in !(page in ["home"])`),
	"NOT":     language.Textf(`not is written !, as in !(page in ["home"])`),
	"in":      language.Textf("in is a word of the grammar"),
	"true":    language.Textf("true is a word of the grammar; everybody is spelled *, which stands alone"),
	"false":   language.Textf("false is a word of the grammar"),
	"null":    language.Textf("null is a word of the grammar; whether a connection has a key is asked with has(key)"),
	everybody: language.Textf("* is everybody and stands alone"),
	"“":       language.Textf(straightQuotes),
	"”":       language.Textf(straightQuotes),
	"‘":       language.Textf(straightQuotes),
	"’":       language.Textf(straightQuotes),
}

const straightQuotes = `strings stand in straight quotes, " or '`

// noJoint says that a condition has ended.
func (p *parser) noJoint(expected language.Text) error {
	switch p.current.kind {
	case "==", "!=", "in":
		return p.found(expected, language.Textf("comparisons do not chain; two are joined with &&"))
	}
	return p.unexpected(expected)
}

// noComparison says that a comparison or a call is expected behind its first word.
func noComparison(first token) (expected, hint language.Text) {
	return language.Textf("==, !=, in, or .startsWith after %s", first.String()), hints[first.text]
}

// noNegation says that a call is expected behind ! and its first word.
func noNegation(first token) (expected, hint language.Text) {
	return language.Textf("has(…) or ….startsWith(…) after !"),
		language.Textf("a comparison is negated in parentheses, as in !(%s == …)", first.String())
}

// noOperand says that a condition is expected.
func (p *parser) noOperand() error {
	expected := language.Textf("a label key, has(…), ! or (")
	switch p.current.kind {
	case quoted, number:
		return p.found(expected, language.Textf(`in a comparison the key stands on the left, as in page == "home"`))
	case parameter:
		return p.found(expected, language.Textf("a parameter stands for a string, never for more"))
	}
	return p.unexpected(expected)
}

// noValue says that a string is expected.
func (p *parser) noValue(where language.Text) error {
	expected := language.Textf("a string in quotes %s", where)
	switch p.current.kind {
	case word, "in", "true", "false", "null":
		return p.found(expected, language.Textf("write %s", show(p.current.text)))
	case number:
		return p.found(expected, language.Textf("values are strings: write %s", show(p.current.text)))
	case parameter:
		return p.found(expected, language.Textf("only a trigger's template has parameters; write %s if that is the text itself",
			show(p.current.String())))
	}
	return p.unexpected(expected)
}
