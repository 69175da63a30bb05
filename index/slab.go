package index

import "math/bits"

// slab gives out blocks of memory that hold n elements each, from pages of blocks of one size. Blocks are named by a
// number instead of a pointer: where T has no pointers, the collector sees a few thousand pages and looks into none of
// them. A page without blocks in use is given back. Blocks never move, so a pointer into one is good until it is freed.
type slab[T any] struct {
	pages    []page[T]       // [0] is never used
	usage    []usage         // of the pages; apart from them, as only who comes or goes needs it
	released []uint32        // numbers of pages that were given back
	room     [classes]uint32 // per class, the first page that has a free block; 0: none
}

// ref names a block: the page's number and the block's place in the page. The zero ref names none.
type ref uint32

// page is the blocks of one size class.
type page[T any] struct {
	blocks []T
	size   uint32 // elements of a block
}

// usage says which blocks of a page are in use.
type usage struct {
	class, capacity, used uint16

	// The page's neighbours among those of its class that have a free block.
	next, prev uint32

	free [maxBlocks / wordBits]uint64 // a bit for each free block
}

const (
	refBits   = 8
	maxBlocks = 1 << refBits // blocks of a page
	pageSize  = 4096         // elements of a page, at most, unless one block is larger
	classes   = 128
)

// alloc gives out a block of n elements or a few more, n being at least 1. What is in it is whatever was in it.
func (s *slab[T]) alloc(n int) ref {
	class := classOf(n)
	number := s.room[class]
	if number == 0 {
		number = s.newPage(class)
	}
	u := &s.usage[number]
	block := u.take()
	if u.used == u.capacity {
		s.unlink(number)
	}
	return ref(number<<refBits | block)
}

// free takes a block back. The last page of a class that has room is kept though it be empty, lest a member that comes and
// goes make and drop a page each time.
func (s *slab[T]) free(r ref) {
	number, block := uint32(r>>refBits), uint32(r%maxBlocks)
	u := &s.usage[number]
	if u.used == u.capacity {
		s.link(number)
	}
	u.free[block/wordBits] |= 1 << (block % wordBits)
	u.used--
	if u.used == 0 && u.next|u.prev != 0 {
		s.unlink(number)
		s.pages[number] = page[T]{}
		s.released = append(s.released, number)
	}
}

// block is the memory of a block, all of it.
func (s *slab[T]) block(r ref) []T {
	p := &s.pages[r>>refBits]
	start := uint32(r%maxBlocks) * p.size
	return p.blocks[start : start+p.size : start+p.size]
}

// item is the memory of a block of one element.
func (s *slab[T]) item(r ref) *T { return &s.pages[r>>refBits].blocks[r%maxBlocks] }

func (s *slab[T]) newPage(class int) uint32 {
	if len(s.pages) == 0 {
		s.pages, s.usage = make([]page[T], 1), make([]usage, 1)
	}
	number := uint32(len(s.pages))
	if last := len(s.released) - 1; last >= 0 {
		number, s.released = s.released[last], s.released[:last]
	} else {
		s.pages, s.usage = append(s.pages, page[T]{}), append(s.usage, usage{})
	}
	size := sizeOf(class)
	capacity := max(1, min(maxBlocks, pageSize/size))
	s.pages[number] = page[T]{make([]T, capacity*size), uint32(size)}
	u := &s.usage[number]
	*u = usage{class: uint16(class), capacity: uint16(capacity)}
	for block := range capacity {
		u.free[block/wordBits] |= 1 << (block % wordBits)
	}
	s.link(number)
	return number
}

// take marks the first free block as used.
func (u *usage) take() uint32 {
	u.used++
	word := 0
	for u.free[word] == 0 {
		word++
	}
	block := bits.TrailingZeros64(u.free[word])
	u.free[word] &= u.free[word] - 1
	return uint32(word*wordBits + block)
}

// link makes the page the first of its class that has room.
func (s *slab[T]) link(number uint32) {
	u := &s.usage[number]
	u.prev, u.next = 0, s.room[u.class]
	if u.next != 0 {
		s.usage[u.next].prev = number
	}
	s.room[u.class] = number
}

func (s *slab[T]) unlink(number uint32) {
	u := &s.usage[number]
	if u.prev != 0 {
		s.usage[u.prev].next = u.next
	} else {
		s.room[u.class] = u.next
	}
	if u.next != 0 {
		s.usage[u.next].prev = u.prev
	}
	u.prev, u.next = 0, 0
}

// classOf is the class of blocks for n elements: up to 8 a class for every n, then four for every doubling.
func classOf(n int) int {
	if n <= 8 {
		return n - 1
	}
	e := bits.Len(uint(n - 1)) // 2^(e-1) < n <= 2^e
	return 4*e - 8 + (n-1)>>(e-3)&3
}

// sizeOf is how many elements the blocks of a class have.
func sizeOf(class int) int {
	if class < 8 {
		return class + 1
	}
	e, quarter := (class+8)/4, class%4
	return (5 + quarter) << (e - 3)
}
