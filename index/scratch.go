package index

// scratch is memory that answering takes, kept for the next time.
type scratch struct {
	bitsets []bitset   // all zero
	lists   [][]uint32 // in which anything may be
}

// bitset takes an empty bitset of so many words.
func (s *scratch) bitset(words int) bitset {
	last := len(s.bitsets) - 1
	if last < 0 {
		return make(bitset, words)
	}
	bits := s.bitsets[last]
	s.bitsets = s.bitsets[:last]
	if cap(bits) < words {
		return make(bitset, words, words+words/4)
	}
	return bits[:words]
}

// clear empties a bitset and takes it back; nil is none.
func (s *scratch) clear(bits bitset) {
	if bits != nil {
		clear(bits)
		s.bitsets = append(s.bitsets, bits)
	}
}

// list takes an empty list.
func (s *scratch) list() []uint32 {
	last := len(s.lists) - 1
	if last < 0 {
		return nil
	}
	list := s.lists[last]
	s.lists = s.lists[:last]
	return list[:0]
}
