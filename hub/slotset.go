package hub

// slotSet is a set of slots of a shard, a bit for each.
type slotSet []uint64

func newSlotSet(members []uint32) (s slotSet) {
	for _, i := range members {
		s.set(i)
	}
	return s
}

func (s slotSet) has(i uint32) bool { return int(i/64) < len(s) && s[i/64]&(1<<(i%64)) != 0 }

func (s *slotSet) set(i uint32) {
	if n := int(i/64) + 1 - len(*s); n > 0 {
		*s = append(*s, make(slotSet, n)...)
	}
	(*s)[i/64] |= 1 << (i % 64)
}

// clear takes a slot out, and reports whether it was in.
func (s slotSet) clear(i uint32) bool {
	if !s.has(i) {
		return false
	}
	s[i/64] &^= 1 << (i % 64)
	return true
}
