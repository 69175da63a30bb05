package index

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestClasses: the class of any size has room for it, and not for much more.
func TestClasses(t *testing.T) {
	for n := 1; n < 1<<20; n += 1 + n/100 {
		class := classOf(n)
		size := sizeOf(class)
		if size < n || size > n+n/4 || classOf(size) != class || class > 0 && sizeOf(class-1) >= n {
			t.Fatalf("%d elements are of class %d, whose blocks have %d", n, class, size)
		}
	}
	if last := classOf(1 << 32); last >= classes {
		t.Errorf("class %d of %d", last, classes)
	}
}

// TestSlab writes to blocks of all sizes, and reads them all again: none overlaps another.
func TestSlab(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var s slab[uint32]
	held := make(map[ref][]uint32)
	for i := range uint32(30_000) {
		if random.IntN(3) > 0 && i < 20_000 {
			n := 1 + random.IntN(40)
			if random.IntN(100) == 0 {
				n = random.IntN(20_000) + 1
			}
			r := s.alloc(n)
			if _, twice := held[r]; twice || r == 0 {
				t.Fatalf("block %d of %d is given out twice", r, n)
			}
			for j := range s.block(r) {
				s.block(r)[j] = i
			}
			held[r] = slices.Clone(s.block(r)[:n])
			continue
		}
		for r, want := range held {
			if got := s.block(r)[:len(want)]; !slices.Equal(got, want) {
				t.Fatalf("block %d has become %d, and was %d", r, got, want)
			}
			s.free(r)
			delete(held, r)
			break
		}
	}
	checkSlab(t, "blocks", &s, len(held))
	for r := range held {
		s.free(r)
	}
	checkSlab(t, "blocks", &s, 0)
}

// TestTable grows and shrinks a table, with hashes that collide in everything and in nothing.
func TestTable(t *testing.T) {
	for name, hashOf := range map[string]func(int) uint32{
		"good":     func(i int) uint32 { return uint32(i) * 0x9e3779b1 },
		"the same": func(int) uint32 { return 0xdeadbeef },
		"the top":  func(i int) uint32 { return uint32(i) << 20 },
	} {
		const labels = 3000
		var items slab[item]
		table := newTable()
		ids := make([]id, labels)
		check := func(n int) {
			buckets, found := 0, 0
			for _, page := range table.pages {
				for i := range page {
					buckets++
					for b := &page[i]; ; b = table.overflow.item(b.more) {
						for j, label := range b.ids[:b.len()] {
							found++
							if hash := items.item(label).hash; table.bucket(hash) != &page[i] || b.hashes[j] != hash {
								t.Fatalf("%s: label %d is in the wrong bucket, or has the wrong hash", name, label)
							}
						}
						if b.more == 0 {
							break
						}
					}
				}
			}
			if found != n || buckets-int(table.buckets) >= tablePage {
				t.Fatalf("%s: %d of %d labels found, %d of %d buckets used", name, found, n, table.buckets, buckets)
			}
		}
		for i := range ids {
			ids[i] = items.alloc(1)
			items.item(ids[i]).hash = hashOf(i)
			table.insert(hashOf(i), ids[i])
			if i%100 == 0 {
				check(i + 1)
			}
		}
		for i, n := range rand.New(rand.NewPCG(1, 1)).Perm(labels) {
			table.remove(hashOf(n), ids[n])
			if i%100 == 0 {
				check(labels - i - 1)
			}
		}
		check(0)
		if len(table.pages) != 1 {
			t.Errorf("%s: an empty table has %d pages", name, len(table.pages))
		}
		checkSlab(t, "overflow", &table.overflow, 0)
	}
}

// TestTexts: a text is what it was made of, whether it is in itself or elsewhere.
func TestTexts(t *testing.T) {
	var all texts
	for n := range 400 {
		value := strings.Repeat("界x", n)[:n]
		made := all.make(value)
		if got := string(all.bytes(&made)); got != value {
			t.Fatalf("%d bytes have become %q", n, got)
		}
		if inside := made[0] != long; inside != (n <= 11) {
			t.Errorf("%d bytes are in the text itself: %v", n, inside)
		}
		all.drop(&made)
	}
	checkSlab(t, "texts", &all.slab, 0)
}

// TestBitsets compares the operations with what they mean, on sets that are not equally long.
func TestBitsets(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	some := func(words int) bitset {
		b := make(bitset, words)
		for i := range b {
			b[i] = random.Uint64() & random.Uint64()
		}
		return b
	}
	for range 200 {
		long := 1 + random.IntN(5)
		all, a, b := some(long), some(long), some(random.IntN(7))
		for name, c := range map[string]struct {
			do   func(bitset)
			want func(uint32) bool
		}{
			"or":     {func(x bitset) { x.or(b) }, func(m uint32) bool { return a.has(m) || b.has(m) }},
			"and":    {func(x bitset) { x.and(b) }, func(m uint32) bool { return a.has(m) && b.has(m) }},
			"andNot": {func(x bitset) { x.andNot(b) }, func(m uint32) bool { return a.has(m) && !b.has(m) }},
			"orNot":  {func(x bitset) { x.orNot(all, b) }, func(m uint32) bool { return a.has(m) || all.has(m) && !b.has(m) }},
		} {
			got := slices.Clone(a)
			c.do(got)
			var want []uint32
			for m := range uint32(long * wordBits) {
				if c.want(m) {
					want = append(want, m)
				}
			}
			if members := got.appendTo(nil); !slices.Equal(members, want) || got.count() != len(want) {
				t.Fatalf("%x %s %x = %v, want %v", a, name, b, members, want)
			}
			if members := slices.Collect(got.all()); !slices.Equal(members, want) {
				t.Fatalf("all() of %x = %v, want %v", got, members, want)
			}
		}
	}
}

// TestKeysAreForgotten: so is the room of their map.
func TestKeysAreForgotten(t *testing.T) {
	x := New()
	for member := range uint32(1000) {
		x.Join(member, set(fmt.Sprintf("key%d=x", member)))
	}
	for member := range uint32(990) {
		x.Leave(member)
	}
	if k := &x.labels.keys; len(k.byName) != 10 || k.peak > 64 {
		t.Errorf("%d keys of 10 are left, with room for %d", len(k.byName), k.peak)
	}
	checkStructure(t, x)
}

// TestFindReadsTheTexts: labels of one hash are told apart, by the key too.
func TestFindReadsTheTexts(t *testing.T) {
	l := newLabels()
	hash := l.hash("a", "x")
	label := l.intern(hash, "a", "x")
	for _, c := range []struct {
		key, value string
		want       id
	}{{"a", "x", label}, {"b", "x", 0}, {"a", "y", 0}, {"x", "a", 0}} {
		if got := l.find(hash, c.key, c.value); got != c.want {
			t.Errorf("%s=%s with the hash of a=x is label %d, want %d", c.key, c.value, got, c.want)
		}
	}
	if l.hash("a", "x") == l.hash("x", "a") && l.hash("b", "x") == l.hash("x", "b") {
		t.Error("key and value may be changed about, and the hash is the same")
	}
}
