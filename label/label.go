// Package label holds what a connection is known by: labels, key=value pairs of which a key may have several values.
// The home page's connections have page=home; user 42's, on every tab, user=42. Audiences (package audience) are boolean
// expressions over them.
//
// A label comes from the page's URL, from its token, from its client or from the backend; keys that begin with '@' are
// the server's own. A Set is immutable, so it can be shared between goroutines without a lock.
package label

import (
	"cmp"
	"iter"
	"slices"
)

// Label is one key=value pair.
type Label struct{ Key, Value string }

func compare(a, b Label) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value))
}

// Set is a connection's labels: sorted by key, then value, no pair twice. The zero value is the empty set. It is
// immutable; the methods that change something return a new set.
type Set struct{ labels []Label }

// New makes a set of the labels, in any order; pairs given twice count once. It does not check limits: see Limits.
func New(labels ...Label) Set {
	s := slices.Clone(labels)
	slices.SortFunc(s, compare)
	return Set{slices.Clip(slices.Compact(s))}
}

// FromMap makes a set of a map from keys to values, the form of url.Values.
func FromMap(m map[string][]string) Set {
	var s []Label
	for key, values := range m {
		for _, v := range values {
			s = append(s, Label{key, v})
		}
	}
	return New(s...)
}

// Len is the number of labels.
func (s Set) Len() int { return len(s.labels) }

// Keys are the keys that have a value, in order.
func (s Set) Keys() []string {
	var keys []string
	for _, l := range s.labels {
		if n := len(keys); n == 0 || keys[n-1] != l.Key {
			keys = append(keys, l.Key)
		}
	}
	return keys
}

// All ranges over the labels in order.
func (s Set) All() iter.Seq[Label] { return slices.Values(s.labels) }

// Of is the part of the set that has the key, as a set.
func (s Set) Of(key string) Set {
	i, _ := slices.BinarySearchFunc(s.labels, key, func(l Label, key string) int { return cmp.Compare(l.Key, key) })
	n := i
	for n < len(s.labels) && s.labels[n].Key == key {
		n++
	}
	return Set{s.labels[i:n:n]}
}

// Has reports whether the key has any value.
func (s Set) Has(key string) bool { return s.Of(key).Len() > 0 }

// Contains reports whether one of the key's values is this one.
func (s Set) Contains(key, value string) bool {
	for _, l := range s.labels { // a page has a handful, and to see that strings differ is less work than to see how
		if l.Value == value && l.Key == key {
			return true
		}
	}
	return false
}

// Values are the key's values in order; nil where it has none.
func (s Set) Values(key string) []string {
	var values []string
	for _, l := range s.Of(key).labels {
		values = append(values, l.Value)
	}
	return values
}

// Value is the first of the key's values; empty where it has none.
func (s Set) Value(key string) string {
	if of := s.Of(key); of.Len() > 0 {
		return of.labels[0].Value
	}
	return ""
}

// Filter is the part of the set that a function keeps; the set itself, where that is all of it.
func (s Set) Filter(keep func(l Label) bool) Set {
	var room [8]Label // a part is mostly small, and is kept in a slice that is no longer than it
	kept := room[:0]
	for _, l := range s.labels {
		if keep(l) {
			kept = append(kept, l)
		}
	}
	switch len(kept) {
	case len(s.labels):
		return s
	case 0:
		return Set{}
	default:
		part := make([]Label, len(kept))
		copy(part, kept)
		return Set{part}
	}
}

// With returns a set in which the key has exactly these values, whatever it had before; without values, not at all.
func (s Set) With(key string, values ...string) Set {
	next := make([]Label, 0, len(s.labels)+len(values))
	for _, l := range s.labels {
		if l.Key != key {
			next = append(next, l)
		}
	}
	for _, v := range values {
		next = append(next, Label{key, v})
	}
	return New(next...)
}

// Equal reports whether both sets hold the same labels.
func (s Set) Equal(other Set) bool { return slices.Equal(s.labels, other.labels) }
