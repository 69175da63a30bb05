package series

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

func at(step int64) time.Time { return End(step).Add(3 * time.Millisecond) }

// TestRead: what was counted within each step, from when counting began; of apps their pages and pushes alone; in steps by the clock.
func TestRead(t *testing.T) {
	var r Recorder
	if got := r.Read("", true, 1000, 10); len(got.Pages) != 0 {
		t.Errorf("before the first step: %+v", got)
	}
	r.Record(at(999).Add(-2*time.Second), Sample{Pages: 5, Opened: 100, Pushes: 7}, map[string]Sample{"shop": {Pages: 2, Pushes: 1}})
	if got := r.Read("", true, 1000, 10); len(got.Pages) != 0 {
		t.Errorf("where counting begins: %+v", got)
	}
	r.Record(at(999), Sample{Pages: 5, Opened: 101, Pushes: 7}, map[string]Sample{"shop": {Pages: 2, Pushes: 1}}) // again
	r.Record(at(1000), Sample{Pages: 6, Opened: 103, Closed: 2, Pushes: 8, Deliveries: 60, Dropped: 1}, map[string]Sample{"shop": {Pages: 3, Pushes: 1}})
	r.Record(at(1003), Sample{Pages: 4, Opened: 103, Closed: 4, Pushes: 9, Deliveries: 61, Dropped: 1}, map[string]Sample{"shop": {Pages: 1, Pushes: 5}})
	for _, c := range []struct {
		app      string
		all      bool
		upTo, n  int64
		from     int64
		pages    []int64
		pushes   []int64
		counts   []int64 // opened
		delivers []int64
	}{
		{"", true, 1003, 100, 1000, []int64{6, 6, 6, 4}, []int64{1, 0, 0, 1}, []int64{3, 0, 0, 0}, []int64{60, 0, 0, 1}},
		{"", true, 1004, 2, 1003, []int64{4}, []int64{1}, []int64{0}, []int64{1}},
		{"", true, 1002, 2, 1001, []int64{6, 6}, []int64{0, 0}, []int64{0, 0}, []int64{0, 0}},
		{"shop", false, 1003, 3, 1001, []int64{3, 3, 1}, []int64{0, 0, 4}, nil, nil},
		{"blog", false, 1003, 3, 1004, nil, nil, nil, nil},
	} {
		got := r.Read(c.app, c.all, c.upTo, c.n)
		if got.From != c.from || !reflect.DeepEqual(got.Pages, c.pages) || !reflect.DeepEqual(got.Pushes, c.pushes) || !reflect.DeepEqual(got.Opened, c.counts) || !reflect.DeepEqual(got.Deliveries, c.delivers) {
			t.Errorf("%+v: %+v", c, got)
		}
	}
	r.Record(at(1004), Sample{}, nil)
	if got := r.Read("shop", false, 1004, 9); got.Pages != nil {
		t.Errorf("an app that is gone: %+v", got)
	}
	if got, want := Newest(End(7)), int64(6); got != want {
		t.Errorf("as step 7 ends, the newest that all have noted is %d, want %d", got, want)
	}
	if got, want := Newest(End(7).Add(1500*time.Millisecond)), int64(7); got != want {
		t.Errorf("a moment later, it is %d, want %d", got, want)
	}
}

// TestLessThanBefore: a page that opens while a sample is taken makes fewer appear to have closed; it is counted once, whenever that shows.
func TestLessThanBefore(t *testing.T) {
	var r Recorder
	for i, closed := range []int64{10, 10, 9, 10, 12, 11, 13} {
		r.Record(at(1000+int64(i)), Sample{Closed: closed}, nil)
	}
	if got, want := r.Read("", true, 1006, 6).Closed, []int64{0, 0, 0, 2, 0, 1}; !reflect.DeepEqual(got, want) {
		t.Errorf("closed within each step: %v, want %v", got, want)
	}
}

// TestRing compares what is kept with all that was noted, over gaps, longer than an hour, and clocks that are put forward and back.
func TestRing(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		var r Recorder
		step, opened := int64(5000), int64(0)
		r.Record(at(step), Sample{}, nil)
		pages, counts := make(map[int64]int64), make(map[int64]int64)
		last := int64(0)
		for range 3000 {
			gap := int64(1)
			if random.IntN(20) == 0 {
				gap += random.Int64N(30)
			}
			for range gap {
				step++
				pages[step], counts[step] = last, 0
			}
			n := random.Int64N(9)
			opened, last = opened+n, random.Int64N(100)
			pages[step], counts[step] = last, n
			r.Record(at(step).Add(time.Duration(random.Int64N(int64(2*time.Second)))), Sample{Pages: last, Opened: opened}, nil)
		}
		got := r.Read("", true, step, maxSteps)
		if len(got.Pages) != int(maxSteps) || got.From != step-maxSteps+1 {
			t.Fatalf("seed %d: %d steps from %d, want %d up to %d", seed, len(got.Pages), got.From, maxSteps, step)
		}
		for i := range got.Pages {
			if at := got.From + int64(i); got.Pages[i] != pages[at] || got.Opened[i] != counts[at] {
				t.Fatalf("seed %d: step %d has %d pages and %d opened, want %d and %d", seed, at, got.Pages[i], got.Opened[i], pages[at], counts[at])
			}
		}
		for _, to := range []int64{step - 3, step + 10*maxSteps, step + 10*maxSteps + 1, step} { // and nothing breaks
			opened++
			r.Record(at(to), Sample{Pages: 1, Opened: opened}, nil)
		}
	}
}

// TestSum: figures of nodes add up, each where it was; of pushes, which every node delivers, the most count.
func TestSum(t *testing.T) {
	got := Sum([]Series{
		{From: 12},
		{From: 10, Pages: []int64{1, 2, 3}, Pushes: []int64{5, 5, 5}, Dropped: []int64{0, 1, 0}},
		{From: 11, Pages: []int64{10, 20, 30}, Pushes: []int64{6, 4, 6}, Dropped: []int64{1, 1, 1}},
	})
	want := Series{From: 10, Pages: []int64{1, 12, 23, 30}, Pushes: []int64{5, 6, 5, 6}, Dropped: []int64{0, 2, 1, 1}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := Sum(nil); len(got.Pages) != 0 {
		t.Errorf("of nobody: %+v", got)
	}
}
