package server

import (
	"context"
	"errors"
	"time"

	"scenecast"
	"scenecast/language"
)

// Run lets the server serve until ctx ends, then drains, and returns when nothing of the server is left. The error is nil unless serving
// failed, or the engine could not be closed; what a drain has no time for is cut, which the log tells.
//
// Draining: first /readyz answers 503 for the drain delay, while all else goes on, so that a load balancer sends nobody any more.
// Then pages are told to come back elsewhere, requests that have not come in whole are cut, and requests that are being answered
// get the drain time, all of it. Health checks are answered until the pages are gone, and on the debug port until the end.
func (s *Server) Run(ctx context.Context) error {
	defer s.stopServing()
	var failed error
	moved := false
	select {
	case failed = <-s.serving:
	case <-ctx.Done():
		failed = s.announce()
	case <-s.handovers.left:
		moved = true
	}
	s.beginStop()
	s.drains.close()
	if !moved {
		moved = s.refuseSuccessors()
	}
	drain := time.Duration(s.reload.config().Drain)
	s.log.Info("draining", "connections", s.Connections(), "within", drain)
	// The program's context has ended; draining has a time of its own.
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if moved {
		s.leave(stop)
	}
	s.listener.Drain()
	for _, loop := range s.loops {
		loop.LowerCloseWait(drainCloseWait)
	}
	if s.hub.Drain(stop, drain/2) != nil {
		s.log.Warn("pages were not told in time that the server drains", "connections", s.Connections())
	}
	s.hooks.feed.Close() // its streams have been told of the pages that are gone
	s.dashboard.shutdown(stop)
	s.listener.Shutdown(stop)
	s.cutCalls()
	_ = s.hub.Drain(stop, 0) // of pages that were being admitted
	s.presence.Close()
	s.recorder.close()
	s.backends.close()
	s.hooks.close(stop)
	s.tracing.Close(stop)
	err := errors.Join(failed, s.engine.Close())
	s.stopLoops(stop)
	s.revocations.Close()
	s.closeRegistry()
	s.keySets.Close()
	s.access.Close(accessFlush)
	s.endHandover()
	return errors.Join(err, <-s.serving)
}

// refuseSuccessors lets no process take over any more, and waits for the end of an attempt that is under way. It reports whether that has the
// pages now.
func (s *Server) refuseSuccessors() (moved bool) {
	s.handover.end()
	select {
	case <-s.handovers.left:
		return true
	default:
		return false
	}
}

// drainCloseWait is how long a page that was told that the server drains has to answer. Pages answer at once, and a stop need not wait
// for those that do not.
const drainCloseWait = time.Second

// beginStop has the server be one that stops, since the first time that it is called.
func (s *Server) beginStop() {
	now := time.Now()
	s.stopsSince.CompareAndSwap(nil, &now)
	s.draining.Store(true)
}

// announce tells load balancers that the server is going to drain, and waits until they have had time to ask, since it was asked to drain
// if it was. An error is that of serving meanwhile.
func (s *Server) announce() error {
	delay := time.Duration(s.reload.config().DrainDelay) - s.drains.announced()
	if delay <= 0 {
		return nil
	}
	s.beginStop()
	s.log.Info("going to drain", "connections", s.Connections(), "after", delay)
	select {
	case <-time.After(delay):
		return nil
	case err := <-s.serving:
		return err
	}
}

// ready says whether this server should get traffic.
func (s *Server) ready(ctx context.Context) error {
	if s.draining.Load() {
		return language.Errorf("the server is going away")
	}
	if s.drains.begun() {
		return language.Errorf("this node is drained (POST /v1/drain)")
	}
	if engine, ok := s.engine.(scenecast.HealthChecker); ok {
		if err := engine.CheckHealth(ctx); err != nil {
			return err
		}
	}
	return s.starting()
}
