package presence

import (
	"slices"
	"testing"
)

// checkConsistency holds what must always be true of a state.
func (s *State) checkConsistency(t *testing.T) {
	t.Helper()
	var stats Stats
	for _, sc := range s.allScenes(t) {
		id := sc.id
		n := 0
		for m := sc.first; m != nil; m = m.next {
			n++
			if found, _ := sc.users.find(m.user); !m.present || found != m {
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
			if c == nil {
				continue
			}
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
		for m := range sc.users.all {
			if found, _ := sc.users.find(m.user); found != m || m.scene != sc {
				t.Errorf("%v: %q of %v is found as another", id, m.user, m.scene.id)
			}
			if m.present != (len(m.records) > 0) {
				t.Errorf("%v: %q has %d records, and present is %t", id, m.user, len(m.records), m.present)
			}
			if idle := slices.Contains(s.idle, m); idle != m.idle || !m.present && !idle {
				t.Errorf("%v: %q is idle %t, and in the list %t", id, m.user, m.idle, idle)
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

// allScenes are the scenes that a state has, whether anybody is there or not.
func (s *State) allScenes(t *testing.T) (all []*scene) {
	t.Helper()
	for id, of := range s.scenes {
		occupied := 0
		for value, sc := range of.scenes {
			if sc.of != of || sc.id != (SceneID{id.app, id.key, value}) {
				t.Errorf("%v is found as %q of %v", sc.id, value, id)
			}
			if all = append(all, sc); sc.all.present {
				occupied++
			}
		}
		if of.of != id || len(of.scenes) == 0 || occupied != of.occupied {
			t.Errorf("%v: %d scenes of %v, %d occupied, and %d are counted", id, len(of.scenes), of.of, occupied, of.occupied)
		}
	}
	if s.latest != nil && s.scenes[s.latest.of] != s.latest {
		t.Errorf("the scenes of %v are looked for where they are not", s.latest.of)
	}
	return all
}
