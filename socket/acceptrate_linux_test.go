package socket

import (
	"testing"
	"time"
)

// TestRate: an acceptor takes so many connections per second, the unused ones of the last second besides, and after weeks of quiet
// no fewer.
func TestRate(t *testing.T) {
	for _, quiet := range []time.Duration{0, time.Second, 24 * 24 * time.Hour, 26 * 24 * time.Hour, 48 * 24 * time.Hour} {
		e := &eventLoop{epoll: -1}
		e.acceptor = acceptor{fd: -1, every: 100 * time.Millisecond, credit: time.Second}
		e.now = instant(quiet / time.Millisecond)
		came := 0
		for range 3000 { // milliseconds
			e.acceptor.resume(e)
			for !e.acceptor.paused && e.acceptor.takeCredit(e) {
				came++
			}
			e.now++
		}
		if came < 39 || came > 40 { // ten at once, and ten a second
			t.Errorf("after %v of quiet %d connections in three seconds, want 40", quiet, came)
		}
	}
}
