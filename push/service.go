// Package push is the push service: it checks what a backend asks for, resolves named triggers, and has the engine carry
// the push. It does not know who asks (package auth) nor who is connected (package hub).
package push

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"scenecast"
	"scenecast/access"
	"scenecast/audience"
	"scenecast/problem"
	"scenecast/tracing"
)

// Request asks for one push. Service.Check says what is wrong with one.
type Request struct {
	To       audience.Expr     // which pages
	Except   audience.Expr     // of those, which not; may be zero. A page that has come back has a new @id and its old @page
	Event    string            // a name for the message, at most MaxEvent bytes; may be empty
	Message  json.RawMessage   // any JSON; pages get it verbatim. A dry run needs none
	TTL      time.Duration     // pages that come to match within this time get it too; 0: only those that match now
	Coalesce string            // of those with one key that wait for a slow page, only the newest needs to; may be empty
	Retain   string            // pages that come to match get only the newest with this key; needs a TTL; may be empty
	Receipt  scenecast.Receipt // what to wait for
	Timeout  time.Duration     // … at most for so long. Defaults to DefaultTimeout
	DryRun   bool              // count the audience and send nothing

	// ID is the push's name, and at the same time its idempotency key. Defaults to one that is drawn at random.
	ID string
	// IdempotencyKey makes a retry of the same caller return what the first call has returned, and send nothing. At most MaxID
	// characters.
	IdempotencyKey string
}

// Result is what became of a push, over all nodes that have answered.
type Result struct {
	ID       string             // empty for a dry run
	Position scenecast.Position // zero for a dry run, and for a caller who is confined
	Tally    scenecast.Tally    // Tally.Nodes says how many nodes have answered
	Known    int                // of so many nodes that are known
	Receipt  scenecast.Receipt  // what was waited for
	Replayed bool               // the push is that of an earlier call, and this one has sent nothing
}

// Engine carries pushes; every scenecast.Engine does.
type Engine interface {
	access.Submitter
	access.Asker
}

// Service takes pushes and trigger calls. Its methods may be called concurrently.
type Service struct {
	engine      access.Engine
	limits      Limits
	findTrigger func(app, name string) (Trigger, bool)
	times       times

	// Triggered is told of each trigger that has run and pushed something, before that is answered; any goroutine calls it. It is set before
	// the service is used. Nil: nobody is.
	Triggered func(run TriggerRun)

	// FrameOf is how many bytes the frame of a message may have, at most, on a further wire that an app speaks, of which MaxFrame knows
	// nothing; 0: it speaks none. What fits into room may be told roughly. Any goroutine calls it. It is set before the service is used. Nil: no
	// app speaks such a wire.
	FrameOf func(app string, m scenecast.Message, room int) int
}

// TriggerRun is a call of a trigger that has pushed something.
type TriggerRun struct {
	Caller access.Caller           // who has called it
	Name   string                  // of the trigger
	Result Result                  // of its push
	Trace  *scenecast.TraceContext // of the call; nil: it is not sampled
}

// NewService makes a service on this engine. It asks for a trigger at each call, as of Triggers.Find; nil: there are none.
func NewService(engine Engine, limits Limits, findTrigger func(app, name string) (Trigger, bool)) *Service {
	if findTrigger == nil {
		findTrigger = new(Triggers).Find
	}
	return &Service{
		engine:      access.Engine{Pushes: engine, Queries: engine, Rates: access.NewRates()},
		limits:      limits,
		findTrigger: findTrigger,
		times:       newTimes(),
	}
}

// Rates are the rates of the service's callers, for parts that submit pushes in their names by another way. They may be used concurrently.
func (s *Service) Rates() *access.Rates { return s.engine.Rates }

// Limited is how many pushes were refused by the rates of API keys: of pushes, and of deliveries.
func (s *Service) Limited() (byPushes, byDeliveries int64) { return s.engine.Rates.Refused() }

