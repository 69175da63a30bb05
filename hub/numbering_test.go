package hub

import "testing"

// TestNumbering: no number is given twice, none is 0, and where nothing but the count differs they do not follow each other.
func TestNumbering(t *testing.T) {
	n := newNumbering()
	seen := make(map[uint64]bool)
	near := 0
	for count := uint64(1); count <= 20_000; count++ {
		number := n.number(count)
		if seen[number] || number == 0 || number >= 1<<numberBits {
			t.Fatalf("connection %d has the number %d; it is another's, or none: %v", count, number, seen[number])
		}
		seen[number] = true
		if before := n.number(count - 1); count > 1 && max(number, before)-min(number, before) < 1<<(numberBits-20) {
			near++
		}
	}
	if near > 20 { // about one in half a million is
		t.Errorf("%d numbers are near the one before", near)
	}
	if newNumbering().number(1) == n.number(1) {
		t.Error("two nodes give the same numbers")
	}
}

// TestNumberingIsAPermutation looks at numbers from all over the range.
func TestNumberingIsAPermutation(t *testing.T) {
	n := newNumbering()
	seen := make(map[uint64]uint64)
	for bit := range numberBits {
		for _, x := range []uint64{1 << bit, 1<<bit - 1, 1<<numberBits - 1<<bit} {
			if other, taken := seen[n.permute(x)]; taken && other != x {
				t.Errorf("%x and %x have the same number", x, other)
			}
			seen[n.permute(x)] = x
		}
	}
}
