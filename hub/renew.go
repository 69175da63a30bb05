package hub

import (
	"slices"

	"scenecast"
	"scenecast/label"
	"scenecast/problem"
)

// Renew implements scenecast.Conn.
func (v *view) Renew(trusted label.Set, t scenecast.Token, rules label.Rules) error {
	if m := v.shard.at(v.slot); m != nil && !m.is(leaving) {
		return v.shard.renew(v.slot, m, trusted, t, rules)
	}
	return nil
}

// Lease implements scenecast.Conn.
func (v *view) Lease() scenecast.Lease { return v.shard.loop.Lease(v.slot) }

// renew puts another token in the place of a member's. All changes in one step: no push sees labels of both tokens, or of none.
func (s *Shard) renew(slot scenecast.Slot, m *member, trusted label.Set, t scenecast.Token, rules label.Rules) error {
	if ending, ok := s.refusal(s.app(m).app, trusted, t); ok { // since it was verified
		return problem.New(problem.Unauthorized, "%s", ending.Detail)
	}
	old := s.trusts.of(m.trust)
	before := s.app(m).index.Labels(slot.Index)
	next := afterRenewal(before, old, trusted, rules)
	if err := s.hub.limits.Load().Check(next); err != nil {
		return err
	}
	renewed := trust{
		token:      trusted.Keys(),
		backend:    slices.DeleteFunc(slices.Clone(old.backend), trusted.Has), // what the token says counts, as when a page comes back
		identity:   old.identity,                                              // under which its session is kept
		credential: t.Credential,
		maySet:     bothMaySet(t.MaySet, old.limit),
		limit:      old.limit,
	}
	number := s.trusts.acquire(renewed)
	s.trusts.release(m.trust)
	m.trust = number
	s.setToken(slot.Index, t)
	if !next.Equal(before) {
		s.relabel(slot, before, next)
	}
	if len(renewed.backend) < len(old.backend) {
		s.saveLabels(m, next)
	}
	return nil
}

// afterRenewal are the labels of a member that has another token: the token's, the server's, the backend's, and of the page's own those that
// it may set with this token.
func afterRenewal(labels label.Set, old trust, trusted label.Set, rules label.Rules) label.Set {
	var kept []label.Label
	for l := range labels.All() {
		switch {
		case slices.Contains(old.token, l.Key), trusted.Has(l.Key):
		case label.Reserved(l.Key), old.isBackends(l.Key), rules.MaySet(l.Key):
			kept = append(kept, l)
		}
	}
	return label.New(kept...).Union(trusted)
}
