package push

import (
	"bytes"
	"encoding/json"
	"iter"
	"strings"

	"scenecast/jsonread"
	"scenecast/problem"
)

// messageTemplate is JSON with placeholders, `$name` in its texts. It is parsed once; rendering puts literal JSON and values side
// by side, so a value can only ever be one JSON value, or characters within one.
type messageTemplate []piece

// piece is literal JSON, or the placeholder of a parameter.
type piece struct {
	json  []byte
	param string
	alone bool // the text consists of the placeholder alone: the value keeps its type
}

// parseMessageTemplate parses JSON. Keys of objects are literal, whatever they are.
func parseMessageTemplate(message []byte) (messageTemplate, error) {
	if !jsonread.Valid(message) {
		return nil, problem.New(problem.Invalid, "not valid JSON in UTF-8")
	}
	var t messageTemplate
	for len(message) > 0 {
		before, rest := message, []byte(nil)
		if start := bytes.IndexByte(message, '"'); start >= 0 {
			before, rest = message[:start], message[start:]
		}
		t = t.literal(before)
		if rest == nil {
			break
		}
		quoted, after := cutString(rest)
		var text string
		_ = json.Unmarshal(quoted, &text) // valid: the whole message is
		if isKey(after) || !strings.Contains(text, "$") {
			t = t.literal(quoted)
		} else {
			t = t.text(text)
		}
		message = after
	}
	return t, nil
}

// cutString splits valid JSON that begins with a string behind that string.
func cutString(b []byte) (quoted, rest []byte) {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return b[:i+1], b[i+1:]
		}
	}
	return b, nil
}

// isKey reports whether the string before rest is the key of an object's member.
func isKey(rest []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(":")) }

// text adds a string in which `$` stands for something.
func (t messageTemplate) text(text string) messageTemplate {
	if name := paramName(text); len(name) > 0 && len(name) == len(text)-1 {
		return append(t, piece{param: name, alone: true})
	}
	t = t.literal([]byte{'"'})
	for part, param := range parts(text) {
		if param != "" {
			t = append(t, piece{param: param})
		} else {
			t = t.literal(unquoted(part))
		}
	}
	return t.literal([]byte{'"'})
}

// parts ranges over a text in which `$name` stands for a parameter and `$$` for a dollar sign: its literal parts, and the
// names of its parameters.
func parts(text string) iter.Seq2[string, string] {
	return func(yield func(literal, param string) bool) {
		for text != "" {
			before, after, found := strings.Cut(text, "$")
			if before != "" && !yield(before, "") || !found {
				return
			}
			literal, param := "$", paramName("$"+after) // a dollar sign alone is one, as in "costs $5"
			switch {
			case strings.HasPrefix(after, "$"):
				after = after[1:]
			case param != "":
				literal, after = "", after[len(param):]
			}
			if !yield(literal, param) {
				return
			}
			text = after
		}
	}
}

// paramName is the name that a text beginning with `$` begins with: a letter or '_', then letters, digits or '_'.
func paramName(text string) string {
	if !strings.HasPrefix(text, "$") {
		return ""
	}
	n := 1
	for n < len(text) && (text[n] == '_' || 'a' <= text[n]|0x20 && text[n]|0x20 <= 'z' || n > 1 && '0' <= text[n] && text[n] <= '9') {
		n++
	}
	return text[1:n]
}

func (t messageTemplate) literal(b []byte) messageTemplate {
	if n := len(t); n > 0 && t[n-1].param == "" {
		t[n-1].json = append(t[n-1].json, b...)
		return t
	}
	return append(t, piece{json: bytes.Clone(b)})
}

// params are the parameters that have a placeholder.
func (t messageTemplate) params() (names []string) {
	for _, p := range t {
		if p.param != "" {
			names = append(names, p.param)
		}
	}
	return names
}

// render puts the values in; there is one for each placeholder.
func (t messageTemplate) render(values map[string]value) json.RawMessage {
	var b []byte
	for _, p := range t {
		switch {
		case p.param == "":
			b = append(b, p.json...)
		case p.alone:
			b = append(b, values[p.param].json...)
		default:
			b = append(b, unquoted(values[p.param].text)...)
		}
	}
	return b
}

// quote is a text as a JSON string. Unlike json.Marshal it leaves <, > and & alone: pages show messages as text.
func quote(text string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// unquoted is a text as it stands inside a JSON string.
func unquoted(text string) []byte {
	q := quote(text)
	return q[1 : len(q)-1]
}
