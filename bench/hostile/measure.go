package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"scenecast/bench/load"
)

// row is what one scenario has shown.
type row struct {
	name          string
	quiet, during roundTrips
	before, peak  int // resident memory in bytes
	after         int
	cpu           float64
	said          []string
	fault         string // what is not as it should be
	err           error
}

// measure starts a server, attacks it, and ends it. What goes wrong is in the row: the next scenario has a server of its own.
func measure(ctx context.Context, s *scenario, o options) row {
	r := row{name: s.name}
	r.err = r.measure(ctx, s, o)
	return r
}

func (r *row) measure(ctx context.Context, s *scenario, o options) error {
	t, err := startTarget(ctx, s, o.binary)
	if err != nil {
		return err
	}
	defer t.close()
	p, err := openProbe(ctx, t)
	if err != nil {
		return fmt.Errorf("healthy pages: %w", err)
	}
	defer p.close()
	if r.quiet, err = p.measure(ctx, o.quiet); err != nil {
		return err
	}
	a, err := startAttacker(ctx, order{Scenario: s.name, Scale: o.scale, Target: t.Address})
	if err != nil {
		return err
	}
	defer a.close()
	watched, err := load.Watch(t.PID)
	if err != nil {
		return err
	}
	cpuBefore, err1 := watched.CPU()
	var err2 error
	r.before, err2 = watched.Memory()
	_, err3 := watched.Peak() // begins anew
	if err := errors.Join(err1, err2, err3, a.begin()); err != nil {
		return err
	}
	if o.began != nil {
		o.began(t)
	}
	began, duration := time.Now(), o.time
	if duration == 0 {
		duration = s.time
	}
	if duration == 0 {
		duration = attackTime
	}
	r.during, err = p.measure(ctx, duration)
	if err != nil {
		r.find("healthy page lost: " + err.Error())
	}
	cpuAfter, err := watched.CPU()
	if err == nil {
		r.cpu = float64((cpuAfter.Total() - cpuBefore.Total())) / float64(time.Since(began))
	}
	said, err := a.stop()
	r.say(said)
	if err != nil {
		r.say("attacker: " + err.Error())
	}
	select {
	case <-time.After(o.settle):
	case <-ctx.Done():
		return ctx.Err()
	}
	r.peak, _ = watched.Peak()
	if r.after, err = watched.Memory(); err != nil {
		r.find("server gone: " + t.LastWords())
	}
	if s.after != nil {
		r.say(s.after(ctx, t))
	}
	if s.want != nil && !s.want.MatchString(strings.Join(r.said, "; ")) {
		r.find(fmt.Sprintf("want %s", s.want))
	}
	return nil
}

// find notes a fault.
func (r *row) find(fault string) { r.fault = strings.TrimPrefix(r.fault+"; "+fault, "; ") }

func (r *row) say(words string) {
	if words != "" {
		r.said = append(r.said, words)
	}
}
