// Package histogram counts durations in buckets, as Prometheus reads them.
package histogram

import (
	"slices"
	"sync/atomic"
	"time"
)

// Histogram counts durations. Make one with New. Its methods may be called concurrently; Observe takes no lock and allocates nothing.
type Histogram struct {
	bounds []time.Duration
	counts []atomic.Int64 // by bucket; the last one is of what is above all bounds
	sum    atomic.Int64   // ns
}

// CallBounds are those for what a client waits for, over the network: HTTP requests, and pushes.
var CallBounds = []time.Duration{
	time.Millisecond / 2, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond,
	5 * time.Second, 10 * time.Second, 30 * time.Second,
}

// New makes a histogram whose buckets end at these durations, which rise; one more is for what is longer.
func New(bounds []time.Duration) *Histogram {
	return &Histogram{bounds: bounds, counts: make([]atomic.Int64, len(bounds)+1)}
}

// Observe counts a duration, in the first bucket whose bound is not below it.
func (h *Histogram) Observe(d time.Duration) {
	i := 0
	for i < len(h.bounds) && d > h.bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
}

// Snapshot is what was counted so far. What is observed meanwhile may be in the sum and not in the counts.
func (h *Histogram) Snapshot() Snapshot {
	s := Snapshot{Bounds: h.bounds, Counts: make([]int64, len(h.counts)), Sum: time.Duration(h.sum.Load())}
	for i := range h.counts {
		s.Counts[i] = h.counts[i].Load()
	}
	return s
}

// Snapshot is what a histogram has counted.
type Snapshot struct {
	Bounds []time.Duration // of the buckets
	Counts []int64         // of each bucket alone, and of what is above all bounds
	Sum    time.Duration
}

// Count is how many durations there were.
func (s Snapshot) Count() (n int64) {
	for _, c := range s.Counts {
		n += c
	}
	return n
}

// Above is how many durations were above a bound.
func (s Snapshot) Above(bound time.Duration) (n int64) {
	for i, c := range s.Counts {
		if i == len(s.Bounds) || s.Bounds[i] > bound {
			n += c
		}
	}
	return n
}

// With is what two histograms with the same bounds have counted together. An empty snapshot is of one that has counted nothing.
func (s Snapshot) With(other Snapshot) Snapshot {
	if len(s.Counts) == 0 {
		return other
	}
	sum := Snapshot{Bounds: s.Bounds, Counts: slices.Clone(s.Counts), Sum: s.Sum + other.Sum}
	for i, n := range other.Counts {
		sum.Counts[i] += n
	}
	return sum
}

// Since is what has been counted since another snapshot of the same histogram. An empty one was taken before anything.
func (s Snapshot) Since(before Snapshot) Snapshot {
	since := Snapshot{Bounds: s.Bounds, Counts: slices.Clone(s.Counts), Sum: s.Sum - before.Sum}
	for i, n := range before.Counts {
		since.Counts[i] -= n
	}
	return since
}

// Quantile is a bound below which so large a part of the durations was, from 0 to 1; false: there were none, or it is above all bounds.
func (s Snapshot) Quantile(q float64) (d time.Duration, ok bool) {
	rank, n := q*float64(s.Count()), int64(0)
	for i, bound := range s.Bounds {
		if n += s.Counts[i]; n > 0 && float64(n) >= rank {
			return bound, true
		}
	}
	return 0, false
}
