package hub_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"scenecast"
)

// TestSkip: pages are told of pushes that were lost to their node, once, and go on behind them.
func TestSkip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(2)
		defer s.end()
		var pages []*socket
		for i := range 4 {
			pages = append(pages, s.queues[i%2].open(admit(lines{}, "home")))
		}
		s.Skip(scenecast.GapNotice{Reason: scenecast.GapRetention, Newest: s.position(7)})
		s.runAll()
		for i, k := range pages {
			if !slices.Equal(k.got, []string{"gap retention 7"}) {
				t.Errorf("page %d got %q", i, k.got)
			}
		}
		s.newest = 7
		s.publish(scenecast.Push{To: to("*")}, ignore)
		s.runAll()
		for i, k := range pages {
			if !slices.Equal(k.got, []string{"gap retention 7", "push 8"}) {
				t.Errorf("page %d got %q", i, k.got)
			}
		}
	})
}
