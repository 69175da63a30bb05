package histogram_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"scenecast/histogram"
)

var bounds = []time.Duration{time.Millisecond, 10 * time.Millisecond, time.Second}

func TestBuckets(t *testing.T) {
	h := histogram.New(bounds)
	for _, d := range []time.Duration{-1, 0, time.Millisecond, time.Millisecond + 1, 10 * time.Millisecond, time.Second, time.Hour} {
		h.Observe(d)
	}
	s := h.Snapshot()
	if want := []int64{3, 2, 1, 1}; !slices.Equal(s.Counts, want) || s.Count() != 7 {
		t.Errorf("%v, want %v", s.Counts, want)
	}
	if want := -1 + time.Millisecond + time.Millisecond + 1 + 10*time.Millisecond + time.Second + time.Hour; s.Sum != want {
		t.Errorf("the sum is %v, want %v", s.Sum, want)
	}
}

func TestQuantile(t *testing.T) {
	h := histogram.New(bounds)
	if d, ok := h.Snapshot().Quantile(0.5); ok {
		t.Errorf("of nothing: %v", d)
	}
	for range 98 {
		h.Observe(time.Microsecond)
	}
	h.Observe(5 * time.Millisecond)
	before := h.Snapshot()
	h.Observe(time.Minute)
	for _, c := range []struct {
		q    float64
		want time.Duration
		ok   bool
	}{{0, time.Millisecond, true}, {0.5, time.Millisecond, true}, {0.98, time.Millisecond, true}, {0.99, 10 * time.Millisecond, true}, {1, 0, false}} {
		if d, ok := h.Snapshot().Quantile(c.q); d != c.want || ok != c.ok {
			t.Errorf("%g: %v %v, want %v %v", c.q, d, ok, c.want, c.ok)
		}
	}
	for bound, want := range map[time.Duration]int64{0: 100, time.Millisecond: 2, 10 * time.Millisecond: 1, time.Second: 1} {
		if n := h.Snapshot().Above(bound); n != want {
			t.Errorf("%d are above %v, want %d", n, bound, want)
		}
	}
	since := h.Snapshot().Since(before)
	if want := []int64{0, 0, 0, 1}; !slices.Equal(since.Counts, want) || since.Sum != time.Minute {
		t.Errorf("since: %v %v, want %v", since.Counts, since.Sum, want)
	}
	if with := since.With(before); !slices.Equal(with.Counts, h.Snapshot().Counts) || with.Sum != h.Snapshot().Sum {
		t.Errorf("together: %v", with)
	}
	if with := (histogram.Snapshot{}).With(before); with.Count() != 99 {
		t.Errorf("with nothing: %v", with)
	}
	if since := before.Since(histogram.Snapshot{}); since.Count() != 99 {
		t.Errorf("since nothing: %v", since.Counts)
	}
}

func TestConcurrently(t *testing.T) {
	h := histogram.New(bounds)
	var observing sync.WaitGroup
	for range 4 {
		observing.Go(func() {
			for range 1000 {
				h.Observe(time.Millisecond)
				h.Snapshot()
			}
		})
	}
	observing.Wait()
	if s := h.Snapshot(); s.Count() != 4000 || s.Sum != 4*time.Second {
		t.Errorf("%v %v", s.Counts, s.Sum)
	}
	if n := testing.AllocsPerRun(100, func() { h.Observe(time.Second) }); n != 0 {
		t.Errorf("Observe allocates %v times", n)
	}
}
