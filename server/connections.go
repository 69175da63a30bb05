package server

import (
	"context"
	"time"

	"scenecast"
	"scenecast/admission"
	"scenecast/hub"
	"scenecast/push"
	"scenecast/revocation"
	"scenecast/sockjs"
)

// makeConnections makes what connections need: loops will own sockets, the hub's shards live on them, and the engine carries pushes to the
// hub. It returns who lets pages in.
func (s *Server) makeConnections(ctx context.Context, id scenecast.NodeID, before *takeover) (_ *admission.Authenticator, err error) {
	c, o := s.options.Config, s.options
	if s.engine, err = newEngine(c, id, o.Version, s.Connections, s.nodeCondition, s.log); err != nil {
		return nil, err
	}
	var broadcast func(message []byte)
	if b, ok := s.engine.(scenecast.Broadcaster); ok {
		broadcast = b.Broadcast
	}
	if err := s.newRegistry(c.Redis, id, before != nil); err != nil {
		return nil, err
	}
	if s.hooks, err = openEventHooks(c, id, o.Version, s.newFeed(c.Feed, id, broadcast), s.tracing, s.log); err != nil {
		return nil, err
	}
	s.newPresence(id, broadcast)
	s.sessions = sockjs.New(sockjs.Options{
		DisconnectDelay: time.Duration(c.SockJS.DisconnectDelay),
		MaxBody:         int(c.HTTP.MaxBody),
		MaxBodySetting:  "http.max_body",
		Hostname:        c.SockJS.Hostname,
		Broadcast:       broadcast,
		Logger:          s.log,
	})
	s.revocations = revocation.Keeper{
		Revocations: new(revocation.List),
		Submit:      s.engine.Submit,
		Retention:   max(time.Duration(c.History.MaxAge), time.Duration(c.Push.IdempotencyWindow)),
		Dir:         c.DataDir,
		Log:         s.log,
	}
	if err := s.revocations.Load(); err != nil {
		return nil, err
	}
	s.apps.revocations = s.revocations.Revocations
	s.hub = hub.New(hub.Options{
		Number:     o.number,
		PageRates:  s.apps.pageRates,
		Broadcast:  broadcast,
		Node:       id,
		Limits:     c.Labels.Limits(),
		Admits:     s.apps.admits,
		Log:        s.engine,
		KeepLabels: time.Duration(c.History.MaxAge),
		Logger:     s.log,
		Observers:  s.observers(),
		Origin:     s.originOf,

		CountTraffic: s.access != nil,
		Revocations:  s.revocations.Revocations,
	})

	frame, frameSetting := maxFrame(c.Outbox, before.loopCount())
	s.pushes = push.NewService(s.engine, push.Limits{
		TTL:          time.Duration(c.Push.MaxTTL),
		Timeout:      time.Duration(c.Push.MaxTimeout),
		Frame:        frame,
		FrameSetting: frameSetting,
	}, s.apps.findTrigger)
	s.pushes.FrameOf = s.pusherFrame(c.Labels.Limits().ValueBytes)
	s.pushes.Triggered = s.hooks.tellTrigger
	s.quota = admission.NewQuota(s.apps.Load().quota)
	s.addresses = admission.NewAddresses(s.apps.addressLimits)
	authenticator := &admission.Authenticator{
		Addresses:   s.addresses,
		Pages:       &s.apps,
		Rules:       s.apps.rules,
		Quota:       s.quota,
		Proxies:     s.apps.proxies,
		TokenCookie: s.apps.tokenCookie,
		PresenceKey: s.presence.Declares,
	}
	s.backends = &backends{newID: s.hooks.NewID, version: o.Version, log: s.log, proxies: s.apps.proxies, tracing: s.tracing}
	s.backends.put(c)
	authenticator.Decider = s.backends
	s.refusals = newRefusals(s.log, s.apps.proxies, s.addresses.Failed)
	s.refusals.access = s.access
	authenticator.TokenRefused = s.refusals.token
	return authenticator, nil
}
