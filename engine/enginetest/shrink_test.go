package enginetest

import (
	"slices"
	"testing"
)

// TestShrink: what fails with two operations in this order shrinks to these.
func TestShrink(t *testing.T) {
	for _, want := range [][]int{{7, 61}, {0, 99}, {41}, {}} {
		all := make([]int, 100)
		for i := range all {
			all[i] = i
		}
		asked := 0
		got := Shrink(all, func(some []int) bool {
			asked++
			for _, n := range want {
				if !slices.Contains(some, n) {
					return false
				}
			}
			return true
		})
		if !slices.Equal(got, want) || asked > 1000 {
			t.Errorf("%v, asked %d times; want %v", got, asked, want)
		}
	}
}
