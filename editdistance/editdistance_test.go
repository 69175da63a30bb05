package editdistance_test

import (
	"testing"

	"scenecast/editdistance"
)

func TestBetween(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "abc", 0},
		{"abc", "abd", 1},
		{"abc", "ab", 1},
		{"abc", "xabc", 1},
		{"fnuc", "func", 2},
		{"kitten", "sitting", 3},
		{"listen", "LISTEN", 6},
	} {
		if got, back := editdistance.Between(c.a, c.b), editdistance.Between(c.b, c.a); got != c.want || back != c.want {
			t.Errorf("between %q and %q: %d, and back %d, want %d", c.a, c.b, got, back, c.want)
		}
	}
}
