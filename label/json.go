package label

import (
	"encoding/json"
	"slices"

	"scenecast/problem"
)

// MarshalJSON prints the set as an object: a key with one value as a string, one with several as an array,
// `{"page":"home","tag":["a","b"]}`, keys and values in order.
func (s Set) MarshalJSON() ([]byte, error) { return s.AppendJSON(nil), nil }

// AppendJSON appends what MarshalJSON prints.
func (s Set) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	for rest := s.labels; len(rest) > 0; {
		of := rest[:1]
		for len(of) < len(rest) && rest[len(of)].Key == of[0].Key {
			of = rest[:len(of)+1]
		}
		if len(rest) < len(s.labels) {
			b = append(b, ',')
		}
		rest = rest[len(of):]
		b = append(AppendJSONString(b, of[0].Key), ':')
		if len(of) == 1 {
			b = AppendJSONString(b, of[0].Value)
			continue
		}
		for i, l := range of {
			b = AppendJSONString(append(b, "[,"[min(i, 1)]), l.Value)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// AppendJSONString appends a key, or a value, as encoding/json prints it. Most need no escapes, and take no other time than to be copied.
func AppendJSONString(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			escaped, _ := json.Marshal(text) // a string has no error
			return append(b, escaped...)
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}

// UnmarshalJSON reads what MarshalJSON prints.
func (s *Set) UnmarshalJSON(data []byte) error {
	var m map[string]json.RawMessage
	if json.Unmarshal(data, &m) != nil || m == nil {
		return problem.New(problem.Invalid, `labels are an object, as in {"page":"home","tag":["a","b"]}`)
	}
	var labels []Label
	for key, raw := range m {
		if raw[0] == '"' {
			raw = slices.Concat([]byte("["), raw, []byte("]"))
		}
		var values []*string
		if json.Unmarshal(raw, &values) != nil || values == nil || slices.Contains(values, nil) {
			return problem.New(problem.Invalid, "a label's value is a string or an array of strings").At(key)
		}
		for _, v := range values {
			labels = append(labels, Label{key, *v})
		}
	}
	*s = New(labels...)
	return nil
}
