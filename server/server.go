// Package server wires Scenecast's parts together, and is what a Go program embeds. This file reads top to bottom: what is
// made of what, and in which order it starts and stops.
package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/access"
	"scenecast/admission"
	"scenecast/api"
	"scenecast/auth"
	"scenecast/auth/jwt"
	js "scenecast/clients/js"
	"scenecast/config"
	"scenecast/hub"
	"scenecast/landing"
	"scenecast/listener"
	"scenecast/presence"
	"scenecast/protocol/native"
	"scenecast/protocol/sse"
	"scenecast/protocol/tutorial"
	"scenecast/push"
	"scenecast/registry"
	"scenecast/revocation"
	"scenecast/socket"
)

// Options are what a program gives a server besides the configuration.
type Options struct {
	Config config.Config // as from config.Default or config.Load

	// Triggers are triggers written in Go, by name, of the default app, beside those that the configuration declares.
	Triggers map[string]push.Trigger

	// PageAuthenticator knows pages by their tokens, beside the tokens of the configuration, which are tried first. Nil:
	// there are no others.
	PageAuthenticator auth.PageAuthenticator

	// Pages are further pages on the same port, by path or, with a slash at the end, by everything below a path.
	Pages map[string]http.Handler

	// Load reads the configuration anew, for POST /v1/reload and ReloadConfiguration. Its error may be config.Mistakes joined. Nil: the
	// configuration is the program's own, which may call Reload.
	Load func() (*config.Loaded, error)

	// LogLevel is the level of Logger, which follows log.level. Nil: the level is the program's own.
	LogLevel *slog.LevelVar

	// Version is what runs, for the metrics; may be empty.
	Version string

	// Logger defaults to slog.Default().
	Logger *slog.Logger

	// For tests.
	portable bool                      // loops give every socket goroutines, on Linux as well
	number   func(count uint64) uint64 // of connections: hub.Options.Number
}

// Server is a push server. Make one with New, then call Run once; the other methods may be called concurrently, from the
// moment that New has returned.
type Server struct {
	options     Options // as they were given
	log         *slog.Logger
	reload      *reloading
	hub         *hub.Hub
	loops       []*socket.Loop
	descriptors *socket.DescriptorReserve // which the loops share
	engine      scenecast.Engine
	registry    *registry.Registry // nil: none
	quota       *admission.Quota
	addresses   *admission.Addresses
	hooks       *eventHooks
	backends    *backends
	pushes      *push.Service
	apps        currentApps
	keySets     jwt.KeySets // that the apps use
	presence    *presence.Service
	revocations revocation.Keeper
	listener    *listener.Server
	refusals    *refusals
	cutCalls    context.CancelFunc // of backends, that are under way
	debug       *debugServer       // nil: none
	tls         *serverTLS         // nil: the port speaks plain HTTP
	redirect    *redirectServer    // nil: none
	started     atomic.Bool        // the engine has: pages and backends are let in
	draining    atomic.Bool
	serving     chan error // the end of serving on the port; closed then
	stopServing func()     // on the other ports, and what renews certificates
}

// callMargin is how long a call of a backend may take beside the wait for a receipt, for loops that have much to do.
const callMargin = 10 * time.Second

