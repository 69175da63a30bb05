package pusher

import (
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"

	"scenecast/jsonread"
)

// The data of an event is a text on the wire, mostly of JSON, and JSON in a push. So JSON stands in the push as it is, and any other text
// as a JSON string. A text that is itself one JSON string is kept as a string of it, so that every text comes back as it was.

// DataOf is the message of a push for the data of an event. It copies where it must.
func DataOf(text string) json.RawMessage {
	if raw := []byte(text); text != "" && jsonread.Valid(raw) && !isString(trim(raw)) {
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

// appendString appends a text as a JSON string with as few escapes as there may be: <, > and & stand for themselves, as with Pusher. What
// is no UTF-8 is replaced.
func appendString[T ~string | ~[]byte](b []byte, text T) []byte {
	b, _ = jsontext.AppendQuote(b, text) // an error says that something was replaced
	return b
}
