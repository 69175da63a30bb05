package endings

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"scenecast"
)

func TestHistory(t *testing.T) {
	var h History
	if got := h.Of("a"); got != nil {
		t.Errorf("nothing has ended, and there is %v", got)
	}
	begin := time.UnixMilli(1_700_000_000_000)
	add := func(name string, n int) {
		h.Add([]byte(name), begin.Add(time.Duration(n)*time.Second), scenecast.Ending{Cause: scenecast.CauseDisconnected, Code: scenecast.CloseCode(4000 + n)})
	}
	for i := range PerPage + 2 {
		add("a", i)
		add("b", i)
		var codes []int
		for j, e := range h.Of("a") {
			codes = append(codes, int(e.Code))
			if want := begin.Add(time.Duration(i-j) * time.Second); !e.At.Equal(want) || e.Cause != "disconnected" {
				t.Errorf("after %d: %+v, want it at %v", i+1, e, want)
			}
		}
		var want []int
		for j := i; j >= 0 && i-j < PerPage; j-- {
			want = append(want, 4000+j)
		}
		if !slices.Equal(codes, want) {
			t.Errorf("after %d endings: %v, want %v", i+1, codes, want)
		}
	}
}

// TestHistoryIsBounded: what has ended first is forgotten first, of whichever page.
func TestHistoryIsBounded(t *testing.T) {
	var h History
	begin := time.UnixMilli(1_700_000_000_000)
	add := func(name string, n int) {
		h.Add([]byte(name), begin.Add(time.Duration(n)*time.Millisecond), scenecast.Ending{Cause: scenecast.CauseReset})
	}
	add("often", 0)
	for i := 1; i < Max; i++ {
		add(fmt.Sprint(i), i)
	}
	add("often", Max) // in the place of its first one
	for i := range 10 {
		add(fmt.Sprint("late", i), Max+1+i) // in the places of 1 to 10
	}
	kept := func(name string, want ...int) {
		t.Helper()
		var at []int
		for _, e := range h.Of(name) {
			at = append(at, int(e.At.Sub(begin).Milliseconds()))
		}
		if !slices.Equal(at, want) {
			t.Errorf("of %s the endings at %v are kept, want %v", name, at, want)
		}
	}
	kept("often", Max)
	kept("1")
	kept("10")
	kept("11", 11)
	kept(fmt.Sprint(Max-1), Max-1)
	kept("late0", Max+1)
	add("late0", Max+11)
	kept("late0", Max+11, Max+1)
}

// TestAddAllocatesNothing: many pages may end at once.
func TestAddAllocatesNothing(t *testing.T) {
	var h History
	names := make([][]byte, Max+Max/2)
	for i := range names {
		names[i] = []byte(fmt.Sprint("page", i))
	}
	h.Add(names[0], time.Now(), scenecast.Ending{})
	n := 0
	if got := testing.AllocsPerRun(len(names)-1, func() {
		h.Add(names[n], time.Now(), scenecast.Ending{})
		n++
	}); got != 0 {
		t.Errorf("%v allocations an ending", got)
	}
}

func BenchmarkAdd(b *testing.B) {
	var h History
	names := make([][]byte, 20_000)
	for i := range names {
		names[i] = []byte(fmt.Sprint("a\x00page", i, "\x00@", i))
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		h.Add(names[n%len(names)], time.Now(), scenecast.Ending{})
	}
}

// BenchmarkOf looks for a page that is not there, among as many endings as are kept.
func BenchmarkOf(b *testing.B) {
	var h History
	for i := range Max {
		h.Add([]byte(fmt.Sprint(i)), time.Now(), scenecast.Ending{})
	}
	for b.Loop() {
		if h.Of("nobody") != nil {
			b.Fatal("it is there")
		}
	}
}
