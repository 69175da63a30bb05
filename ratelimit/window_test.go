package ratelimit_test

import (
	"testing"
	"time"

	"scenecast/ratelimit"
)

// TestWindow: never more than so many events within any span.
func TestWindow(t *testing.T) {
	w := ratelimit.NewWindow(3, time.Minute)
	for i, c := range []struct{ at, wait time.Duration }{
		{0, 0}, {10 * time.Second, 0}, {20 * time.Second, 0}, {30 * time.Second, 30 * time.Second}, {59 * time.Second, time.Second},
		{time.Minute, 0}, {time.Minute, 10 * time.Second}, {70 * time.Second, 0}, {71 * time.Second, 9 * time.Second},
	} {
		if wait := w.Take(c.at); wait != c.wait {
			t.Errorf("event %d at %v takes %v, want %v", i, c.at, wait, c.wait)
		}
	}
	w.Return()
	if wait := w.Take(71 * time.Second); wait != 0 {
		t.Errorf("after one was given back, the next takes %v", wait)
	}
	if w.Idle(130*time.Second) || !w.Idle(131*time.Second) {
		t.Error("it is idle at the wrong time")
	}
}
