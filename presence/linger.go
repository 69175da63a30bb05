package presence

import (
	"container/heap"
	"time"
)

// linger is members by when their records end. One that has come back since stays in it until then: the time that the member has tells.
type linger []lingering

type lingering struct {
	at time.Time
	m  *member
}

func (l *linger) push(at time.Time, m *member) { heap.Push((*lingerHeap)(l), lingering{at, m}) }

// next is when the first is due; zero: there is none.
func (l linger) next() time.Time {
	if len(l) == 0 {
		return time.Time{}
	}
	return l[0].at
}

// pop takes one that is due; false: none is.
func (l *linger) pop(now time.Time) (m *member, at time.Time, ok bool) {
	if len(*l) == 0 || (*l)[0].at.After(now) {
		return nil, at, false
	}
	first := heap.Pop((*lingerHeap)(l)).(lingering)
	return first.m, first.at, true
}

// lingerHeap is for package heap.
type lingerHeap []lingering

func (h lingerHeap) Len() int           { return len(h) }
func (h lingerHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h lingerHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *lingerHeap) Push(x any)        { *h = append(*h, x.(lingering)) }
func (h *lingerHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = lingering{}
	*h = (*h)[:last]
	return x
}
