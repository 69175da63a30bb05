package config

import (
	"encoding/json"
	"strings"
)

// PrintJSON is what Print prints, as JSON; with a key, that setting or section alone, where it is in the whole. False: there is no such key, or
// its value is longer than 1 MiB.
func PrintJSON(c Config, key string) (json.RawMessage, bool) {
	value, ok := ValueJSON(c, key)
	if !ok || key == "" {
		return value, ok
	}
	names := strings.Split(key, ".")
	var b []byte
	for _, name := range names {
		b = append(appendText(append(b, '{'), name), ':')
	}
	return append(append(b, value...), strings.Repeat("}", len(names))...), true
}

// ValueJSON is the value of a setting, or of a section of them, without secrets.
func ValueJSON(c Config, key string) (json.RawMessage, bool) {
	n := nodeOf(c)
	if key != "" {
		n = memberAt(n, key)
	}
	if n == nil {
		return nil, false
	}
	b, err := appendJSON(nil, n, 0)
	return b, err == nil
}
