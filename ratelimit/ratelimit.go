// Package ratelimit is a token bucket that neither waits nor reads a clock: whoever owns one says what time it is, and learns how
// long a token takes. Log is a log that one limits.
package ratelimit

import "time"

// burst is how long a bucket fills while nobody takes tokens.
const burst = time.Second

// Bucket gives out tokens at a steady rate; those that nobody took during the last second may be taken at once. Times are
// durations since any fixed instant of the owner's. The zero value gives out any number. A bucket is not safe for concurrent use.
type Bucket struct {
	interval time.Duration // between two tokens; 0: tokens have no limit
	spent    time.Duration // the tokens up to this time have been taken
}

// New makes a full bucket that gives out so many tokens per second; 0: any number.
func New(perSecond int, now time.Duration) Bucket {
	if perSecond <= 0 {
		return Bucket{}
	}
	return Bucket{interval: max(time.Second/time.Duration(perSecond), time.Nanosecond), spent: now - burst}
}

// SetRate makes the bucket give out so many tokens per second from now on; 0: any number. Tokens that were reserved keep their times.
func (b *Bucket) SetRate(perSecond int, now time.Duration) {
	next := New(perSecond, now)
	if b.interval > 0 && next.interval > 0 {
		next.spent = b.spent
	}
	*b = next
}

// Take takes a token. Where there is none it takes none and returns the time until there is one.
func (b *Bucket) Take(now time.Duration) (wait time.Duration) {
	if wait = b.Reserve(now); wait > 0 {
		b.Return()
	}
	return wait
}

// Reserve takes a token in any case, and returns the time until it may be used.
func (b *Bucket) Reserve(now time.Duration) (wait time.Duration) {
	b.spent = max(b.spent, now-burst) + b.interval
	if b.interval == 0 {
		return 0
	}
	return max(0, b.spent-now)
}

// Return gives back the token that was taken last, because it was of no use.
func (b *Bucket) Return() { b.spent -= b.interval }

// Spend takes n tokens in any case, as many single ones would be reserved: what is missing has to come in before there is another.
func (b *Bucket) Spend(now time.Duration, n int) {
	b.spent = max(b.spent, now-burst) + time.Duration(n)*b.interval
}
