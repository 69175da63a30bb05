package index

import (
	"fmt"
	"iter"
	"slices"

	"scenecast/label"
)

// Index knows which members have which labels. It has one owner: no two of its methods may run at a time, not even two
// that select, and none that changes it may be called in a loop over one of its iterators.
//
// A member is a number that the owner chooses. The numbers should be small and dense, as those of slots are: there is a
// bit here and there for every number up to the greatest one, and asking for a large part of the members walks over them.
type Index struct {
	labels   labels
	members  members
	postings postings

	// For the next join, plan and so on to use again.
	hashes  []uint32 // of the labels that a member is to have
	ids     []id     // their ids
	warmth  uint32   // see warm.go
	nodes   []node   // the plan
	scratch scratch
}

// New makes an index without members.
func New() *Index { return &Index{labels: newLabels()} }

// Join adds a member. It keeps nothing of the set: the texts are copied where they are new.
//
// It panics if the member is there already, as Relabel, Leave and Labels do if it is not: an owner that is wrong about who
// is there has sent messages to strangers, and must not go on.
func (x *Index) Join(member uint32, labels label.Set) {
	if x.Contains(member) {
		panic(fmt.Sprintf("index: member %d joins twice", member))
	}
	x.intern(labels)
	x.members.join(member, x.ids)
	for _, label := range x.ids {
		x.add(member, label)
	}
}

// Relabel gives a member other labels. It changes only what differs; a label that is kept costs a look-up.
func (x *Index) Relabel(member uint32, labels label.Set) {
	x.must(member)
	x.intern(labels) // before anything is removed, lest a label be forgotten that is to be kept
	old, kept := x.members.of(member), 0
	places := x.members.placesOf(old)
	for i, label := range x.ids {
		if places.find(label) >= 0 {
			x.ids[kept], x.ids[i] = label, x.ids[kept]
			kept++
		}
	}
	if kept == len(old) && kept == len(x.ids) {
		return
	}
	x.removeOthers(member, old, x.ids[:kept])
	x.members.assign(member, x.ids)
	for _, label := range x.ids[kept:] {
		x.add(member, label)
	}
}

// removeOthers takes a member out of the postings of those of its labels that it does not keep.
func (x *Index) removeOthers(member uint32, old []entry, kept []id) {
	if len(kept) == len(old) {
		return
	}
	if len(kept) <= fewLabels {
		for _, e := range old {
			if !slices.Contains(kept, e.label) {
				x.remove(member, e)
			}
		}
		return
	}
	keeps := make(map[id]struct{}, len(kept))
	for _, label := range kept {
		keeps[label] = struct{}{}
	}
	for _, e := range old {
		if _, ok := keeps[e.label]; !ok {
			x.remove(member, e)
		}
	}
}

// Leave removes a member. Its number may then be given to another.
func (x *Index) Leave(member uint32) {
	x.must(member)
	entries := x.members.of(member)
	x.warmEntries(entries)
	for _, e := range entries {
		x.remove(member, e)
	}
	if x.members.leave(member) {
		x.scratch = scratch{}
	}
}

// intern makes x.ids the labels of the set.
func (x *Index) intern(labels label.Set) {
	x.hashes, x.ids = x.hashes[:0], x.ids[:0]
	for l := range labels.All() {
		x.hashes = append(x.hashes, x.labels.hash(l.Key, l.Value))
	}
	x.warmHashes()
	for l := range labels.All() {
		x.ids = append(x.ids, x.labels.intern(x.hashes[len(x.ids)], l.Key, l.Value))
	}
}

func (x *Index) must(member uint32) {
	if !x.Contains(member) {
		panic(fmt.Sprintf("index: member %d is not there", member))
	}
}

// Len is the number of members.
func (x *Index) Len() int { return x.members.count }

// Size is how many labels the members have, those that several have counted once, and how many keys these have.
func (x *Index) Size() (labels, keys int) {
	return int(x.labels.table.labels), len(x.labels.keys.byName)
}

// Contains reports whether the member has joined and not left.
func (x *Index) Contains(member uint32) bool { return x.members.live.has(member) }

// All ranges over the members in ascending order.
func (x *Index) All() iter.Seq[uint32] { return x.members.live.all() }

// Labels is a member's labels. They are spelled out anew from the index, so no one else need keep them.
func (x *Index) Labels(member uint32) label.Set {
	x.must(member)
	entries := x.members.of(member)
	labels := make([]label.Label, len(entries))
	for i, e := range entries {
		it := x.labels.items.item(e.label)
		labels[i] = label.Label{Key: x.labels.keys.items.item(it.key).name, Value: string(x.labels.texts.bytes(&it.value))}
	}
	return label.New(labels...)
}

// AppendKeys appends the keys of a member's labels, each once, in no particular order.
func (x *Index) AppendKeys(member uint32, dst []string) []string {
	x.must(member)
	before := len(dst)
	for _, e := range x.members.of(member) {
		name := x.labels.keys.items.item(x.labels.items.item(e.label).key).name
		if !slices.Contains(dst[before:], name) {
			dst = append(dst, name)
		}
	}
	return dst
}

// Distinct is how many values a key has.
func (x *Index) Distinct(key string) int {
	r := x.labels.keys.byName[key]
	if r == 0 {
		return 0
	}
	return x.labels.keys.items.item(r).values
}

// Values ranges over the values of a key, in no particular order, and says how many members have each. It looks at nothing
// but these values.
func (x *Index) Values(key string) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		for it := range x.labels.of(x.labels.keys.byName[key]) {
			if !yield(string(x.labels.texts.bytes(&it.value)), int(it.count)) {
				return
			}
		}
	}
}

// Has reports whether a member has a label. It does not allocate.
func (x *Index) Has(member uint32, key, value string) bool {
	x.must(member)
	label := x.labels.find(x.labels.hash(key, value), key, value)
	return label != 0 && find(x.members.of(member), label) >= 0
}
