package presence

import (
	"slices"
	"sync"
	"time"
)

// linger is members by when their records end. One that has come back since stays in it until then: the time that the member has tells.
// What lingers for the same time ends in the order in which it has begun, so there is a queue for each time that a key declares.
type linger []lingerQueue

type lingerQueue struct {
	d      time.Duration
	blocks []*lingerBlock // the first one is not empty, and all but the last are full; none: the queue is empty
}

type lingerBlock struct {
	all      [256]lingering
	from, to int // those that are not done with
}

type lingering struct {
	at time.Time
	m  *member
}

// lingerBlocks are such as are not in use. The collector may take them.
var lingerBlocks = sync.Pool{New: func() any { return new(lingerBlock) }}

// push has a member be popped when d is over, and returns when that is.
func (l *linger) push(now time.Time, d time.Duration, m *member) time.Time {
	i := slices.IndexFunc(*l, func(q lingerQueue) bool { return q.d == d })
	if i < 0 {
		*l = slices.DeleteFunc(*l, func(q lingerQueue) bool { return len(q.blocks) == 0 })
		i = len(*l)
		*l = append(*l, lingerQueue{d: d})
	}
	q := &(*l)[i]
	last := len(q.blocks) - 1
	if last < 0 || q.blocks[last].to == len(q.blocks[last].all) {
		q.blocks = append(q.blocks, lingerBlocks.Get().(*lingerBlock))
		last++
	}
	b := q.blocks[last]
	b.all[b.to] = lingering{now.Add(d), m}
	b.to++
	return b.all[b.to-1].at
}

// first is the member of a queue that is due first; there is one.
func (q *lingerQueue) first() *lingering { return &q.blocks[0].all[q.blocks[0].from] }

// next is the queue whose first member is due first; nil: all are empty.
func (l linger) next() (next *lingerQueue) {
	for i := range l {
		if q := &l[i]; len(q.blocks) > 0 && (next == nil || q.first().at.Before(next.first().at)) {
			next = q
		}
	}
	return next
}

// due is when the first is due; zero: there is none.
func (l linger) due() time.Time {
	if q := l.next(); q != nil {
		return q.first().at
	}
	return time.Time{}
}

// pop takes one that is due; false: none is.
func (l linger) pop(now time.Time) (m *member, at time.Time, ok bool) {
	q := l.next()
	if q == nil || q.first().at.After(now) {
		return nil, at, false
	}
	first := *q.first()
	b := q.blocks[0]
	b.all[b.from] = lingering{}
	if b.from++; b.from == b.to {
		b.from, b.to = 0, 0
		lingerBlocks.Put(b)
		q.blocks = slices.Delete(q.blocks, 0, 1)
	}
	return first.m, first.at, true
}
