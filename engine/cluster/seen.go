package cluster

// seen is the set of an origin's record numbers that were read. It covers a window behind the highest one: whatever is older than
// that counts as read, as an origin gives a record up before it has made so many others.
type seen struct {
	highest uint64
	bits    [seenWindow / 64]uint64
}

// seenWindow covers what an origin may append again: 15 s of records.
const seenWindow = 1 << 16

// add adds a number, and reports whether it was new.
func (s *seen) add(number uint64) bool {
	switch {
	case number > s.highest:
		if number-s.highest >= seenWindow {
			clear(s.bits[:])
		} else {
			for n := s.highest + 1; n < number; n++ {
				s.bits[n/64%(seenWindow/64)] &^= 1 << (n % 64)
			}
		}
		s.highest = number
	case s.highest-number >= seenWindow:
		return false
	case s.bits[number/64%(seenWindow/64)]&(1<<(number%64)) != 0:
		return false
	}
	s.bits[number/64%(seenWindow/64)] |= 1 << (number % 64)
	return true
}
