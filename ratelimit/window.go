package ratelimit

import "time"

// Window lets at most so many events happen within any span of its length: it remembers when each of the last ones was. It is for few events
// in a long time, where a Bucket would let twice as many through in the first span. Times are as a Bucket has them. A window is not safe for
// concurrent use.
type Window struct {
	length time.Duration
	most   int
	times  []time.Duration // of the events, oldest first; at most as many as there may be
}

// NewWindow makes a window in which nothing has happened yet. There may be at least one event.
func NewWindow(most int, length time.Duration) *Window { return &Window{length: length, most: most} }

// Take counts an event. Where there are too many it counts none, and returns the time until there may be another.
func (w *Window) Take(now time.Duration) (wait time.Duration) {
	for len(w.times) > 0 && w.times[0]+w.length <= now {
		w.times = w.times[1:]
	}
	if len(w.times) >= w.most {
		return w.times[0] + w.length - now
	}
	w.times = append(w.times, now)
	return 0
}

// Return takes back the event that was counted last.
func (w *Window) Return() {
	if n := len(w.times); n > 0 {
		w.times = w.times[:n-1]
	}
}

// Idle reports whether nothing that counts still has happened.
func (w *Window) Idle(now time.Duration) bool {
	return len(w.times) == 0 || w.times[len(w.times)-1]+w.length <= now
}
