package index

import "strings"

// key is a label key that some member has.
type key struct {
	name   string
	first  id  // of its labels, which are linked in no particular order
	values int // how many labels have it
	uses   int // how many members these have together
}

// keys are found by name. There are few of them, but a client may make up many: they are forgotten as labels are.
type keys struct {
	items  slab[key]
	byName map[string]ref
	peak   int // how many byName has had room for
}

// intern finds a key or makes one, which is of no use until it has a label.
func (k *keys) intern(name string) ref {
	if r, ok := k.byName[name]; ok {
		return r
	}
	r := k.items.alloc(1)
	name = strings.Clone(name) // it may be a piece of something large
	*k.items.item(r) = key{name: name}
	k.byName[name] = r
	k.peak = max(k.peak, len(k.byName))
	return r
}

// forget drops a key. A map keeps the room that it once needed, so one that has become far too large is made anew.
func (k *keys) forget(r ref) {
	item := k.items.item(r)
	delete(k.byName, item.name)
	*item = key{}
	k.items.free(r)
	if k.peak < 64 || len(k.byName) > k.peak/4 {
		return
	}
	k.peak = len(k.byName)
	fresh := make(map[string]ref, k.peak)
	for name, r := range k.byName {
		fresh[name] = r
	}
	k.byName = fresh
}
