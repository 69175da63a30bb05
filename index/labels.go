package index

import (
	"hash/maphash"
	"iter"
)

// id names a label that some member has: it is the ref of its item. It is forgotten when the last of them has left, and
// then given to another label.
type id = ref

// item is what is known of a label. It has no pointers, and is small: there may be as many as there are members, or more.
type item struct {
	hash       uint32
	key        ref
	next, prev id // its neighbours among the labels of its key
	posting
	value text
}

// labels are interned: each has an id, and is known by the id everywhere else.
type labels struct {
	items slab[item]
	texts texts
	keys  keys
	table table
	seed  maphash.Seed
}

func newLabels() labels {
	return labels{keys: keys{byName: make(map[string]ref)}, table: newTable(), seed: maphash.MakeSeed()}
}

// hash mixes the two texts; by the factor, key and value changed about are something else.
func (l *labels) hash(key, value string) uint32 {
	h := maphash.String(l.seed, key)*0x9e3779b97f4a7c15 + maphash.String(l.seed, value)
	return uint32(h ^ h>>32)
}

// find is the label's id; 0 if no member has it.
func (l *labels) find(hash uint32, key, value string) id {
	for b := l.table.bucket(hash); ; b = l.table.overflow.item(b.more) {
		for i, other := range b.hashes {
			if other == hash && b.ids[i] != 0 && l.is(b.ids[i], key, value) {
				return b.ids[i]
			}
		}
		if b.more == 0 {
			return 0
		}
	}
}

func (l *labels) is(label id, key, value string) bool {
	it := l.items.item(label)
	return string(l.texts.bytes(&it.value)) == value && l.keys.items.item(it.key).name == key
}

// intern finds a label or makes one, which is to be forgotten if it gets no member.
func (l *labels) intern(hash uint32, key, value string) id {
	if label := l.find(hash, key, value); label != 0 {
		return label
	}
	label := l.items.alloc(1)
	r := l.keys.intern(key)
	k := l.keys.items.item(r)
	*l.items.item(label) = item{hash: hash, key: r, value: l.texts.make(value), next: k.first}
	if k.first != 0 {
		l.items.item(k.first).prev = label
	}
	k.first = label
	k.values++
	l.table.insert(hash, label)
	return label
}

// forget drops a label that has no members any more, and its key with the key's last label.
func (l *labels) forget(label id) {
	l.table.remove(l.items.item(label).hash, label)
	it := l.items.item(label)
	k := l.keys.items.item(it.key)
	if it.prev != 0 {
		l.items.item(it.prev).next = it.next
	} else {
		k.first = it.next
	}
	if it.next != 0 {
		l.items.item(it.next).prev = it.prev
	}
	if k.values--; k.values == 0 {
		l.keys.forget(it.key)
	}
	l.texts.drop(&it.value)
	l.items.free(label)
}

// of ranges over the labels of a key; 0 is a key that no member has.
func (l *labels) of(key ref) iter.Seq[*item] {
	return func(yield func(*item) bool) {
		if key == 0 {
			return
		}
		for label := l.keys.items.item(key).first; label != 0; {
			it := l.items.item(label)
			if !yield(it) {
				return
			}
			label = it.next
		}
	}
}

// begins reports whether a label's value has the prefix.
func (l *labels) begins(it *item, prefix string) bool {
	if prefix == "" {
		return true
	}
	value := l.texts.bytes(&it.value)
	return len(value) >= len(prefix) && string(value[:len(prefix)]) == prefix
}
