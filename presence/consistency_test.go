package presence

import "testing"

// checkConsistency holds what must always be true of a state.
func (s *State) checkConsistency(t *testing.T) {
	t.Helper()
	var stats Stats
	for id, sc := range s.scenes {
		n := 0
		for m := sc.first; m != nil; m = m.next {
			n++
			if !m.present || sc.members[m.user] != m {
				t.Errorf("%v: %q is listed, and is not present", id, m.user)
			}
		}
		if n != sc.count {
			t.Errorf("%v: %d members, and %d are counted", id, n, sc.count)
		}
		stats.Members += sc.count
		stats.Watching += sc.watchers
		if sc.all.present {
			stats.Scenes++
		}
		local, watchers := 0, 0
		for _, c := range s.conns {
			for _, p := range c.places {
				if p.scene == sc {
					local++
				}
			}
			for _, w := range c.watched {
				for _, watched := range w.scenes {
					if watched == sc {
						watchers++
					}
				}
			}
		}
		if local != sc.local || watchers != sc.watchers {
			t.Errorf("%v: %d connections and %d watchers, and %d and %d are counted", id, local, watchers, sc.local, sc.watchers)
		}
		for _, m := range sc.members {
			if m.present != (len(m.records) > 0) {
				t.Errorf("%v: %q has %d records, and present is %t", id, m.user, len(m.records), m.present)
			}
		}
	}
	if stats.Missed = s.stats.Missed; s.stats != stats {
		t.Errorf("the figures are %+v, want %+v", s.stats, stats)
	}
	for node, p := range s.peers {
		for m := range p.members {
			if m.of(node) < 0 {
				t.Errorf("node %d has no record of %q", node, m.user)
			}
		}
	}
}
