package client

import (
	"testing"

	"scenecast"
)

// TestResume: a page is given each push once, whichever way it comes, and goes on behind the last one that was not late.
func TestResume(t *testing.T) {
	at := func(seq uint64) scenecast.Position { return scenecast.Position{Epoch: 1, Seq: seq} }
	r := resume{since: at(10)}
	for i, c := range []struct {
		at    scenecast.Position
		late  bool
		wants bool
		since scenecast.Position
	}{
		{at(9), false, false, at(10)},
		{at(10), false, false, at(10)},
		{at(12), false, true, at(12)},
		{at(12), false, false, at(12)},
		{at(12), true, false, at(12)},
		{at(5), true, true, at(12)},
		{at(5), true, false, at(12)},
		{at(20), true, true, at(12)},   // late here, and then again in its order
		{at(20), false, false, at(20)}, //
		{scenecast.Position{Epoch: 2, Seq: 3}, false, true, scenecast.Position{Epoch: 2, Seq: 3}},
	} {
		wants := r.wants(c.at, c.late)
		r.took(c.at, c.late)
		if wants != c.wants || r.since != c.since {
			t.Errorf("push %d at %v, late %v: wanted %v, then the page is at %v; want %v, %v", i, c.at, c.late, wants, r.since, c.wants, c.since)
		}
	}
	for n := range uint64(3 * remembered) {
		r.took(scenecast.Position{Epoch: 2, Seq: 10 + n}, false)
	}
	if len(r.given) != remembered || len(r.order) != remembered || cap(r.order) > 4*remembered {
		t.Errorf("%d pushes are remembered in a map of %d, want %d", len(r.order), len(r.given), remembered)
	}
}
