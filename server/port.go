package server

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"scenecast"
	"scenecast/admission"
	"scenecast/api"
	js "scenecast/clients/js"
	"scenecast/landing"
	"scenecast/listener"
	"scenecast/protocol/native"
	"scenecast/protocol/pusher"
	"scenecast/protocol/sse"
	"scenecast/protocol/tutorial"
)

// endpoints are what pages and backends find on the port.
type endpoints struct {
	authenticator *admission.Authenticator
	tutorial      *tutorial.Protocol
	endpoint      *tutorial.Endpoint
	pusher        *pusher.Protocol
	backends      *api.API
	figures       http.Handler // of metrics
	mux           *http.ServeMux
	dashboard     http.Handler // nil: there is none
}

// makeEndpoints makes what pages and backends find.
func (s *Server) makeEndpoints(ctx context.Context, id scenecast.NodeID, authenticator *admission.Authenticator) endpoints {
	c, o := s.options.Config, s.options
	callTimeout := time.Duration(c.Push.MaxTimeout) + callMargin
	calls, cutCalls := context.WithCancel(context.WithoutCancel(ctx))
	s.cutCalls = cutCalls
	tutorialPages := tutorial.New(tutorial.Options{
		Authenticator: authenticator,
		Welcome:       c.Tutorial.Welcome,
		Idle: scenecast.IdlePolicy{
			CheckEvery: time.Duration(c.Tutorial.IdleCheckInterval),
			Allowed:    time.Duration(c.Tutorial.IdleTimeout),
		},
	})
	endpoint := tutorial.NewEndpoint(tutorial.EndpointOptions{
		FindKey:             s.apps.findKey,
		Pages:               &s.apps,
		PageTokenMayTrigger: s.apps.pageTokenMayTrigger,
		MaxForm:             int64(c.HTTP.MaxBody),
		Triggers:            s.pushes,
		Landing:             landing.Handler(landing.Options{Demo: o.Pages["/demo/"] != nil}),
		CheckClient:         s.apps.checkClient,
		Timeout:             callTimeout,
		Calls:               calls,
		Refused:             s.refusals.call,
		Logger:              s.log,
	})
	figures := s.metrics()
	backends := api.New(api.Options{
		FindKey: s.apps.findKey,
		MaxBody: int64(c.HTTP.MaxBody),
		Rules:   s.apps.rules,
		Timeout: callTimeout,

		CheckClient: s.apps.checkClient,
		Calls:       calls,
		Pusher:      s.pushes,
		Asker:       s.engine,
		Publish:     s.engine,
		Rates:       s.pushes.Rates(),
		Log:         s.engine,

		MayRevoke:     s.revocations.Revocations.HasRoom,
		TokenLifetime: s.apps.tokenLifetime,

		Ready:    s.ready,
		Nodes:    s.nodes(id, o.Version),
		Presence: s.presence,
		Hooks:    s.hooks.stats,
		Retry:    s.hooks.retry,
		Feed:     s.hooks.feed,
		Metrics:  figures,
		Origin:   func(r *http.Request) netip.Addr { return s.apps.proxies().Origin(r) },
		Ports:    s.ports,
		Reload:   s.ReloadConfiguration,
		Settings: s.settings,
		Drainer:  s,
		Refused:  s.refusals.call,
		Logger:   s.log,
		Audit:    s.log,
	})
	mux := http.NewServeMux()
	mux.Handle("/{$}", s.onceStarted(s.checkAddress(endpoint, endpoint.Refuse), endpoint.Refuse))
	mux.Handle("/", s.withPusher(s.pusherAPI(calls, callTimeout), s.onceStarted(s.checkAddress(backends, backends.Refuse), backends.Refuse)))
	mux.HandleFunc("GET /scenecast.js", serveScript(js.Script))
	mux.HandleFunc("GET /scenecast-presence.js", serveScript(js.Presence))
	mux.HandleFunc("GET /scenecast-call.js", serveScript(js.Call))
	for path, page := range o.Pages {
		mux.Handle(path, page)
	}
	addSlashes(mux, o.Pages)
	s.native = native.New(authenticator, s.backends)
	d := s.makeDashboard(backends)
	s.mountDashboard(mux, d)
	return endpoints{authenticator, tutorialPages, endpoint, s.newPusher(authenticator), backends, figures, mux, d}
}

