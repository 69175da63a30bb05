package index

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"unsafe"

	"scenecast/label"
)

// heap is how many bytes are in use after a collection.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestMemoryReturns: after a million members, each with labels and keys that nobody else ever had, have joined and left in
// waves, there is little more memory in use than before the first, though some of the first have stayed.
func TestMemoryReturns(t *testing.T) {
	const waves, wave = 4, 100_000
	random := rand.New(rand.NewPCG(1, 1))
	x := New()
	for member := range uint32(100) {
		x.Join(member, set(fmt.Sprintf("page=home user=%d", member)))
	}
	before := heap()
	peak := int64(0)
	for n := range waves {
		order := random.Perm(wave)
		for i := range order {
			unique := fmt.Sprint(n, "-", i)
			labels := []label.Label{{Key: "user", Value: unique}, {Key: "page", Value: "home"}}
			if i%4 == 0 {
				labels = append(labels, label.Label{Key: "k" + unique, Value: "a value that is longer than an item has room for"})
			}
			x.Join(uint32(1000+i), label.New(labels...))
		}
		x.Select(parse(t, `has(user) && page == "home"`), nil)
		if n == 0 {
			peak = heap() - before
		}
		for _, i := range order {
			x.Leave(uint32(1000 + i))
		}
	}
	after := heap() - before
	if limit := peak / 20; after > limit {
		t.Errorf("%d bytes are in use after everybody left, more than %d, a twentieth of the %d before", after, limit, peak)
	}
	checkStructure(t, x)
	if x.Count(parse(t, `page == "home"`)) != 100 {
		t.Error("those who stayed are not all there")
	}
}

// TestMemoryOfAMember bounds what labels take, where many are shared and one in five is unique.
func TestMemoryOfAMember(t *testing.T) {
	const members = 100_000
	random := rand.New(rand.NewPCG(1, 2))
	before := heap()
	x := New()
	for member := range members {
		x.Join(uint32(member), shopLabels(random, member))
	}
	perLabel := float64(heap()-before) / (5 * members)
	if perLabel > 40 { // there are as many orders as members here, unlike in the benchmark
		t.Errorf("%.1f bytes for each label of each member", perLabel)
	}
	runtime.KeepAlive(x)
}

// TestSizes holds the hot structures to what the documentation says of them.
func TestSizes(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"an item", unsafe.Sizeof(item{}), 36},
		{"an entry", unsafe.Sizeof(entry{}), 8},
		{"a bucket, one cache line", unsafe.Sizeof(bucket{}), 64},
	} {
		if c.got != c.want {
			t.Errorf("%s has %d bytes, want %d", c.name, c.got, c.want)
		}
	}
}

// TestAllocations: to select into a list that has room allocates nothing, whatever the audience; nor does to count; nor
// does to come and go with labels that others have.
func TestAllocations(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	x := New()
	for member := range uint32(20_000) {
		x.Join(member, shopLabels(random, int(member)))
	}
	dst := make([]uint32, 0, x.Len())
	for _, s := range selections {
		to := parse(t, s.to)
		check := func(what string, f func()) {
			if n := testing.AllocsPerRun(5, f); n != 0 {
				t.Errorf("%s(%s) allocates %.0f times", what, s.to, n)
			}
		}
		check("Select", func() { dst = x.Select(to, dst[:0]) })
		check("Count", func() { x.Count(to) })
	}
	labels := x.Labels(4711)
	other := labels.With("page", "page1").With("locale", "l1", "l2")
	if n := testing.AllocsPerRun(100, func() {
		x.Leave(4711)
		x.Join(4711, labels)
		x.Relabel(4711, other)
	}); n != 0 {
		t.Errorf("to leave, to join and to relabel allocate %.0f times", n)
	}
}
