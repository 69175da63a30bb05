package socket

import (
	"testing"
	"time"
)

// TestRate: a port lets in so many visitors per second, the unused ones of the last second besides, and after weeks of quiet
// no fewer.
func TestRate(t *testing.T) {
	for _, quiet := range []time.Duration{0, time.Second, 24 * 24 * time.Hour, 26 * 24 * time.Hour, 48 * 24 * time.Hour} {
		e := &events{epoll: -1}
		e.port = port{fd: -1, every: 100 * time.Millisecond, credit: time.Second}
		e.now = instant(quiet / time.Millisecond)
		came := 0
		for range 3000 { // milliseconds
			e.port.resume(e)
			for !e.port.paused && e.port.mayEnter(e) {
				came++
			}
			e.now++
		}
		if came < 39 || came > 40 { // ten at once, and ten a second
			t.Errorf("after %v of quiet %d visitors in three seconds, want 40", quiet, came)
		}
	}
}