// answering is what every request passes before a handler.
func (s *Server) answering(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return logRequests(s.log, s.apps.proxies, s.followCalls(s.apps.sayHSTS(s.requests.measure(refuseUnclean(next, refuse)))))
}

// openPort opens the port, and those beside it, when there is something behind them.
func (s *Server) openPort(ctx context.Context, e endpoints, before *takeover) (err error) {
	defer func() {
		if err != nil {
			s.redirect.close()
			s.dashboard.close()
			s.debug.close()
			s.stopLoops(ctx)
		}
	}()
	c, o := s.options.Config, s.options
	s.fixedCertificates = readFixedCertificates(c)
	if s.tls, err = newTLS(c, s.log); err != nil {
		return err
	}
	if err := s.startLoops(c, before.loopCount(), o.portable); err != nil {
		return err
	}
	if s.debug, err = listenDebug(ctx, c.Debug.Listen, before.debugPort(), e.figures, e.backends, http.HandlerFunc(s.top), s.log); err != nil {
		return err
	}
	eventPages := sse.New(e.authenticator)
	s.protocols = []scenecast.Protocol{e.tutorial, s.native, eventPages, e.pusher}
	blocking := o.PageAuthenticator != nil // it may ask a database, and no loop can wait for that
	if s.redirect, err = listenRedirect(ctx, c, s.Addr, s.tls.acmeOrNil(), s.log); err != nil {
		return err
	}
	if s.dashboard, err = listenDashboard(ctx, c, before.dashboardPort(), s.ownPort(e.dashboard, e.backends.Refuse), s.tls, s.log); err != nil {
		return err
	}
	s.listener, err = listener.Listen(ctx, listener.Options{
		Addr:      c.Listen,
		Inherited: before.ports(),

		TLS: s.tls.listenerConfig(),

		SocketMode: c.SocketPermissions(),
		Handler:    s.answering(e.mux, e.backends.Refuse),
		Endpoints: []listener.Endpoint{
			{Match: listener.Path("/"), Admitter: e.tutorial, Blocking: blocking, Refuse: e.endpoint.Refuse},
			{
				Match:       listener.Path("/v1/connect"),
				Admitter:    s.native,
				Blocking:    blocking,
				Subprotocol: native.Subprotocol,
				Refuse:      e.backends.Refuse,
				CloseCode:   native.CloseCode,
			},
			{
				Match:       listener.Path("/v1/events"),
				Transport:   listener.EventStream,
				Admitter:    eventPages,
				Blocking:    blocking,
				ContentType: sse.ContentType,
				Refuse:      e.backends.Refuse,
				Retry:       sse.Retry,
			},
			s.pusherEndpoint(e),
			s.pusherSessionEndpoint(e),
		},
		Origins:       s.apps.origins,
		ProxyProtocol: s.apps.proxyProtocol,

		Starting:     s.starting,
		Loops:        s.loops,
		Release:      s.quota.Release,
		Refused:      s.refusals.page,
		Descriptors:  s.descriptors,
		AcceptRate:   c.Limits.AcceptRate,
		Deflate:      c.WebSocket.Compression,
		SendBuffer:   int(c.Outbox.SendBuffer),
		HeadTimeout:  time.Duration(c.HTTP.HeadTimeout),
		BodyTimeout:  time.Duration(c.HTTP.BodyTimeout),
		WriteTimeout: time.Duration(c.HTTP.WriteTimeout),
		IdleTimeout:  time.Duration(c.HTTP.IdleTimeout),
		MaxHead:      int(c.HTTP.MaxHead),
		Logger:       s.log,
	})
	if err != nil {
		return err
	}
	s.descriptors.OnShort = s.listener.CloseIdle
	if url := s.DashboardURL(); url != "" {
		s.log.Info("dashboard", "url", url)
	}
	if s.registry != nil && before == nil { // otherwise it starts when it has the pages
		s.registry.Start()
	}
	return nil
}
