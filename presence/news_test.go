package presence

import (
	"fmt"
	"testing"
	"time"

	"scenecast"
	"scenecast/label"
)

// TestWatchedOftenAtOnce: a page that asks time and again is told once, and which scenes it has left meanwhile.
func TestWatchedOftenAtOnce(t *testing.T) {
	s := NewState(7, true, func(string) []Key { return modelKeys })
	now := time.UnixMilli(1_800_000_000_000)
	update := func(order string, watched ...string) {
		labels := label.Set{}.With("order", order).With(scenecast.LabelWatch, watched...)
		s.Update(now, Conn{ID: scenecast.ConnID{Node: 7, Seq: 1}, App: "shop", Keys: modelKeys, Labels: labels, Moved: true})
	}
	for _, order := range []string{"1", "2", "3", "2"} {
		update(order, "order")
		update(order)
		update(order, "order")
	}
	if got, want := fmt.Sprintf("%q", describe(s.TakeWatches())), `["order of [2] without [3 1]"]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	update("2", "order")
	update("2")
	if got, want := fmt.Sprintf("%q", describe(s.TakeWatches())), `["order of [] without [2]"]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if rest := s.TakeWatches(); len(rest) > 0 {
		t.Errorf("%v are told once more", rest)
	}
}

func describe(watches []Watch) (said []string) {
	for _, w := range watches {
		said = append(said, fmt.Sprint(w.Key, " of ", w.Values, " without ", w.Ended))
	}
	return said
}
