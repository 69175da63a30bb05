package pusher

import (
	"encoding/json"
	"unicode/utf8"

	"scenecast/jsonread"
)

// The data of an event is a text on the wire, mostly of JSON, and JSON in a push. So JSON stands in the push as it is, and any other text
// as a JSON string. A text that is itself one JSON string is kept as a string of it, so that every text comes back as it was.

// DataOf is the message of a push for the data of an event. It copies where it must.
func DataOf(text string) json.RawMessage {
	if raw := []byte(text); text != "" && jsonread.Valid(raw) && !isString(raw) {
		return raw
	}
	return appendString(make([]byte, 0, len(text)+2), text)
}

// AppendText appends the data of an event for the message of a push, which is valid JSON, as a JSON string: the opposite of DataOf. A
// string that a backend has pushed, and that clients would take for JSON, as "7", is given to them as JSON.
func AppendText(b []byte, data json.RawMessage) []byte {
	if data = trim(data); !isString(data) {
		return appendString(b, data)
	}
	var text string
	if json.Unmarshal(data, &text) != nil { // half a surrogate pair: it is no text
		return appendString(b, data)
	}
	if raw := []byte(text); !isString(trim(raw)) && jsonread.Valid(raw) {
		return appendString(b, data)
	}
	return append(b, data...)
}

// TextOf is the text that AppendText appends.
func TextOf(data json.RawMessage) (text string) {
	_ = json.Unmarshal(AppendText(nil, data), &text) // it is a string
	return text
}

func isString(data []byte) bool { return len(data) > 0 && data[0] == '"' }

// trim is JSON without the white space around it.
func trim(data []byte) []byte {
	isSpace := func(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
	for len(data) > 0 && isSpace(data[0]) {
		data = data[1:]
	}
	for len(data) > 0 && isSpace(data[len(data)-1]) {
		data = data[:len(data)-1]
	}
	return data
}

const hexDigits = "0123456789abcdef"

// appendString appends a text as a JSON string. It leaves <, > and & alone, as Pusher does.
func appendString[T ~string | ~[]byte](b []byte, text T) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			continue
		}
		if c >= utf8.RuneSelf {
			if r, size := utf8.DecodeRuneInString(string(text[i:min(i+utf8.UTFMax, len(text))])); r != utf8.RuneError || size > 1 {
				i += size - 1
				continue
			}
		}
		b = append(b, text[from:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			if c < ' ' {
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			} else {
				b = append(b, "\uFFFD"...)
			}
		}
		from = i + 1
	}
	return append(append(b, text[from:]...), '"')
}
