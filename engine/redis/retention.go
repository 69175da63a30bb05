package redis

import (
	"sync"
	"time"
)

// retention knows which entries of the log are too old to be kept. It goes by when this node has read them, so that no clock of another
// machine decides, and a log that was read at the start counts as new.
type retention struct {
	maxAge   time.Duration
	maxBytes int64

	mu      sync.Mutex
	bytes   int64    // of all entries that were read
	samples []sample // about one a second, the oldest first
	below   uint64   // entries with lower numbers are too old
}

// sample is a moment: the newest number that was read then, and the bytes of all entries up to it.
type sample struct {
	at     time.Time
	number uint64
	bytes  int64
}

// maxSampleBytes has a log that grows fast be sampled more often than once a second.
const maxSampleBytes = 1 << 20

// note notes an entry that was read.
func (r *retention) note(number uint64, size int, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes += int64(size)
	if n := len(r.samples); n > 0 && now.Sub(r.samples[n-1].at) < time.Second && r.bytes-r.samples[n-1].bytes < maxSampleBytes {
		return
	}
	r.samples = append(r.samples, sample{now, number, r.bytes})
}

// dropBelow is the number below which entries are not kept.
func (r *retention) dropBelow(now time.Time) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.samples) > 0 {
		s := r.samples[0]
		if now.Sub(s.at) < r.maxAge && r.bytes-s.bytes <= r.maxBytes {
			break
		}
		r.below = s.number
		r.samples = r.samples[1:]
	}
	return r.below
}
