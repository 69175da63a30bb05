package language

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Text is a text for humans, in every language. Its zero value is the empty text. It may be an argument of another one.
type Text struct {
	format string
	args   []any
}

// Textf is the text with this format in English. The arguments are formatted when the text is read, so nobody may change what they
// point to. Those that are a Text, or an error that has one, are in the reader's language as well. Without arguments it is Phrase.
func Textf(format string, args ...any) Text {
	if false {
		_ = fmt.Sprintf(format, args...) // tells go vet that this is a format
	}
	return Text{format, args}
}

// Phrase is the text that the catalogue has under this ID, which has no arguments: in it, % is no verb.
func Phrase(id string) Text { return Text{format: id} }

// String is the text in English.
func (t Text) String() string { return t.In(English) }

// MarshalText is the text in English, which programs read.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText makes it the text that is read, which is the same in all languages.
func (t *Text) UnmarshalText(text []byte) error {
	if *t = (Text{}); len(text) > 0 {
		*t = Textf("%s", string(text))
	}
	return nil
}

// IsZero reports whether the text is empty.
func (t Text) IsZero() bool { return t.format == "" }

// In is the text in a language.
func (t Text) In(tag Tag) string {
	format, args := translate(tag, t.format), t.args
	if tag != English && len(args) > 0 {
		args = make([]any, len(t.args))
		for i, arg := range t.args {
			args[i] = argIn(tag, arg)
		}
	}
	if len(args) == 0 {
		return format
	}
	return fmt.Errorf(format, args...).Error() // as Sprintf, and knows %w
}

// Println prints Textf in a language, as a line.
func Println(to io.Writer, tag Tag, format string, args ...any) {
	fmt.Fprintln(to, Textf(format, args...).In(tag))
}

// translatable is what knows itself in every language: a Text, and errors that have one.
type translatable interface {
	In(tag Tag) string
}

func argIn(tag Tag, arg any) any {
	switch a := arg.(type) {
	case error: // the verb may be %w
		if text := Error(a, tag); text != a.Error() {
			return errors.New(text)
		}
	case translatable:
		return a.In(tag)
	}
	return arg
}

// Errorf is fmt.Errorf, whose error Error knows in every language.
func Errorf(format string, args ...any) error {
	return &textError{fmt.Errorf(format, args...), Text{format, args}}
}

// NewError is errors.New, whose error Error knows in every language: its text is a Phrase.
func NewError(id string) error { return &textError{errors.New(id), Phrase(id)} }

type textError struct {
	error // by fmt.Errorf
	text  Text
}

// Unwrap leads to what the format has wrapped.
func (e *textError) Unwrap() error { return e.error }

// In is the error in a language.
func (e *textError) In(tag Tag) string { return e.text.In(tag) }

// Error is the text of an error in a language. Of what was wrapped by others, such as fmt.Errorf or errors.Join, the parts that are known are
// in that language, and the rest is as it is.
func Error(err error, tag Tag) string {
	if tag == English {
		return err.Error()
	}
	if e, ok := err.(translatable); ok { //nolint:errorlint // each error of the chain has its turn
		return e.In(tag)
	}
	rest := err.Error()
	var b strings.Builder
	for _, part := range wrapped(err) {
		if part == nil {
			continue
		}
		text := part.Error()
		if before, after, ok := strings.Cut(rest, text); ok && text != "" {
			b.WriteString(before)
			b.WriteString(Error(part, tag))
			rest = after
		}
	}
	return b.String() + rest
}

// wrapped are the errors that an error wraps, in the order of its text.
func wrapped(err error) []error {
	switch e := err.(type) { //nolint:errorlint // of this error alone
	case interface{ Unwrap() []error }:
		return e.Unwrap()
	case interface{ Unwrap() error }:
		return []error{e.Unwrap()}
	}
	return nil
}

// Join is one error of several, whose texts stand behind each other with a separator between, which is a format of the catalogue.
func Join(separator string, errs []error) error { return &joined{separator, errs} }

type joined struct {
	separator string
	errs      []error
}

// Error implements error.
func (j *joined) Error() string { return j.In(English) }

// Unwrap leads to all of them.
func (j *joined) Unwrap() []error { return j.errs }

// Message is the error as a message.
func (j *joined) Message() Message {
	var m Message
	for i, err := range j.errs {
		if i > 0 {
			m.Args = append(m.Args, Message{ID: j.separator})
		}
		m.Args = append(m.Args, MessageOf(err))
	}
	return m
}

// In is the error in a language.
func (j *joined) In(tag Tag) string {
	texts := make([]string, len(j.errs))
	for i, err := range j.errs {
		texts[i] = Error(err, tag)
	}
	return strings.Join(texts, translate(tag, j.separator))
}