// Check returns a problem that says what is wrong with a request, for whoever submits several, all or none.
func (s *Service) Check(c access.Caller, r Request) error {
	if err := s.limits.check(r); err != nil {
		return err
	}
	return problem.At(s.checkFrameOf(c.App, messageOf(r)), "message")
}

// CheckFrame returns a problem if no outbox has room for the frame of a message of an app, for pushes that are not a Request.
func (s *Service) CheckFrame(app string, m scenecast.Message) error {
	if err := s.limits.checkFrame(m, MaxFrame(m.Event, m.Data)+escaped*len(m.User)); err != nil {
		return err
	}
	return s.checkFrameOf(app, m)
}

func (s *Service) checkFrameOf(app string, m scenecast.Message) error {
	if s.FrameOf == nil {
		return nil
	}
	return s.limits.checkFrame(m, s.FrameOf(app, m, s.limits.Frame))
}

// Submit checks a request and puts its push on its way. It never waits; of the context, it takes the trace alone. A *problem.Problem tells what is wrong with the
// request; after any error nothing was sent. A dry run is counted when its Pending is waited for.
func (s *Service) Submit(ctx context.Context, c access.Caller, r Request) (Pending, error) {
	began := time.Now()
	if err := s.Check(c, r); err != nil {
		return nil, err
	}
	to, err := r.To.Without(r.Except)
	if err != nil {
		return nil, problem.At(err, "except")
	}
	if r.DryRun {
		return dryRun{s.engine, c, scenecast.Query{To: to}}, nil
	}
	p := scenecast.Push{
		ID:             cmp.Or(r.ID, strings.ToLower(rand.Text())),
		To:             to,
		Message:        scenecast.Message{Event: r.Event, Data: r.Message},
		TTL:            r.TTL,
		Coalesce:       r.Coalesce,
		Retain:         r.Retain,
		Receipt:        r.Receipt,
		IdempotencyKey: c.IdempotencyKey(cmp.Or(r.IdempotencyKey, r.ID)),
	}
	if p.Receipt != scenecast.ReceiptQueued {
		p.Timeout = cmp.Or(r.Timeout, min(DefaultTimeout, s.limits.Timeout))
	}
	span := tracing.StartPublish(ctx, c.App, p.ID, len(p.Message.Data))
	p.Trace = span.Context()
	carried, err := s.engine.Submit(c, p)
	if err != nil {
		span.End(scenecast.Tally{}, false, err)
		return nil, fmt.Errorf("publish: %w", err)
	}
	return submitted{carried, r.Receipt, span, began, s.times[r.Receipt]}, nil
}

// Push is Submit, then Wait: it returns when what r.Receipt asks for is in. The errors are those of Submit, after which nothing was sent, and of
// scenecast.Pending.Wait: after ctx's error the push is published all the same.
func (s *Service) Push(ctx context.Context, c access.Caller, r Request) (Result, error) {
	p, err := s.Submit(ctx, c, r)
	if err != nil {
		return Result{}, err
	}
	return p.Wait(ctx)
}

// Trigger runs a trigger of the caller's app by its name, as Push does what it asks for. The key is for the request's
// IdempotencyKey, unless the trigger gives one itself; it may be empty.
func (s *Service) Trigger(ctx context.Context, c access.Caller, name, key string, args Args) (Result, error) {
	if err := c.CheckTrigger(name); err != nil {
		return Result{}, err
	}
	t, ok := s.findTrigger(c.App, name)
	if !ok {
		return Result{}, problem.New(problem.NotFound, "there is no trigger named %.80q", name)
	}
	r, err := t.Request(ctx, args)
	if err != nil {
		return Result{}, err
	}
	r.IdempotencyKey = cmp.Or(r.IdempotencyKey, key)
	result, err := s.Push(ctx, c, r)
	if err == nil && s.Triggered != nil && !r.DryRun && !result.Replayed {
		s.Triggered(TriggerRun{c, name, result, tracing.Of(ctx)})
	}
	return result, err
}
