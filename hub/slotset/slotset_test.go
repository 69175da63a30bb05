package slotset_test

import (
	"maps"
	"math/rand/v2"
	"testing"

	"scenecast/hub/slotset"
)

// TestAgainstMap compares a grid with a map of words, for slots close together and far apart.
func TestAgainstMap(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		var grid slotset.Grid
		model := make(map[uint32]uint64)
		slot := func() uint32 {
			if r.IntN(2) == 0 {
				return r.Uint32N(100)
			}
			return r.Uint32N(1 << 20)
		}
		for range 2000 {
			s, items := slot(), r.Uint64()&r.Uint64()&r.Uint64()
			switch r.IntN(4) {
			case 0:
				if got := grid.Remove(s, items); got != model[s]&items {
					t.Fatalf("seed %d: slot %d had %b, want %b", seed, s, got, model[s]&items)
				}
				model[s] &^= items
			case 1:
				if got := grid.Items(s); got != model[s] {
					t.Fatalf("seed %d: slot %d has %b, want %b", seed, s, got, model[s])
				}
			case 2:
				grid.Add(s, 0)
			default:
				grid.Add(s, items)
				model[s] |= items
			}
		}
		maps.DeleteFunc(model, func(_ uint32, items uint64) bool { return items == 0 })
		if got := maps.Collect(grid.All()); !maps.Equal(got, model) {
			t.Fatalf("seed %d: %d slots have something, want %d", seed, len(got), len(model))
		}
	}
}

// TestAddAllocates once for 32 slots that lie together, whatever the number of items.
func TestAddAllocates(t *testing.T) {
	var grid slotset.Grid
	const slots = 3200
	grid.Add(0, 1)
	allocated := testing.AllocsPerRun(1, func() {
		for item := range slotset.Items {
			for slot := range uint32(slots) {
				grid.Add(slot, 1<<item)
			}
		}
	})
	if allocated > slots/32*2 {
		t.Errorf("%.0f allocations for %d slots", allocated, slots)
	}
	if grid.Rows() != slots/32 {
		t.Errorf("%d rows", grid.Rows())
	}
}
