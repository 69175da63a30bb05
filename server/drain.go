package server

import (
	"context"
	"sync"
	"time"

	"scenecast/api"
	"scenecast/problem"
)

// drains are the times when this node is emptied while its process goes on, one after the other.
type drains struct {
	mu      sync.Mutex
	current *drain // nil: none
	closed  bool   // the server ends, and begins none
}

// drain is one of them.
type drain struct {
	server *Server
	api.Drain
	within time.Duration
	cancel context.CancelFunc
	done   chan struct{}
}

// begun reports whether the node is to be emptied, or is empty.
func (d *drains) begun() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current != nil
}

// announced is how long readiness has been off.
func (d *drains) announced() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.current == nil {
		return 0
	}
	return time.Since(*d.current.Since)
}

// close ends what goes on. The pages that are left are Run's.
func (d *drains) close() {
	d.mu.Lock()
	d.closed = true
	current := d.current
	d.mu.Unlock()
	if current != nil {
		current.cancel()
		<-current.done
	}
}

// Drain empties this node while its process goes on: as on SIGTERM, readiness is off for a delay, then pages are told to reconnect and
// refused. It returns at once. HTTP calls are answered as ever, and the node is in its cluster as ever, until the process ends or Undrain
// is called. A call while it drains changes nothing, and tells how it stands. The error is a *problem.Problem of the kind Unavailable: the server
// stops, has handed its pages over, or a reload or handover has not ended before ctx has.
func (s *Server) Drain(ctx context.Context, r api.DrainRequest) (api.Drain, error) {
	select { // no handover is under way, and none begins
	case <-s.reload.turn:
		defer func() { s.reload.turn <- struct{}{} }()
	case <-s.handovers.left:
		return api.Drain{}, problem.New(problem.Unavailable, "another process has the pages; try again")
	case <-ctx.Done():
		return api.Drain{}, problem.New(problem.Unavailable, "a reload or a handover has not ended yet")
	}
	c := s.reload.config()
	delay, within := time.Duration(c.DrainDelay), time.Duration(c.Drain)/2
	if r.Delay != nil {
		delay = *r.Delay
	}
	if r.Within != nil {
		within = *r.Within
	}
	s.drains.mu.Lock()
	defer s.drains.mu.Unlock()
	switch {
	case s.drains.closed || s.draining.Load():
		return api.Drain{}, problem.New(problem.Unavailable, "the server is going away")
	case s.drains.current != nil:
		return s.drainingLocked(), nil
	}
	since := time.Now().UTC().Truncate(time.Millisecond)
	from := since.Add(delay)
	until := from.Add(within)
	// What was asked for goes on when the call has been answered.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d := &drain{server: s, within: within, cancel: cancel, done: make(chan struct{}), Drain: api.Drain{
		State: api.DrainWaiting, Before: s.Connections(), Since: &since, From: &from, Until: &until,
	}}
	s.drains.current = d
	s.log.Info("going to drain", "connections", d.Before, "after", delay, "within", within)
	go d.run(running, delay)
	return s.drainingLocked(), nil
}

// Draining returns how the drain of this node stands, with the pages that are connected now; its State is api.DrainServing where there is none.
func (s *Server) Draining() api.Drain {
	s.drains.mu.Lock()
	defer s.drains.mu.Unlock()
	return s.drainingLocked()
}

func (s *Server) drainingLocked() api.Drain {
	now := api.Drain{State: api.DrainServing}
	if d := s.drains.current; d != nil {
		now = d.Drain
	}
	now.Connections = s.Connections()
	return now
}

// Undrain has the node take pages again. Those that were told to reconnect do not come back by that. Without a drain it changes nothing.
func (s *Server) Undrain() (api.Drain, error) {
	s.drains.mu.Lock()
	d, closed := s.drains.current, s.drains.closed
	s.drains.mu.Unlock()
	switch {
	case closed || s.draining.Load():
		return api.Drain{}, problem.New(problem.Unavailable, "the server is going away")
	case d == nil:
		return s.Draining(), nil
	}
	d.cancel()
	<-d.done
	s.drains.mu.Lock()
	defer s.drains.mu.Unlock()
	if s.drains.current == d && !s.drains.closed {
		s.drains.current = nil
		s.listener.RefusePages(false)
		s.log.Info("the drain was ended; pages are let in", "connections", s.Connections())
	}
	return s.drainingLocked(), nil
}

// drainLook is how often a drained node looks for pages that were being let in when it began to refuse them, and drainTells how many
// lines of progress a drain has.
const (
	drainLook  = time.Second
	drainTells = 10
)

// run drains, and then keeps the node empty.
func (d *drain) run(ctx context.Context, delay time.Duration) {
	defer close(d.done)
	defer d.cancel()
	s := d.server
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return
	}
	d.reach(api.DrainClosing)
	s.listener.RefusePages(true)
	s.log.Info("draining", "connections", s.Connections(), "within", d.within)
	drained := make(chan error, 1)
	go func() { drained <- s.hub.Drain(ctx, d.within) }()
	progress := time.NewTicker(max(drainLook, d.within/drainTells))
	defer progress.Stop()
	for waits := true; waits; {
		select {
		case <-progress.C:
			s.log.Info("draining", "connections", s.Connections(), "of", d.Before)
		case err := <-drained:
			if err != nil { // ctx has ended
				return
			}
			waits = false
		}
	}
	s.log.Info("drained: no page is left", "took", time.Since(*d.Since).Round(time.Millisecond))
	d.reach(api.DrainDrained)
	for s.hub.Drain(ctx, 0) == nil {
		select {
		case <-time.After(drainLook):
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// reach notes how far the drain has come.
func (d *drain) reach(state api.DrainState) {
	d.server.drains.mu.Lock()
	defer d.server.drains.mu.Unlock()
	d.State = state
}
