package load

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The latencies that can be told apart: from a microsecond to two minutes, to three digits.
const (
	shortest = 1
	longest  = int64(2 * time.Minute / time.Microsecond)
	figures  = 3
)

// NewHistogram is an empty one, for Record.
func NewHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(shortest, longest, figures) }

// shard is a part of the pages, with a lock and a histogram of its own, so that readers do not wait for each other.
type shard struct {
	mu        sync.Mutex // guards the shard's pages too
	latencies *hdrhistogram.Histogram
}

// record notes a delivery. It is called under the lock.
func (s *shard) record(latency time.Duration) {
	Record(s.latencies, latency)
}

// Record notes a latency in one of NewHistogram.
func Record(h *hdrhistogram.Histogram, latency time.Duration) {
	_ = h.RecordValue(min(max(latency.Microseconds(), shortest), longest)) // within these bounds a value cannot be refused
}

// drain moves what was recorded to a histogram.
func (s *shard) drain(to *hdrhistogram.Histogram) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to.Merge(s.latencies)
	s.latencies.Reset()
}
