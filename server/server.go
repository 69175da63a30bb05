// Package server wires Scenecast's parts together, and is what a Go program embeds. New reads top to bottom: what is made of what
// (connections.go, port.go), and in which order it starts (start.go) and stops (run.go).
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
	"scenecast/accesslog"
	"scenecast/admission"
	"scenecast/auth"
	"scenecast/auth/jwt"
	"scenecast/config"
	"scenecast/hub"
	"scenecast/listener"
	"scenecast/metrics"
	"scenecast/presence"
	"scenecast/protocol/native"
	"scenecast/push"
	"scenecast/registry"
	"scenecast/revocation"
	"scenecast/socket"
	"scenecast/sockjs"
	"scenecast/tracing"
)

// Options are what a program gives a server: the configuration, and what cannot stand in one. New takes a copy; the zero values of all but Config
// are fine.
type Options struct {
	Config config.Config // as from config.Default or config.Load

	// Triggers are triggers written in Go, by name, of the default app, beside those that the configuration declares.
	Triggers map[string]push.Trigger

	// PageAuthenticator knows pages by their tokens, beside the tokens of the configuration, which are tried first. Nil:
	// there are no others.
	PageAuthenticator auth.PageAuthenticator

	// Pages are further pages on the same port, by path or, with a slash at the end, by everything below a path.
	Pages map[string]http.Handler

	// DashboardCode logs in to the dashboard, once. Nil: there is none, and one logs in by an API key.
	DashboardCode *DashboardCode

	// Load reads the configuration anew, for POST /v1/reload and ReloadConfiguration. Its error may be config.Mistakes joined. Nil: the
	// configuration is the program's own, which may call Reload.
	Load func() (*config.Loaded, error)

	// Successor makes the command that starts another process of the program, with the same settings, that takes over (config.Handover). Nil:
	// the program starts none, but one that is started otherwise may take over.
	Successor SuccessorCommand

	// Supervisor is told of handovers from this process. Nil: nobody is.
	Supervisor Supervisor

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
	options           Options // as they were given
	log               *slog.Logger
	reload            *reloading
	hub               *hub.Hub
	loops             []*socket.Loop
	descriptors       *socket.DescriptorReserve // which the loops share
	engine            scenecast.Engine
	registry          *registry.Registry // nil: none
	quota             *admission.Quota
	addresses         *admission.Addresses
	hooks             *eventHooks
	backends          *backends
	tracing           *tracing.Tracing
	access            *accesslog.Log // nil: there is none
	accessPages       *accessPages   // likewise
	pushes            *push.Service
	apps              currentApps
	keySets           jwt.KeySets // that the apps use
	presence          *presence.Service
	revocations       revocation.Keeper
	sessions          *sockjs.Sessions
	native            *native.Protocol
	listener          *listener.Server
	refusals          *refusals
	requests          requests                  // over HTTP
	cutCalls          context.CancelFunc        // of backends, that are under way
	debug             *debugServer              // nil: none
	tls               *serverTLS                // nil: the port speaks plain HTTP
	fixedCertificates []metrics.Certificate     // that stay as they are until the server ends
	redirect          *redirectServer           // nil: none
	dashboard         *dashboardServer          // nil: it has no port of its own
	started           atomic.Bool               // the engine has: pages and backends are let in
	draining          atomic.Bool               // Run ends
	stopsSince        atomic.Pointer[time.Time] // set before draining is
	drains            drains
	recorder          recorder
	condition         condition
	id                scenecast.NodeID
	protocols         []scenecast.Protocol // of the pages
	handover          *handoverService     // nil: no other process can take over
	handovers         *handovers
	before            *takeover  // the process whose place this one has taken; nil: none
	serving           chan error // the end of serving on the port; closed then
	stopServing       func()     // on the other ports, and what renews certificates
}

// callMargin is how long a call of a backend may take beside the wait for a receipt, for loops that have much to do.
const callMargin = 10 * time.Second

// New opens the port, starts the engine and lets pages and backends in; Run then waits for the end. An engine of several nodes may take
// until others are there: meanwhile health checks and metrics are answered, and all else is refused (503). An error is a mistake in the
// options, or says why the port cannot be opened or the engine not be started.
func New(ctx context.Context, o Options) (_ *Server, err error) {
	c := o.Config
	s := &Server{options: o, log: o.Logger, reload: newReloading(c), handovers: newHandovers()}
	if s.log == nil {
		s.log = slog.Default()
	}
	defer func() {
		if err != nil {
			s.hooks.close(ctx)
			s.keySets.Close()
			s.tracing.Close(ctx)
			s.access.Close(accessFlush)
		}
	}()

	// The apps: who may come in, what they may do, and the pushes that have names.
	s.keySets.Log = s.log
	apps, err := newApps(c, o, &s.keySets)
	if err != nil {
		return nil, err
	}
	s.apps.Store(apps)

	// A process that runs already gives this one its place, and its pages, in the end; or there is none.
	before, err := s.findPredecessor()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			before.refuse(err)
		}
	}()
	s.id = scenecast.NewNodeID()
	if before != nil {
		s.id = before.welcome.node
	}
	s.startTracing(c)
	if err := s.openAccessLog(c.AccessLog); err != nil {
		return nil, err
	}
	authenticator, err := s.makeConnections(ctx, s.id, before)
	if err != nil {
		return nil, err
	}
	if err := s.openPort(ctx, s.makeEndpoints(ctx, s.id, authenticator), before); err != nil {
		return nil, err
	}
	if err := s.begin(ctx, before); err != nil {
		return nil, err
	}
	if files, ok := fileLimit(); ok {
		tellOfFiles(s.log, files, c.Limits.Connections)
	}
	return s, nil
}

// Addr returns the address that the port (listen) is open on, with the number that the system has chosen where the setting says 0.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Connections returns how many pages of all apps are connected to this node now.
func (s *Server) Connections() int { return s.hub.Connections() }

// Push pushes to pages of the default app, on all nodes, without a key, its rates or the HTTP API. The errors are those of push.Service.Push.
func (s *Server) Push(ctx context.Context, r push.Request) (push.Result, error) {
	return s.pushes.Push(ctx, access.Caller{App: scenecast.DefaultApp}, r)
}
