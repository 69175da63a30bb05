package load

import (
	"context"
	"errors"
	"sync"
	"time"

	"scenecast/language"
)

// maxCalls bounds the HTTP calls that are under way.
const maxCalls = 64

// late is how much behind its time a paced push may begin without that being counted as latency: what a sleeping program
// oversleeps.
const late = 2 * time.Millisecond

// errMissing ends a run: who has waited in vain once would do so at every push.
var errMissing = language.NewError("deliveries are missing")

// round measures a scenario once.
func (r *runner) round(ctx context.Context, s *scenario) (Round, error) {
	before, err := r.server.CPU()
	if err != nil {
		return Round{}, err
	}
	start := time.Now()
	publish := r.bursts
	if s.rate > 0 {
		publish = r.byTheClock
	}
	deliveries, err := publish(ctx, s)
	if err != nil {
		return Round{}, err
	}
	took := time.Since(start).Seconds()
	after, err := r.server.CPU()
	if err != nil {
		return Round{}, err
	}
	round := Round{
		Seconds: took, Deliveries: deliveries, PerSecond: float64(deliveries) / took, PushesPerSec: float64(s.pushes) / took,
		Latency: r.latency(),
	}
	if r.server.watched() {
		round.CPUOfDelivery = after.Since(before).each(deliveries, time.Nanosecond)
		round.CPUOfPush = after.Since(before).each(s.pushes, time.Microsecond)
	}
	return round, nil
}

// latency is that of all deliveries since it was asked last.
func (r *runner) latency() Latency {
	h := NewHistogram()
	for _, s := range r.fleet.shards {
		s.drain(h)
	}
	return LatencyOf(h)
}

// bursts publishes as many messages as the pipeline holds, waits until all have arrived, and goes on.
func (r *runner) bursts(ctx context.Context, s *scenario) (deliveries int, err error) {
	for done := 0; done < s.pushes; done += s.pipeline {
		first, shots := r.load(s, done, s.pipeline)
		var calls sync.WaitGroup
		errs := make([]error, len(shots))
		for i := 1; i < len(shots); i++ {
			calls.Go(func() { errs[i] = r.shoot(ctx, s, first+i, shots[i], r.now()) })
		}
		errs[0] = r.shoot(ctx, s, first, shots[0], r.now())
		calls.Wait()
		if err := errors.Join(errs...); err != nil {
			return deliveries, err
		}
		if err := r.arrived(ctx); err != nil {
			return deliveries, err
		}
		for _, shot := range shots {
			deliveries += len(shot.crowd)
		}
	}
	return deliveries, nil
}

// byTheClock publishes when it is time, whether or not the pushes before have been answered. What begins late because
// too many calls are under way is late: its latency counts from when it was due.
func (r *runner) byTheClock(ctx context.Context, s *scenario) (deliveries int, err error) {
	first, shots := r.load(s, 0, s.pushes)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	places := make(chan struct{}, maxCalls)
	var calls sync.WaitGroup
	start := r.now()
	for i, shot := range shots {
		due := start + time.Duration(i)*time.Second/time.Duration(s.rate)
		time.Sleep(due - r.now())
		places <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		calls.Go(func() {
			defer func() { <-places }()
			at := r.now()
			if at-due > late {
				at = due
			}
			if err := r.shoot(ctx, s, first+i, shot, at); err != nil {
				cancel(err)
			}
		})
		deliveries += len(shot.crowd)
	}
	calls.Wait()
	if err := context.Cause(ctx); err != nil {
		return deliveries, err
	}
	return deliveries, r.arrived(ctx)
}

// shot is one push.
type shot struct {
	to    Audience
	crowd crowd
}

// load enters the next pushes of a round into the ledger; the first has the number that it returns.
func (r *runner) load(s *scenario, from, count int) (first int, shots []shot) {
	shots = make([]shot, count)
	crowds := make([]crowd, count)
	for i := range shots {
		shots[i].to, shots[i].crowd = s.aim(from + i)
		crowds[i] = shots[i].crowd
	}
	return r.fleet.ledger.expect(crowds), shots
}

// now is the time on the fleet's clock.
func (r *runner) now() time.Duration { return time.Since(r.fleet.clock) }

// shoot publishes one push and checks the answer.
func (r *runner) shoot(ctx context.Context, s *scenario, n int, shot shot, at time.Duration) error {
	l := r.fleet.ledger
	l.sent(n, at)
	a, err := r.backend.push(ctx, r.fleet.dialect, shot.to, r.fleet.envelope.Write(n))
	if err != nil {
		return err
	}
	want := len(shot.crowd)
	// Where others' pages may be in the audience, their number is not known.
	if a.Matched != Untold && (a.Matched < want || s.own && a.Matched != want || a.Queued+a.Dropped != a.Matched || a.Dropped > 0 && !s.lossy) {
		l.fault(&l.faults.WrongAnswers, "message %d went to %s; the answer says matched %d, queued %d, dropped %d",
			n, shot.crowd, a.Matched, a.Queued, a.Dropped)
	}
	return nil
}

// arrived waits until everything has arrived.
func (r *runner) arrived(ctx context.Context) error {
	all, err := r.fleet.await(ctx)
	if err == nil && !all {
		r.fleet.ledger.writeOff()
		err = language.Errorf("%w: none has come for %v", errMissing, r.options.Patience)
	}
	return err
}

// fence pushes one message to all pages and waits for it. A page gets pushes in order, so what was on its way to a page,
// rightly or wrongly, has come by then. Nothing of it is measured.
func (r *runner) fence(ctx context.Context) error {
	s, err := aimed(Everybody, r.people)
	if err != nil {
		return err
	}
	s = s.pipelined(1, 1)
	_, err = r.bursts(ctx, &s)
	r.latency()
	return err
}
