package hub

import (
	"maps"
	"slices"

	"scenecast"
	"scenecast/label"
)

// answer answers a query for this shard's connections.
func (s *Shard) answer(q scenecast.Query) (r scenecast.Reply) {
	p := s.apps[q.App]
	switch {
	case p == nil:
	case q.Values != nil:
		r.Values = maps.Collect(p.index.Values(q.Values.Key))
	case q.List != nil:
		r = s.list(p, q)
	case q.Relabel != nil:
		r = s.relabelAll(q)
	case q.Disconnect != nil:
		for _, i := range s.choose(q.App, q.To) {
			s.close(s.slot(i), q.Disconnect.Ending)
			r.Tally.Matched++
		}
	default:
		r.Tally.Matched = p.index.Count(q.To)
	}
	return r
}

// list tells of the connections behind the cursor; of more than the limit, of those that come first.
func (s *Shard) list(p *population, q scenecast.Query) (r scenecast.Reply) {
	chosen := s.choose(q.App, q.To)
	r.Tally.Matched = len(chosen)
	behind := slices.DeleteFunc(chosen, func(i uint32) bool { return s.id(s.members.at(i)).Compare(q.List.After) <= 0 })
	slices.SortFunc(behind, func(a, b uint32) int {
		return s.id(s.members.at(a)).Compare(s.id(s.members.at(b)))
	})
	for _, i := range behind[:min(len(behind), q.List.Limit)] {
		r.Connections = append(r.Connections, scenecast.Connection{ID: s.id(s.members.at(i)), Labels: p.index.Labels(i)})
	}
	return r
}

// relabelAll changes labels in the name of the backend.
func (s *Shard) relabelAll(q scenecast.Query) (r scenecast.Reply) {
	change := q.Relabel.Change
	for _, i := range s.choose(q.App, q.To) {
		r.Tally.Matched++
		m := s.members.at(i)
		next := s.app(m).index.Labels(i).Apply(change)
		if s.hub.limits.Check(next) != nil {
			continue
		}
		s.relabel(i, next)
		before := m.trusted
		m.trusted = s.kinds.trusted.take(trustedAfter(s.kinds.trusted.of(before), change))
		s.kinds.trusted.release(before)
		r.Changed++
	}
	return r
}

// trustedAfter are the trusted keys after a change by the backend: what it has set is trusted, and what it has removed is
// free for the page again. The slice is a new one, because connections may share the old.
func trustedAfter(trusted []string, c label.Change) []string {
	next := slices.DeleteFunc(slices.Clone(trusted), func(key string) bool {
		_, changed := c[key]
		return changed
	})
	for _, key := range c.Keys() {
		if len(c[key]) > 0 {
			next = append(next, key)
		}
	}
	return next
}
