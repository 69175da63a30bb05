package jwt

import (
	"slices"
	"strconv"
	"sync/atomic"

	"scenecast/jsonread"
)

// lastHeader is the header that was read last: one issuer's tokens all have the same.
var lastHeader atomic.Pointer[readHeader]

type readHeader struct {
	segment string // as it is in the token
	header  header
}

// parseHeader reads the first segment of a token.
func parseHeader(segment string) (header, error) {
	if last := lastHeader.Load(); last != nil && last.segment == segment {
		return last.header, nil
	}
	text, err := decode(segment)
	if err != nil {
		return header{}, errMalformed
	}
	h, err := readHeaderOf(text)
	if err == nil && len(segment) <= maxKeptHeader {
		lastHeader.Store(&readHeader{segment, h})
	}
	return h, err
}

// maxKeptHeader bounds the header that is kept, which keeps the memory of its token.
const maxKeptHeader = 512

func readHeaderOf(text []byte) (h header, err error) {
	r := objectReader{Reader: jsonread.New(text)}
	defer r.Free()
	for name := range r.members() {
		switch name {
		case "alg":
			r.text(&h.Algorithm)
		case "kid":
			r.text(&h.KeyID)
		case "crit":
			h.isCritical = r.Peek() != 'n' // null
			r.Value()
		default:
			r.Value()
		}
	}
	if !r.End() || r.wrong {
		return header{}, errMalformed
	}
	return h, nil
}

// readClaims reads the claims. Names are as RFC 7519 has them, letter by letter; of two with one name the last counts.
func readClaims(text []byte) (c claims, err error) {
	r := objectReader{Reader: jsonread.New(text)}
	defer r.Free()
	for name := range r.members() {
		switch name {
		case "iss":
			r.text(&c.Issuer)
		case "sub":
			r.text(&c.Subject)
		case "jti":
			r.text(&c.ID)
		case "aud":
			c.Audience = r.texts()
		case "exp":
			r.number(&c.ExpiresAt)
		case "nbf":
			r.number(&c.NotBefore)
		case "iat":
			r.number(&c.IssuedAt)
		case "labels":
			c.Labels = r.labels()
		case "may_set":
			c.MaySet = r.list()
		default:
			r.Value()
		}
	}
	switch {
	case !r.End():
		return claims{}, errMalformed
	case r.wrong:
		return claims{}, errClaims
	}
	return c, nil
}

// objectReader reads an object of which each member has a type. Null is a member that is not there.
type objectReader struct {
	*jsonread.Reader
	wrong bool // something is of another type than it should be
}

// members ranges over the names of an object's members. The loop reads the value of each.
func (r *objectReader) members() func(yield func(name string) bool) {
	return func(yield func(name string) bool) {
		if r.Peek() != '{' {
			r.mistake()
			return
		}
		for r.Enter(); r.More('}'); {
			if !yield(r.Name()) {
				return
			}
		}
		r.Leave()
	}
}

// mistake reads over a value that is of a wrong type.
func (r *objectReader) mistake() {
	r.wrong = true
	r.Value()
}

// isNull reads over null.
func (r *objectReader) isNull() bool {
	if r.Peek() != 'n' {
		return false
	}
	r.Value()
	return true
}

func (r *objectReader) text(into *string) {
	if r.isNull() {
		return
	}
	text, ok := r.Text()
	if !ok {
		r.mistake()
		return
	}
	*into = text
}

func (r *objectReader) number(into **float64) {
	switch {
	case r.isNull():
	case r.Peek() != '0':
		r.mistake()
	default:
		n, err := strconv.ParseFloat(string(r.Value()), 64)
		if err != nil {
			r.wrong = true
			return
		}
		*into = &n
	}
}

// texts reads a text, or several.
func (r *objectReader) texts() []string {
	if text, ok := r.Text(); ok {
		return []string{text}
	}
	return r.list()
}

// list reads an array of texts; nil where there is none.
func (r *objectReader) list() []string {
	if r.isNull() {
		return nil
	}
	if r.Peek() != '[' {
		r.mistake()
		return nil
	}
	list := []string{}
	for r.Enter(); r.More(']'); {
		text, ok := r.Text()
		if !ok {
			r.mistake()
		}
		list = append(list, text)
	}
	r.Leave()
	return list
}

// labels reads an object of texts, or arrays of them. Of two keys that are the same the last counts.
func (r *objectReader) labels() (labels []claimLabel) {
	if r.isNull() {
		return nil
	}
	var byKey map[string]int // once there are many: nobody has signed this yet, and looking at all of them for each would take a millisecond
	for key := range r.members() {
		values := r.texts()
		i, found := byKey[key]
		if byKey == nil {
			i = slices.IndexFunc(labels, func(l claimLabel) bool { return l.key == key })
			found = i >= 0
		}
		if found {
			labels[i].values = values
			continue
		}
		labels = append(labels, claimLabel{key, values})
		switch {
		case byKey != nil:
			byKey[key] = len(labels) - 1
		case len(labels) == fewLabels:
			byKey = make(map[string]int)
			for i, l := range labels {
				byKey[l.key] = i
			}
		}
	}
	return labels
}

// fewLabels are found without a map.
const fewLabels = 16
