package language

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// Message is a text on its way to another process, as JSON, which that process tells in the language of who reads it: the text's ID, and its
// arguments as they print. The other process may run another version: an ID that its catalogue lacks stays English. The zero value is the
// empty text.
type Message struct {
	Text string    `json:"text,omitempty"` // what is the same in all languages
	ID   string    `json:"id,omitempty"`   // with it, there is no Text
	Args []Message `json:"args,omitempty"` // of the ID; without one, what follows the Text
}

// messenger is an error that knows itself as a message.
type messenger interface{ Message() Message }

// Message is the text as a message.
func (t Text) Message() Message {
	if len(t.args) == 0 {
		return Message{ID: t.format}
	}
	m := Message{ID: t.format, Args: make([]Message, len(t.args))}
	for i, arg := range t.args {
		switch a := arg.(type) {
		case error:
			m.Args[i] = MessageOf(a)
		case messenger:
			m.Args[i] = a.Message()
		default:
			m.Args[i] = Message{Text: fmt.Sprintf(verbOf(t.format, i+1), arg)}
		}
	}
	return m
}

// Message is the error as a message.
func (e *textError) Message() Message { return e.text.Message() }

// MessageOf is an error as a message. Of what was wrapped by others, the parts that are known are translated, as Error does.
func MessageOf(err error) Message {
	if m, ok := err.(messenger); ok { //nolint:errorlint // each error of the chain has its turn
		return m.Message()
	}
	rest := err.Error()
	var parts []Message
	for _, part := range wrapped(err) {
		if part == nil {
			continue
		}
		text := part.Error()
		if before, after, ok := strings.Cut(rest, text); ok && text != "" {
			parts = append(parts, Message{Text: before}, MessageOf(part))
			rest = after
		}
	}
	if len(parts) == 0 {
		return Message{Text: rest}
	}
	return Message{Args: append(parts, Message{Text: rest})}
}

// IsZero reports whether the text is empty.
func (m Message) IsZero() bool { return m.Text == "" && m.ID == "" && len(m.Args) == 0 }

// Error is the text in English: a message may stand where an error does.
func (m Message) Error() string { return m.In(English) }

// Message is the message itself.
func (m Message) Message() Message { return m }

// In is the text in a language.
func (m Message) In(tag Tag) string {
	if m.ID == "" {
		var b strings.Builder
		b.WriteString(m.Text)
		for _, part := range m.Args {
			b.WriteString(part.In(tag))
		}
		return b.String()
	}
	format := translate(tag, m.ID)
	if len(m.Args) == 0 {
		return format
	}
	args := make([]any, len(m.Args))
	for i, arg := range m.Args {
		args[i] = printed(arg.In(tag))
	}
	return fmt.Errorf(format, args...).Error() // as Sprintf, and knows %w
}

// printed is an argument as it prints, whatever the verb. It is an error for the verb %w.
type printed string

// Error implements error.
func (p printed) Error() string { return string(p) }

// Format implements fmt.Formatter.
func (p printed) Format(to fmt.State, _ rune) { _, _ = io.WriteString(to, string(p)) }

// verbs are those of package fmt, with flags, width, precision and the argument's number.
var verbs = regexp.MustCompile(`%([-+# 0]*)(\d*)(\.\d+)?(?:\[(\d+)\])?([a-zA-Z%])`)

// verbOf is how a format prints an argument, the first time where it does so more than once.
func verbOf(format string, argument int) string {
	next := 1
	for _, m := range verbs.FindAllStringSubmatch(format, -1) {
		if m[5] == "%" {
			continue
		}
		if m[4] != "" {
			next, _ = strconv.Atoi(m[4])
		}
		if next == argument {
			return "%" + m[1] + m[2] + m[3] + m[5]
		}
		next++
	}
	return "%v"
}
