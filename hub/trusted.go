package hub

import (
	"slices"
	"strings"
)

// trustedKeys gives numbers to lists of keys: those of a page that its token or the backend has set. Pages with the same
// list share it, and most have the empty one, whose number is 0.
type trustedKeys struct {
	lists  []trustedList
	byKeys map[string]uint32 // by the keys, joined
	free   []uint32
}

type trustedList struct {
	keys []string
	uses int
}

// joinedKeys is a text by which the list is known: no key has a comma in it.
func joinedKeys(keys []string) string { return strings.Join(keys, ",") }

// of are the keys with this number.
func (t *trustedKeys) of(number uint32) []string {
	if number == 0 {
		return nil
	}
	return t.lists[number].keys
}

// take is the number of a list, which is used once more. The keys, each there once, may be in any order.
func (t *trustedKeys) take(keys []string) uint32 {
	if len(keys) == 0 {
		return 0
	}
	slices.Sort(keys)
	name := joinedKeys(keys)
	number, known := t.byKeys[name]
	if !known {
		if t.byKeys == nil {
			t.byKeys, t.lists = make(map[string]uint32), make([]trustedList, 1)
		}
		if last := len(t.free) - 1; last >= 0 {
			number, t.free = t.free[last], t.free[:last]
		} else {
			number = uint32(len(t.lists))
			t.lists = append(t.lists, trustedList{})
		}
		t.lists[number].keys, t.byKeys[name] = keys, number
	}
	t.lists[number].uses++
	return number
}

// release gives a number back. A list that nobody uses any more is forgotten.
func (t *trustedKeys) release(number uint32) {
	if number == 0 {
		return
	}
	l := &t.lists[number]
	if l.uses--; l.uses == 0 {
		delete(t.byKeys, joinedKeys(l.keys))
		*l = trustedList{}
		t.free = append(t.free, number)
	}
}
