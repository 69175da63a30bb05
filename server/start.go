package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"scenecast/config"
	"scenecast/problem"
)

// begin serves on the open port, starts the engine, and then lets pages and backends in. An engine restores what lasts before it has
// started, so the first page finds it.
func (s *Server) begin(ctx context.Context, before *takeover) error {
	if before != nil {
		if err := s.takeOver(ctx, before); err != nil {
			_ = s.engine.Close()
			s.listener.Abandon()
			s.dashboard.close()
			s.debug.close()
			s.cutCalls()
			s.stopLoops(ctx)
			return err
		}
	}
	s.serving = make(chan error, 1)
	go func() {
		s.serving <- s.listener.Serve()
		close(s.serving)
	}()
	stopDebug := s.debug.serve(s.log)
	s.redirect.serve(s.log)
	s.dashboard.serve(s.log)
	s.tls.acmeOrNil().start()
	s.stopServing = func() {
		s.tls.acmeOrNil().close()
		s.redirect.close()
		s.dashboard.close()
		stopDebug()
	}
	told := time.AfterFunc(startsSoon, func() {
		s.log.Info("the port is open, and pages and backends are let in when the engine has started", "addr", s.Addr().String())
	})
	err := error(nil)
	if before == nil {
		if err = s.engine.Start(ctx, node{s.hub, s.presence, s.hooks.feed, s.sessions, s.tracing, s}); err != nil {
			err = fmt.Errorf("engine: %w", err)
		}
	}
	told.Stop()
	if err == nil {
		s.presence.Start()
		s.hooks.feed.Start()
		s.startRecorder()
		if s.options.Config.EngineName() != config.EngineMemory { // a log that ends with the process keeps nothing
			s.revocations.Start()
		}
		s.started.Store(true)
		if before != nil {
			if err := s.listener.Accept(); err != nil {
				s.log.Error("handover: connections cannot be accepted", "err", err)
			}
			before.finish(ctx)
		}
		err = s.listenForSuccessor(ctx)
		if err != nil && before != nil { // the pages are here, and would be lost
			s.log.Error("no other process can take over from this one, which goes on: mend that, and restart it once", "err", err)
			err = nil
		}
	}
	if err == nil {
		return nil
	}
	s.recorder.close()
	_ = s.engine.Close()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWait)
	defer cancel()
	s.listener.Shutdown(stop)
	s.cutCalls()
	s.stopLoops(stop)
	s.closeRegistry()
	//nolint:errcheck // err says why
	<-s.serving
	s.stopServing()
	return err
}

// takeOver takes the pages of another process. With an error, that has them still.
func (s *Server) takeOver(ctx context.Context, before *takeover) error {
	if err := before.receive(ctx, s); err != nil {
		return err
	}
	if err := s.engine.Start(ctx, node{s.hub, s.presence, s.hooks.feed, s.sessions, s.tracing, s}); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	s.started.Store(true) // pages talk from when they are here
	if err := before.adopt(); err != nil {
		return err
	}
	if s.registry != nil {
		s.registry.Start()
	}
	return nil
}

const (
	startsSoon = 500 * time.Millisecond // an engine that has started by then has waited for nobody
	stopWait   = time.Second            // for health checks that are being answered when the engine cannot be started
)

var errStarting error = problem.New(problem.Unavailable, "the server is starting; try again")

// starting is why nobody is let in yet; nil: everybody is.
func (s *Server) starting() error {
	if s.started.Load() {
		return nil
	}
	return errStarting
}

// onceStarted refuses calls until the engine has started, but for what tells how the server is.
func (s *Server) onceStarted(next http.Handler, refuse func(w http.ResponseWriter, r *http.Request, err error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz", "/readyz", "/metrics":
		default:
			if err := s.starting(); err != nil {
				refuse(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
