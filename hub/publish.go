package hub

import (
	"time"

	"scenecast"
	"scenecast/ratelimit"
)

// Publishes implements scenecast.Conn.
func (v *view) Publishes(perSecond int) bool {
	s := v.shard
	if m := s.at(v.slot); m == nil || m.is(leaving) {
		return false
	}
	now := time.Since(s.hub.began)
	b := s.publishers[v.slot.Index]
	if b == nil {
		if s.publishers == nil {
			s.publishers = make(map[uint32]*ratelimit.Bucket)
		}
		b = new(ratelimit.Bucket)
		s.publishers[v.slot.Index] = b
	}
	b.SetRate(perSecond, now)
	return b.Take(now) == 0
}

// Last implements scenecast.Conn.
func (v *view) Last(retain string) *scenecast.Push {
	m := v.shard.at(v.slot)
	if m == nil || m.is(leaving) || retain == "" {
		return nil
	}
	store := v.shard.ttlStores[v.shard.app(m).app]
	p := store.Last(retain, time.Now())
	if p == nil || !p.To.Match(v.Labels()) {
		return nil
	}
	store.Delivered(v.slot.Index, p.Position.Seq)
	return p
}
