package tail

// ring is a queue in a slice that goes round: what is in it is found by its place, and both ends cost the same however
// much there is. The zero value is empty.
type ring[T any] struct {
	slots []T // as many as a power of two, so that going round is a mask
	first int // the slot of the oldest
	count int
}

func (r *ring[T]) len() int { return r.count }

// at is the one with this place, the oldest being 0.
func (r *ring[T]) at(i int) T { return r.slots[(r.first+i)&(len(r.slots)-1)] }

// push adds a newest one.
func (r *ring[T]) push(v T) {
	if r.count == len(r.slots) {
		bigger := make([]T, max(16, 2*len(r.slots)))
		n := copy(bigger, r.slots[r.first:])
		copy(bigger[n:], r.slots[:r.first])
		r.slots, r.first = bigger, 0
	}
	r.slots[(r.first+r.count)&(len(r.slots)-1)] = v
	r.count++
}

// pop takes the oldest away.
func (r *ring[T]) pop() T {
	v := r.slots[r.first]
	var nothing T
	r.slots[r.first] = nothing // lets the collector have it
	r.first = (r.first + 1) & (len(r.slots) - 1)
	r.count--
	return v
}
