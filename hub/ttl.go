package hub

import (
	"context"
	"errors"
	"time"

	"scenecast"
	"scenecast/hub/ttlstore"
)

// sweepEvery is how often pushes are let go of whose ttl has passed. Nobody gets them any more in any case.
const sweepEvery = 10 * time.Second

// keep has a push last that these members have got.
func (s *Shard) keep(p *scenecast.Push, got []uint32) {
	store := s.ttlStores[p.App]
	if store == nil {
		store = ttlstore.New()
		s.ttlStores[p.App] = store
	}
	store.Add(p, time.Now())
	store.DeliveredTo(got)
	if !s.sweeping {
		s.sweeping = true
		s.sweepLater()
	}
}

// Retained is the newest push of an app with this retain key (scenecast.Push.RetainKey) that lasts; nil: there is none. The error is ctx's,
// or says that the hub has stopped.
func (h *Hub) Retained(ctx context.Context, app, key string) (*scenecast.Push, error) {
	found := make(chan *scenecast.Push, 1)
	s := h.shards[0] // each has all that last
	if !s.loop.Post(func() { found <- s.ttlStores[app].Retained(key, time.Now()) }) {
		return nil, errStopped
	}
	select {
	case p := <-found:
		return p, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

var errStopped = errors.New("the hub has stopped")

func (s *Shard) sweepLater() {
	time.AfterFunc(sweepEvery, func() { s.loop.PostBackground(s.sweep) })
}

// sweep lets go of some pushes whose ttl has passed, and reports whether there may be more of them. As long as any last, it comes again.
func (s *Shard) sweep() (more bool) {
	now := time.Now()
	for app, store := range s.ttlStores {
		if store.Expire(now) {
			return true
		}
		if store.Len() == 0 {
			delete(s.ttlStores, app)
		}
	}
	if s.sweeping = len(s.ttlStores) > 0; s.sweeping {
		s.sweepLater()
	}
	return false
}
