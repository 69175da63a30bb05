package index

import (
	"slices"
	"testing"
)

// checkStructure complains unless the parts of the index agree with each other.
func checkStructure(t *testing.T, x *Index) {
	t.Helper()
	entries, labels, longs := 0, 0, 0
	for member := range x.All() {
		for _, e := range x.members.of(member) {
			entries++
			p := &x.labels.items.item(e.label).posting
			if bits := x.postings.bitset(p); bits != nil {
				if !bits.has(member) || bits.count() != int(p.count) {
					t.Fatalf("member %d is not in the bitset of its label %d, or the count %d is wrong", member, e.label, p.count)
				}
			} else if list := x.postings.list(p); cap(list) > 2*len(list)+1 {
				t.Fatalf("the list of label %d has room for %d, and has %d members", e.label, cap(list), len(list))
			} else if len(list) <= short && !slices.Contains(list, member) {
				t.Fatalf("member %d is not in the list of its label %d", member, e.label)
			} else if len(list) > short && (int(e.at) >= len(list) || list[e.at] != member) {
				t.Fatalf("member %d is not at place %d of the list of its label %d", member, e.at, e.label)
			}
		}
	}
	for name, r := range x.labels.keys.byName {
		k := x.labels.keys.items.item(r)
		values, uses := 0, 0
		for it := range x.labels.of(r) {
			values++
			if it.value[0] == long {
				longs++
			}
			uses += int(it.count)
		}
		if k.name != name || k.values != values || k.uses != uses || values == 0 {
			t.Fatalf("the key %s (%+v) has %d values and %d uses", name, *k, values, uses)
		}
		labels += values
		entries -= uses
	}
	if entries != 0 || int(x.labels.table.labels) != labels {
		t.Fatalf("%d entries that no label knows of, %d labels in the table and %d of keys", entries, x.labels.table.labels, labels)
	}
	if l, k := x.Size(); l != labels || k != len(x.labels.keys.byName) {
		t.Fatalf("its size is %d labels of %d keys, and there are %d of %d", l, k, labels, len(x.labels.keys.byName))
	}
	for _, bits := range x.scratch.bitsets {
		if bits[:cap(bits)].count() != 0 {
			t.Fatal("a scratch bitset is not empty")
		}
	}
	checkSlab(t, "items", &x.labels.items, labels)
	checkSlab(t, "texts", &x.labels.texts.slab, longs)
	checkSlab(t, "keys", &x.labels.keys.items, len(x.labels.keys.byName))
}

// checkSlab complains unless the slab has so many blocks in use, and knows where it has room.
func checkSlab[T any](t *testing.T, name string, s *slab[T], want int) {
	t.Helper()
	used, room := 0, 0
	for i := range s.pages {
		u := &s.usage[i]
		used += int(u.used)
		if s.pages[i].blocks != nil && u.used < u.capacity {
			room++
		}
	}
	for class := range s.room {
		empty := 0
		for number := s.room[class]; number != 0; number = s.usage[number].next {
			room--
			if s.usage[number].used == 0 {
				empty++
			}
		}
		if empty > 1 {
			t.Fatalf("%s: %d empty pages of blocks of %d are kept", name, empty, sizeOf(class))
		}
	}
	if used != want || room != 0 {
		t.Fatalf("%s: %d blocks in use, want %d; %d pages with room are not linked", name, used, want, room)
	}
}
