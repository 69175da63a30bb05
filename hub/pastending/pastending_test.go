package pastending

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"scenecast"
)

func TestStore(t *testing.T) {
	var s Store
	if got := s.Of("a"); got != nil {
		t.Errorf("nothing has ended, and there is %v", got)
	}
	begin := time.UnixMilli(1_700_000_000_000)
	add := func(name string, n int) {
		s.Add([]byte(name), begin.Add(time.Duration(n)*time.Second), scenecast.Ending{Cause: scenecast.CauseDisconnected, Code: scenecast.CloseCode(4000 + n)})
	}
	for i := range PerPage + 2 {
		add("a", i)
		add("b", i)
		var codes []int
		for j, e := range s.Of("a") {
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

// TestStoreIsBounded: the pages are forgotten first of which nothing has ended for the longest.
func TestStoreIsBounded(t *testing.T) {
	var s Store
	add := func(i int) { s.Add([]byte(fmt.Sprint(i)), time.Now(), scenecast.Ending{Cause: scenecast.CauseReset}) }
	for i := range MaxPages {
		add(i)
	}
	add(0)
	for i := range 10 {
		add(MaxPages + i)
	}
	if n := s.Len(); n != MaxPages {
		t.Errorf("%d pages are kept, want %d", n, MaxPages)
	}
	for i := range MaxPages + 10 {
		forgotten := i >= 1 && i <= 10
		want := 1
		if i == 0 {
			want = 2
		}
		if forgotten {
			want = 0
		}
		if got := len(s.Of(fmt.Sprint(i))); got != want {
			t.Errorf("of page %d there are %d endings, want %d", i, got, want)
		}
	}
}
