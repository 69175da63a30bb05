package index

import "math/bits"

// table finds labels by their hash. It is a hash table by linear hashing (W. Litwin, 1980): it grows and shrinks by one
// bucket at a time, so that no join ever waits for a million labels to be hashed anew, and its memory follows the labels.
//
// With n buckets, of which 2^k is the greatest power of two below n, hashes are told apart by k+1 bits, but by k bits where
// that would be a bucket which does not exist yet.
type table struct {
	pages    []*[tablePage]bucket
	buckets  uint32
	labels   uint32
	overflow slab[bucket]
	moving   bucketSlots // scratch
}

// bucket is one cache line, as to come by it is most of what a look-up costs.
type bucket struct {
	hashes [bucketSize]uint32 // of the labels: whole, so that a bucket is split without a look at its labels
	ids    [bucketSize]id     // 0: from here on it is empty
	more   ref                // a bucket of overflow, when all are taken
	_      uint32             // fills up the line
}

const (
	bucketSize = 7
	bucketFill = 4  // labels of a bucket, on the average, at which the table grows; at half of that, it shrinks
	tablePage  = 64 // buckets of a page; also the fewest that a table has
)

func newTable() table {
	return table{pages: []*[tablePage]bucket{new([tablePage]bucket)}, buckets: tablePage}
}

// bucket is where the labels of a hash are, or begin to be.
func (t *table) bucket(hash uint32) *bucket {
	mask := uint32(1)<<bits.Len32(t.buckets-1) - 1
	number := hash & mask
	if number >= t.buckets {
		number = hash & (mask >> 1)
	}
	return t.at(number)
}

func (t *table) at(number uint32) *bucket { return &t.pages[number/tablePage][number%tablePage] }

func (t *table) insert(hash uint32, label id) {
	t.put(hash, label)
	t.labels++
	if t.labels > bucketFill*t.buckets {
		t.split()
	}
}

// put adds a label to its bucket.
func (t *table) put(hash uint32, label id) {
	b := t.bucket(hash)
	for b.ids[bucketSize-1] != 0 {
		if b.more == 0 {
			b.more = t.overflow.alloc(1)
			*t.overflow.item(b.more) = bucket{}
		}
		b = t.overflow.item(b.more)
	}
	i := b.len()
	b.hashes[i], b.ids[i] = hash, label
}

func (t *table) remove(hash uint32, label id) {
	last := t.bucket(hash)
	var from, before *bucket // where the label is, and what the last bucket is the overflow of
	place := 0
	for {
		for i, other := range last.ids {
			if other == label {
				from, place = last, i
			}
		}
		if last.more == 0 {
			break
		}
		before, last = last, t.overflow.item(last.more)
	}
	i := last.len() - 1
	from.hashes[place], from.ids[place] = last.hashes[i], last.ids[i]
	last.ids[i] = 0
	if i == 0 && before != nil {
		t.overflow.free(before.more)
		before.more = 0
	}
	t.labels--
	if t.labels < bucketFill/2*t.buckets && t.buckets > tablePage {
		t.merge()
	}
}

// len is how many labels are in the bucket itself.
func (b *bucket) len() int {
	for i, label := range b.ids {
		if label == 0 {
			return i
		}
	}
	return bucketSize
}

// split makes one more bucket, and moves into it what belongs there from the only other that can have it.
func (t *table) split() {
	number := t.buckets
	if number%tablePage == 0 {
		t.pages = append(t.pages, new([tablePage]bucket))
	}
	t.buckets++
	mask := uint32(1)<<bits.Len32(number) - 1
	t.move(t.at(number & (mask >> 1)))
}

// merge undoes a split.
func (t *table) merge() {
	t.buckets--
	t.move(t.at(t.buckets))
	if t.buckets%tablePage == 0 {
		last := len(t.pages) - 1
		t.pages[last] = nil
		t.pages = t.pages[:last]
	}
}

// move empties a bucket, and puts each of its labels where it belongs by now.
func (t *table) move(b *bucket) {
	moving := bucketSlots{t.moving.hashes[:0], t.moving.ids[:0]}
	moving.take(b)
	for more := b.more; more != 0; {
		b, r := t.overflow.item(more), more
		moving.take(b)
		more = b.more
		t.overflow.free(r)
	}
	*b = bucket{}
	for i, label := range moving.ids {
		t.put(moving.hashes[i], label)
	}
	t.moving = moving
}

// bucketSlots are labels on the move.
type bucketSlots struct {
	hashes []uint32
	ids    []id
}

func (s *bucketSlots) take(b *bucket) {
	n := b.len()
	s.hashes, s.ids = append(s.hashes, b.hashes[:n]...), append(s.ids, b.ids[:n]...)
}