// New opens the port, starts the engine and lets pages and backends in; Run then waits for the end. An engine of several nodes may take
// until others are there: meanwhile health checks and metrics are answered, and all else is refused (503). An error is a mistake in the
// options, or says why the port cannot be opened or the engine not be started.
func New(ctx context.Context, o Options) (_ *Server, err error) {
	c := o.Config
	s := &Server{options: o, log: o.Logger, reload: newReloading(c)}
	if s.log == nil {
		s.log = slog.Default()
	}

	// The apps: who may come in, what they may do, and the pushes that have names.
	s.keySets.Log = s.log
	defer func() {
		if err != nil {
			s.keySets.Close()
		}
	}()
	apps, err := newApps(c, o, &s.keySets)
	if err != nil {
		return nil, err
	}
	s.apps.Store(apps)

	// Connections: loops own sockets, the hub's shards live on them, and the engine carries pushes to the hub.
	id := scenecast.NewNodeID()
	if s.engine, err = newEngine(c, id, o.Version, s.Connections, s.log); err != nil {
		return nil, err
	}
	var broadcast func(message []byte)
	if b, ok := s.engine.(scenecast.Broadcaster); ok {
		broadcast = b.Broadcast
	}
	if err := s.newRegistry(c.Redis, id); err != nil {
		return nil, err
	}
	if s.hooks, err = openEventHooks(c, id, o.Version, s.log); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.hooks.close(ctx)
		}
	}()
	s.newPresence(id, broadcast)
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
		Number:      o.number,
		PageRates:   s.apps.pageRates,
		Broadcast:   broadcast,
		Node:        id,
		Limits:      c.Labels.Limits(),
		Admits:      s.apps.admits,
		Log:         s.engine,
		KeepLabels:  time.Duration(c.History.MaxAge),
		Logger:      s.log,
		Observers:   s.observers(),
		Revocations: s.revocations.Revocations,
	})

	frame, frameSetting := maxFrame(c.Outbox)
	s.pushes = push.NewService(s.engine, push.Limits{
		TTL:          time.Duration(c.Push.MaxTTL),
		Timeout:      time.Duration(c.Push.MaxTimeout),
		Frame:        frame,
		FrameSetting: frameSetting,
	}, s.apps.findTrigger)
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
	s.backends = &backends{newID: s.hooks.NewID, version: o.Version, log: s.log, proxies: s.apps.proxies}
	s.backends.put(c)
	authenticator.Decider = s.backends
	s.refusals = newRefusals(s.log, s.apps.proxies, s.addresses.Failed)
	authenticator.TokenRefused = s.refusals.token

	// What pages and backends find.
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
	figures := s.metrics(o.Version)
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
		Metrics:  figures,
		Reload:   s.ReloadConfiguration,
		Refused:  s.refusals.call,
		Logger:   s.log,
		Audit:    s.log,
	})
	mux := http.NewServeMux()
	mux.Handle("/{$}", s.onceStarted(s.checkAddress(endpoint, endpoint.Refuse), endpoint.Refuse))
	mux.Handle("/", s.onceStarted(s.checkAddress(backends, backends.Refuse), backends.Refuse))
	mux.HandleFunc("GET /scenecast.js", serveScript(js.Script))
	mux.HandleFunc("GET /scenecast-presence.js", serveScript(js.Presence))
	for path, page := range o.Pages {
		mux.Handle(path, page)
	}
	addSlashes(mux, o.Pages)

	if s.tls, err = newTLS(c, s.log); err != nil {
		return nil, err
	}
	if err := s.startLoops(c, o.portable); err != nil {
		s.stopLoops(ctx)
		return nil, err
	}
	if s.debug, err = listenDebug(ctx, c.Debug.Listen, figures, backends, s.log); err != nil {
		s.stopLoops(ctx)
		return nil, err
	}
	blocking := o.PageAuthenticator != nil // it may ask a database, and no loop can wait for that
	if s.redirect, err = listenRedirect(ctx, c, s.Addr, s.tls.acmeOrNil(), s.log); err != nil {
		s.debug.close()
		s.stopLoops(ctx)
		return nil, err
	}
	s.listener, err = listener.Listen(ctx, listener.Options{
		Addr: c.Listen,
		TLS:  s.tls.listenerConfig(),

		SocketMode: c.SocketPermissions(),
		Handler:    logRequests(s.log, s.apps.proxies, s.apps.sayHSTS(refuseUnclean(mux, backends.Refuse))),
		Endpoints: []listener.Endpoint{
			{Match: listener.Path("/"), Admitter: tutorialPages, Blocking: blocking, Refuse: endpoint.Refuse},
			{
				Match:       listener.Path("/v1/connect"),
				Admitter:    native.New(authenticator, s.backends),
				Blocking:    blocking,
				Subprotocol: native.Subprotocol,
				Refuse:      backends.Refuse,
				CloseCode:   native.CloseCode,
			},
			{
				Match:       listener.Path("/v1/events"),
				Transport:   listener.EventStream,
				Admitter:    sse.New(authenticator),
				Blocking:    blocking,
				ContentType: sse.ContentType,
				Refuse:      backends.Refuse,
				Retry:       sse.Retry,
			},
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
		s.redirect.close()
		s.debug.close()
		s.stopLoops(ctx)
		return nil, err
	}
	s.descriptors.OnShort = s.listener.CloseIdle
	if s.registry != nil {
		s.registry.Start()
	}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	if files, ok := fileLimit(); ok {
		tellOfFiles(s.log, files, c.Limits.Connections)
	}
	return s, nil
}

// Addr is the address that the port is open on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Connections is how many pages are connected now.
func (s *Server) Connections() int { return s.hub.Connections() }

// Push pushes from within the program; the errors are those of push.Service.Push.
func (s *Server) Push(ctx context.Context, r push.Request) (push.Result, error) {
	return s.pushes.Push(ctx, access.Caller{App: scenecast.DefaultApp}, r)
}
