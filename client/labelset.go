package client

import (
	"encoding/json"

	"scenecast/label"
)

// Labels are values by key. In a change of labels a key without values is taken away.
type Labels map[string][]string

// Get returns the first value of a key, or "" where the key has none.
func (l Labels) Get(key string) string {
	if len(l[key]) == 0 {
		return ""
	}
	return l[key][0]
}

// MarshalJSON writes an object with an array of values for each key. A key without values is null, which in a change takes it away.
func (l Labels) MarshalJSON() ([]byte, error) {
	change := make(map[string][]string, len(l))
	for key, values := range l {
		if change[key] = values; len(values) == 0 {
			change[key] = nil
		}
	}
	return json.Marshal(change)
}

// UnmarshalJSON reads an object: the value of a key is a text, an array of texts, or null for none. A key that is there twice is an error.
func (l *Labels) UnmarshalJSON(text []byte) error {
	var change label.Change
	if err := json.Unmarshal(text, &change); err != nil {
		return err
	}
	*l = Labels(change)
	return nil
}
