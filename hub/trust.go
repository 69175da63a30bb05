package hub

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"

	"scenecast"
	"scenecast/label"
)

// trust is what a page cannot change of itself. Pages with the same share it.
type trust struct {
	token      []string // keys of the labels that its token brings
	backend    []string // keys that the backend has set
	identity   string   // of a page with an ID: who it is by its token, where that names no user; see identityOf
	credential scenecast.Credential
	maySet     []string // keys that the page may set itself, as its token and its backend say; nil: neither says
	limit      []string // … as its backend said when it came, which another token does not widen; nil: it did not say
}

func (t trust) has(key string) bool {
	return slices.Contains(t.token, key) || slices.Contains(t.backend, key)
}

// isBackends reports whether the backend has set the key.
func (t trust) isBackends(key string) bool { return slices.Contains(t.backend, key) }

// name is a text by which a trust is known: no key has a comma or a semicolon in it.
func (t trust) name() string {
	name := strings.Join(t.token, ",") + ";" + strings.Join(t.backend, ",") + ";" + t.identity + ";" + string(t.credential[:])
	for _, keys := range [][]string{t.maySet, t.limit} {
		if name += ";"; keys != nil {
			name += "=" + strings.Join(keys, ",")
		}
	}
	return name
}

func (t trust) isZero() bool {
	return len(t.token)+len(t.backend)+len(t.identity) == 0 && t.maySet == nil && t.credential == scenecast.Credential{}
}

// bothMaySet are the keys that a page may set whose token says one thing and whose backend another. It is a slice of its own.
func bothMaySet(token, backend []string) []string {
	switch {
	case token == nil:
		return slices.Clone(backend)
	case backend == nil:
		return slices.Clone(token)
	}
	return slices.DeleteFunc(slices.Clone(token), func(key string) bool { return !slices.Contains(backend, key) })
}

// afterChange is the trust after a change by the backend: what that has set is trusted, and what it has removed is free for the page
// again. The slices are new ones, because connections may share the old.
func (t trust) afterChange(c label.Change) trust {
	unchanged := func(keys []string) []string {
		return slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
			_, changed := c[key]
			return changed
		})
	}
	t.token, t.backend = unchanged(t.token), unchanged(t.backend)
	for _, key := range c.Keys() {
		if len(c[key]) > 0 {
			t.backend = append(t.backend, key)
		}
	}
	return t
}

// identityOf says who a page is by the labels of its token, where they name no user: a hash of all of them together. It is ASCII, because
// other nodes get it as JSON.
func identityOf(trusted label.Set) string {
	if trusted.Len() == 0 || trusted.Has(scenecast.LabelUser) {
		return ""
	}
	var text []byte
	for l := range trusted.All() {
		text = binary.AppendUvarint(text, uint64(len(l.Key)))
		text = append(text, l.Key...)
		text = binary.AppendUvarint(text, uint64(len(l.Value)))
		text = append(text, l.Value...)
	}
	sum := sha256.Sum256(text)
	return "=" + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// trusts gives numbers to trusts. That of the empty one is 0.
type trusts struct {
	all    []sharedTrust
	byName map[string]uint32
	free   []uint32
}

type sharedTrust struct {
	trust
	uses int
}

// of is the trust with this number.
func (t *trusts) of(number uint32) trust {
	if number == 0 {
		return trust{}
	}
	return t.all[number].trust
}

// acquire is the number of a trust, which is used once more.
func (t *trusts) acquire(wanted trust) uint32 {
	if wanted.isZero() {
		return 0
	}
	slices.Sort(wanted.token)
	slices.Sort(wanted.backend)
	slices.Sort(wanted.maySet)
	name := wanted.name()
	number, known := t.byName[name]
	if !known {
		if t.byName == nil {
			t.byName, t.all = make(map[string]uint32), make([]sharedTrust, 1)
		}
		if last := len(t.free) - 1; last >= 0 {
			number, t.free = t.free[last], t.free[:last]
		} else {
			number = uint32(len(t.all))
			t.all = append(t.all, sharedTrust{})
		}
		t.all[number].trust, t.byName[name] = wanted, number
	}
	t.all[number].uses++
	return number
}

// release gives a number back. A trust that nobody uses any more is forgotten.
func (t *trusts) release(number uint32) {
	if number == 0 {
		return
	}
	shared := &t.all[number]
	if shared.uses--; shared.uses == 0 {
		delete(t.byName, shared.name())
		*shared = sharedTrust{}
		t.free = append(t.free, number)
	}
}
