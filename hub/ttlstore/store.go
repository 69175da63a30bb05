// Package ttlstore keeps the pushes with a ttl of one app on one shard, and which pages have got each: pages that come to match within
// that time get them too, each once. It knows slots and labels, and neither sockets nor how a push is sent.
//
// A push is filed under labels of which a page needs one to match it (audience.Expr.Necessary), so a page is matched only with pushes
// that it can match. What is left to do for a page can still be much: Step does it in parts.
package ttlstore

import (
	"container/heap"
	"math/bits"
	"slices"
	"sort"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/hub/slotset"
)

// What may last at a time in an app: they are kept. When there are more, the oldest ends early.
const (
	MaxPushes = 10_000
	MaxBytes  = 64 << 20 // of messages
)

// Store is the pushes with a ttl of an app on a shard. Make one with New; nil is one that is empty and stays so, for the methods that only
// look. It has one owner.
type Store struct {
	blocks   []*block // in the order of the log; in each some push lasts
	byRetain map[string]*entry
	ends     ends
	filed    index
	bytes    int // of messages
}

// New makes a store without pushes.
func New() *Store { return &Store{byRetain: make(map[string]*entry), filed: newIndex()} }

// entry is a push that lasts.
type entry struct {
	push       *scenecast.Push // nil: it lasts no more
	seq        uint64
	until      time.Time
	cost       int                  // of holding a page against it
	conditions []audience.Condition // under which it is filed; nil: under none
	block      *block
	item       int
	place      int // in ends
}

// block is up to 64 pushes that follow each other, and the slots of the pages that have got each.
type block struct {
	entries [slotset.Items]*entry
	used    int
	live    uint64 // the entries that last
	got     slotset.Grid
}

func (b *block) last() uint64 { return b.entries[b.used-1].seq }

// Len is how many pushes last.
func (s *Store) Len() int {
	if s == nil {
		return 0
	}
	return len(s.ends)
}

// Add has a push last until its ttl has passed. It is newer than all others. The newest of a retain key takes the place of the one before.
func (s *Store) Add(p *scenecast.Push, now time.Time) {
	s.Expire(now)
	if e := s.byRetain[p.RetainKey()]; p.Retain != "" && e != nil {
		s.remove(e)
	}
	for len(s.ends) > 0 && (len(s.ends) >= MaxPushes || s.bytes+len(p.Message.Data) > MaxBytes) {
		s.remove(s.oldest())
	}
	e := &entry{push: p, seq: p.Position.Seq, until: p.At.Add(p.TTL), cost: p.To.Size()}
	if n := len(s.blocks); n == 0 || s.blocks[n-1].used == slotset.Items {
		s.blocks = append(s.blocks, new(block))
	}
	e.block = s.blocks[len(s.blocks)-1]
	e.item = e.block.used
	e.block.entries[e.item] = e
	e.block.live |= 1 << e.item
	e.block.used++
	if p.Retain != "" {
		s.byRetain[p.RetainKey()] = e
	}
	s.bytes += len(p.Message.Data)
	heap.Push(&s.ends, e)
	s.filed.add(e)
}

// Retained is the push with a retain key (scenecast.Push.RetainKey) that lasts; nil: there is none.
func (s *Store) Retained(key string, now time.Time) *scenecast.Push {
	if s == nil {
		return nil
	}
	if e := s.byRetain[key]; e != nil && now.Before(e.until) {
		return e.push
	}
	return nil
}

// maxExpired bounds how many pushes one call of Expire ends.
const maxExpired = 64

// Expire ends pushes whose time has passed, and reports whether there may be more of them: it does not end all at once if they are many.
// Nobody gets them any more in any case.
func (s *Store) Expire(now time.Time) (more bool) {
	if s == nil {
		return false
	}
	for range maxExpired {
		if len(s.ends) == 0 || now.Before(s.ends[0].until) {
			return false
		}
		s.remove(s.ends[0])
	}
	return true
}

func (s *Store) oldest() *entry {
	b := s.blocks[0]
	return b.entries[bits.TrailingZeros64(b.live)]
}

// remove ends a push.
func (s *Store) remove(e *entry) {
	heap.Remove(&s.ends, e.place)
	s.filed.remove(e)
	s.bytes -= len(e.push.Message.Data)
	if e.push.Retain != "" {
		delete(s.byRetain, e.push.RetainKey())
	}
	e.push = nil
	e.block.live &^= 1 << e.item
	s.compact(s.blockOf(e.seq))
}

// blockOf is where the block is in which a place in the log lies, or the first one behind it.
func (s *Store) blockOf(seq uint64) int {
	return sort.Search(len(s.blocks), func(i int) bool { return s.blocks[i].last() >= seq })
}

// find is the push with this place in the log; nil: it does not last.
func (s *Store) find(seq uint64) *entry {
	i := s.blockOf(seq)
	if i == len(s.blocks) {
		return nil
	}
	b := s.blocks[i]
	item := sort.Search(b.used, func(i int) bool { return b.entries[i].seq >= seq })
	if e := b.entries[item]; e.seq == seq && e.push != nil {
		return e
	}
	return nil
}

// Lasts reports whether the push with this place in the log lasts.
func (s *Store) Lasts(seq uint64) bool { return s != nil && s.find(seq) != nil }

// Last is the newest push with a retain key that lasts; nil: there is none.
func (s *Store) Last(key string, now time.Time) *scenecast.Push {
	if s == nil {
		return nil
	}
	if e := s.byRetain[key]; e != nil && now.Before(e.until) {
		return e.push
	}
	return nil
}

// compact drops a block in which nothing lasts, and joins one in which little does to its neighbour: so the blocks are few, and that
// is what it costs when a page leaves.
func (s *Store) compact(i int) {
	const few = slotset.Items / 2
	b := s.blocks[i]
	n := bits.OnesCount64(b.live)
	switch {
	case n == 0:
		s.blocks = slices.Delete(s.blocks, i, i+1)
	case i > 0 && n+bits.OnesCount64(s.blocks[i-1].live) <= few:
		s.join(i - 1)
	case i+1 < len(s.blocks) && n+bits.OnesCount64(s.blocks[i+1].live) <= few:
		s.join(i)
	}
}

// join makes one block of two that follow each other.
func (s *Store) join(i int) {
	joined := new(block)
	for _, b := range s.blocks[i : i+2] {
		first := joined.used
		for live := b.live; live != 0; live &= live - 1 {
			e := b.entries[bits.TrailingZeros64(live)]
			e.block, e.item = joined, joined.used
			joined.entries[e.item] = e
			joined.live |= 1 << e.item
			joined.used++
		}
		for slot, got := range b.got.All() {
			joined.got.Add(slot, pack(got, b.live)<<first)
		}
	}
	s.blocks[i] = joined
	s.blocks = slices.Delete(s.blocks, i+1, i+2)
}

// pack moves the bits under a mask together, lowest first.
func pack(word, mask uint64) (packed uint64) {
	for n := 0; mask != 0; mask &= mask - 1 {
		packed |= (word >> bits.TrailingZeros64(mask) & 1) << n
		n++
	}
	return packed
}

// ends are the pushes, the one that ends first at the top.
type ends []*entry

// Len implements heap.Interface.
func (h ends) Len() int { return len(h) }

// Less implements heap.Interface.
func (h ends) Less(i, j int) bool { return h[i].until.Before(h[j].until) }

// Swap implements heap.Interface.
func (h ends) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push implements heap.Interface.
func (h *ends) Push(x any) {
	e := x.(*entry)
	e.place = len(*h)
	*h = append(*h, e)
}

// Pop implements heap.Interface.
func (h *ends) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}
