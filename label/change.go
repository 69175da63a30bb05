package label

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"scenecast/problem"
)

// Change says which values keys have from now on, whatever they had before; a key without values is removed. Keys that it
// does not name stay as they are.
type Change map[string][]string

// Keys are the keys that the change names, sorted.
func (c Change) Keys() []string { return slices.Sorted(maps.Keys(c)) }

// Apply returns the set after the change.
func (s Set) Apply(c Change) Set {
	next := make([]Label, 0, len(s.labels)+len(c))
	for _, l := range s.labels {
		if _, changed := c[l.Key]; !changed {
			next = append(next, l)
		}
	}
	for key, values := range c {
		for _, v := range values {
			next = append(next, Label{key, v})
		}
	}
	return New(next...)
}

// Union is the set of the labels of this set and the others.
func (s Set) Union(others ...Set) Set {
	if !slices.ContainsFunc(others, func(other Set) bool { return other.Len() > 0 }) {
		return s
	}
	labels := slices.Clone(s.labels)
	for _, other := range others {
		labels = append(labels, other.labels...)
	}
	return New(labels...)
}

// UnmarshalJSON reads an object: a string is a key's one value, an array its several, null removes the key, as in
// `{"page":"list","tag":["a","b"],"order":null}`. A key given twice is refused.
func (c *Change) UnmarshalJSON(data []byte) error {
	*c = make(Change)
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return problem.New(problem.Invalid, "takes an object of keys and values")
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return problem.New(problem.Invalid, "not valid JSON")
		}
		key := t.(string) // the decoder lets nothing else pass as a key
		if _, twice := (*c)[key]; twice {
			return problem.New(problem.Invalid, "there twice").At(key)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return problem.New(problem.Invalid, "not valid JSON")
		}
		values, err := parseValues(raw)
		if err != nil {
			return problem.At(err, key)
		}
		(*c)[key] = values
	}
	return nil
}

// parseValues reads a label's value, or its values; of null there are none.
func parseValues(raw json.RawMessage) ([]string, error) {
	var one *string
	if json.Unmarshal(raw, &one) == nil {
		if one == nil {
			return nil, nil
		}
		return []string{*one}, nil
	}
	var many []*string
	if json.Unmarshal(raw, &many) != nil || slices.Contains(many, nil) {
		return nil, problem.New(problem.Invalid, "takes a string, an array of strings, or null")
	}
	values := make([]string, len(many))
	for i, v := range many {
		values[i] = *v
	}
	return values, nil
}
