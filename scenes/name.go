package scenes

import (
	"bytes"

	"scenecast/label"
)

// A Table knows a scene by its name: for each of the keys, in their order, a value or none. Names sort as the values do. A value begins with
// hasValue and ends with a zero and endOfValue; a zero in it is followed by notTheEnd.
const (
	noValue    = 0
	hasValue   = 1
	endOfValue = 0
	notTheEnd  = 1
)

// AppendValue appends a value to a name.
func AppendValue(name, value []byte) []byte {
	name = append(name, hasValue)
	for {
		i := bytes.IndexByte(value, 0)
		if i < 0 {
			return append(append(name, value...), 0, endOfValue)
		}
		name = append(append(name, value[:i]...), 0, notTheEnd)
		value = value[i+1:]
	}
}

// AppendNone appends that the scene has no value of a key.
func AppendNone(name []byte) []byte { return append(name, noValue) }

// cutValue is the first value of a name, and what follows; false: there is none of that key.
func cutValue(name []byte) (value, rest []byte, ok bool) {
	if len(name) == 0 || name[0] == noValue {
		return nil, name[min(1, len(name)):], false
	}
	for name = name[1:]; ; {
		i := bytes.IndexByte(name, 0)
		value = append(value, name[:i]...)
		end := name[i+1] == endOfValue
		if name = name[i+2:]; end {
			return value, name, true
		}
		value = append(value, 0)
	}
}

// labelsOf are the labels of a scene with this name.
func labelsOf(by []string, name string) label.Set {
	labels := make([]label.Label, 0, len(by))
	rest := []byte(name)
	for _, key := range by {
		var value []byte
		var ok bool
		if value, rest, ok = cutValue(rest); ok {
			labels = append(labels, label.Label{Key: key, Value: string(value)})
		}
	}
	return label.New(labels...)
}

// nameOf is the other way round.
func nameOf(by []string, labels label.Set) string {
	var name []byte
	for _, key := range by {
		if values := labels.Values(key); len(values) > 0 {
			name = AppendValue(name, []byte(values[0]))
		} else {
			name = AppendNone(name)
		}
	}
	return string(name)
}
