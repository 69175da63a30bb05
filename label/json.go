package label

import (
	"encoding/json"
	"slices"

	"scenecast/problem"
)

// MarshalJSON prints the set as an object: a key with one value as a string, one with several as an array,
// `{"page":"home","tag":["a","b"]}`, keys and values in order.
func (s Set) MarshalJSON() ([]byte, error) {
	m := make(map[string]any)
	for _, l := range s.labels {
		if _, seen := m[l.Key]; seen {
			continue
		}
		if values := s.Values(l.Key); len(values) > 1 {
			m[l.Key] = values
		} else {
			m[l.Key] = l.Value
		}
	}
	return json.Marshal(m)
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
