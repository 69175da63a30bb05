package client

import (
	"encoding/json"

	"scenecast/label"
)

// Labels are values by key. In a change of labels a key without values is taken away.
type Labels map[string][]string

// Get is the first value of a key; empty: it has none.
func (l Labels) Get(key string) string {
	if len(l[key]) == 0 {
		return ""
	}
	return l[key][0]
}

// MarshalJSON implements json.Marshaler. A key without values is null.
func (l Labels) MarshalJSON() ([]byte, error) {
	change := make(map[string][]string, len(l))
	for key, values := range l {
		if change[key] = values; len(values) == 0 {
			change[key] = nil
		}
	}
	return json.Marshal(change)
}

// UnmarshalJSON implements json.Unmarshaler: a value is a text or an array of them.
func (l *Labels) UnmarshalJSON(text []byte) error {
	var change label.Change
	if err := json.Unmarshal(text, &change); err != nil {
		return err
	}
	*l = Labels(change)
	return nil
}
