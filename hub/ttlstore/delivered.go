package ttlstore

import (
	"math/bits"
	"time"

	"scenecast"
)

// Delivered notes that a page has got the push with this place in the log, if that lasts.
func (s *Store) Delivered(slot uint32, seq uint64) {
	if s == nil {
		return
	}
	if e := s.find(seq); e != nil {
		e.block.got.Add(slot, 1<<e.item)
	}
}

// DeliveredUpTo notes that a page has got those of the pushes up to a place in the log that match.
func (s *Store) DeliveredUpTo(slot uint32, seq uint64, match func(p *scenecast.Push) bool) {
	if s == nil {
		return
	}
	for _, b := range s.blocks {
		var got uint64
		for live := b.live; live != 0; live &= live - 1 {
			item := bits.TrailingZeros64(live)
			if e := b.entries[item]; e.seq <= seq && match(e.push) {
				got |= 1 << item
			}
		}
		if got != 0 {
			b.got.Add(slot, got)
		}
	}
}

// DeliveredTo notes that pages have got the push that was added last.
func (s *Store) DeliveredTo(slots []uint32) {
	b := s.blocks[len(s.blocks)-1]
	for _, slot := range slots {
		b.got.Add(slot, 1<<(b.used-1))
	}
}

// NotDelivered takes back that a page has got pushes: those behind one place in the log, up to another.
func (s *Store) NotDelivered(slot uint32, after, upTo uint64) {
	if s == nil {
		return
	}
	for _, b := range s.blocks[s.blockOf(after):] {
		got := b.got.Items(slot)
		for m := got; m != 0; m &= m - 1 {
			item := bits.TrailingZeros64(m)
			if seq := b.entries[item].seq; seq <= after || seq > upTo {
				got &^= 1 << item
			}
		}
		b.got.Remove(slot, got)
	}
}

// Leave forgets the page in a slot, and returns which pushes it had got, in order, and when the last of them ends.
func (s *Store) Leave(slot uint32) (seqs []uint64, until time.Time) {
	if s == nil {
		return nil, until
	}
	for _, b := range s.blocks {
		for got := b.got.Remove(slot, ^uint64(0)) & b.live; got != 0; got &= got - 1 {
			e := b.entries[bits.TrailingZeros64(got)]
			seqs = append(seqs, e.seq)
			if e.until.After(until) {
				until = e.until
			}
		}
	}
	return seqs, until
}
