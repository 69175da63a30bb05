package scenes

import (
	"math"
	"math/bits"
)

// Sketch tells how many different scenes were added to it, about: it is a HyperLogLog (Flajolet et al., 2007) of 1,024 registers, whose standard
// error is 3 %. Nodes of all versions hash alike.
type Sketch []byte

const (
	sketchBits = 10
	registers  = 1 << sketchBits
)

// NewSketch makes one to which nothing was added.
func NewSketch() Sketch { return make(Sketch, registers) }

// Add adds a scene by its name.
func (s Sketch) Add(name string) {
	h := hash(name)
	i := h >> (64 - sketchBits)
	rank := byte(bits.LeadingZeros64(h<<sketchBits|1<<(sketchBits-1)) + 1)
	s[i] = max(s[i], rank)
}

// Merge adds what was added to another one. One of another length is another version's, and tells nothing.
func (s Sketch) Merge(other Sketch) {
	if len(other) == len(s) {
		for i, rank := range other {
			s[i] = max(s[i], rank)
		}
	}
}

// Estimate is how many scenes were added.
func (s Sketch) Estimate() int {
	sum, zeros := 0.0, 0
	for _, rank := range s {
		sum += math.Pow(2, -float64(rank))
		if rank == 0 {
			zeros++
		}
	}
	const m = registers
	e := 0.7213 / (1 + 1.079/m) * m * m / sum
	if e <= 2.5*m && zeros > 0 {
		e = m * math.Log(m/float64(zeros))
	}
	return int(math.Round(e))
}

// hash is FNV-1a, mixed as in MurmurHash3 so that each bit of the hash depends on each of the text.
func hash(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
