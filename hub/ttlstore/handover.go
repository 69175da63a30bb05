package ttlstore

import (
	"math/bits"

	"scenecast"
)

// Pushes are those that last, in the order of the log.
func (s *Store) Pushes() (pushes []*scenecast.Push) {
	if s == nil {
		return nil
	}
	for _, b := range s.blocks {
		for live := b.live; live != 0; live &= live - 1 {
			pushes = append(pushes, b.entries[bits.TrailingZeros64(live)].push)
		}
	}
	return pushes
}

// Got are the sequence numbers of the pushes that last and that the page in a slot has got, in order.
func (s *Store) Got(slot uint32) (seqs []uint64) {
	if s == nil {
		return nil
	}
	for _, b := range s.blocks {
		for got := b.got.Items(slot) & b.live; got != 0; got &= got - 1 {
			seqs = append(seqs, b.entries[bits.TrailingZeros64(got)].seq)
		}
	}
	return seqs
}
