package signature

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// Query is the parameters of a request, unescaped, with names in lower case, in the order in which they came.
type Query []Param

// Param is a parameter.
type Param struct{ Name, Value string }

// maxParams bounds the parameters of a request.
const maxParams = 100

var (
	errParams = errors.New("the query has more than 100 parameters")
	errEscape = errors.New("the query has a percent sign that is no escape")
)

// ParseQuery reads the query of a URL.
func ParseQuery(raw string) (q Query, err error) {
	if raw == "" {
		return nil, nil
	}
	q = make(Query, 0, min(maxParams, strings.Count(raw, "&")+1))
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		if len(q) == maxParams {
			return nil, errParams
		}
		name, value, _ := strings.Cut(pair, "=")
		if name, err = unescape(name); err != nil {
			return nil, errEscape
		}
		if value, err = unescape(value); err != nil {
			return nil, errEscape
		}
		q = append(q, Param{strings.ToLower(name), value})
	}
	return q, nil
}

func unescape(text string) (string, error) {
	if strings.IndexByte(text, '%') < 0 && strings.IndexByte(text, '+') < 0 {
		return text, nil
	}
	return url.QueryUnescape(text)
}

// Get is the value of a parameter: of several of one name the last.
func (q Query) Get(name string) string {
	value, _ := q.find(name)
	return value
}

// find is the value of a parameter, and how often it is there.
func (q Query) find(name string) (value string, times int) {
	for _, p := range q {
		if p.Name == name {
			value = p.Value
			times++
		}
	}
	return value, times
}

// signed appends what is signed of the parameters: all but the signature, by name, those of one name as they came.
func (q Query) signed(b []byte) []byte {
	sorted := q
	byName := func(a, b Param) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(q, byName) {
		sorted = slices.Clone(q)
		slices.SortStableFunc(sorted, byName)
	}
	start := len(b)
	for _, p := range sorted {
		if p.Name == paramSignature {
			continue
		}
		if len(b) > start {
			b = append(b, '&')
		}
		b = append(append(append(b, p.Name...), '='), p.Value...)
	}
	return b
}
