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
	"scenecast/audience"
	"scenecast/problem"
)

// Request is one push that somebody asks for.
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
	// IdempotencyKey makes a retry return what the first call has returned, and send nothing. At most MaxID characters.
	IdempotencyKey string
}

// Result is what became of a push.
type Result struct {
	ID       string             // empty for a dry run
	Position scenecast.Position // zero for a dry run
	Tally    scenecast.Tally
	Receipt  scenecast.Receipt // what was waited for
	Replayed bool              // the push is that of an earlier call, and this one has sent nothing
}

// Engine carries pushes; every scenecast.Engine does.
type Engine interface {
	Submit(p scenecast.Push) (scenecast.Pending, error)
	Ask(ctx context.Context, q scenecast.Query) (scenecast.Reply, error)
}

// Service takes pushes and trigger calls. Its methods may be called concurrently; AddTrigger may not.
type Service struct {
	engine   Engine
	limits   Limits
	triggers map[appTrigger]Trigger
}

type appTrigger struct{ app, name string }

// NewService makes a service without triggers on this engine.
func NewService(engine Engine, limits Limits) *Service {
	return &Service{engine: engine, limits: limits, triggers: make(map[appTrigger]Trigger)}
}

// AddTrigger makes a trigger callable by name in an app. A name can be taken once.
func (s *Service) AddTrigger(app, name string, t Trigger) error {
	key := appTrigger{app, name}
	if _, taken := s.triggers[key]; taken {
		return fmt.Errorf("trigger %q is there twice", name)
	}
	s.triggers[key] = t
	return nil
}

// Push sends a message to an audience of an app and says whom it reached. A *problem.Problem tells what is wrong with
// the request; then nothing was sent.
func (s *Service) Push(ctx context.Context, app string, r Request) (Result, error) {
	if err := s.limits.check(r); err != nil {
		return Result{}, err
	}
	to, err := r.To.Without(r.Except)
	if err != nil {
		return Result{}, problem.At(err, "except")
	}
	if r.DryRun {
		reply, err := s.engine.Ask(ctx, scenecast.Query{App: app, To: to})
		if err != nil {
			return Result{}, fmt.Errorf("count: %w", err)
		}
		return Result{Tally: reply.Tally}, nil
	}
	p := scenecast.Push{
		ID:             cmp.Or(r.ID, strings.ToLower(rand.Text())),
		App:            app,
		To:             to,
		Message:        scenecast.Message{Event: r.Event, Data: r.Message},
		TTL:            r.TTL,
		Coalesce:       r.Coalesce,
		Retain:         r.Retain,
		Receipt:        r.Receipt,
		IdempotencyKey: cmp.Or(r.IdempotencyKey, r.ID),
	}
	if p.Receipt != scenecast.ReceiptQueued {
		p.Timeout = cmp.Or(r.Timeout, min(DefaultTimeout, s.limits.Timeout))
	}
	pending, err := s.engine.Submit(p)
	if err != nil {
		return Result{}, fmt.Errorf("publish: %w", err)
	}
	done, err := pending.Wait(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("publish: %w", err)
	}
	return Result{ID: done.ID, Position: done.Position, Tally: done.Tally, Receipt: r.Receipt, Replayed: done.Replayed}, nil
}

// Trigger runs a trigger of an app by its name, as Push does what it asks for. The key is for the request's
// IdempotencyKey, unless the trigger gives one itself; it may be empty.
func (s *Service) Trigger(ctx context.Context, app, name, key string, args Args) (Result, error) {
	t, ok := s.triggers[appTrigger{app, name}]
	if !ok {
		return Result{}, problem.New(problem.NotFound, "there is no trigger named %.80q", name)
	}
	r, err := t.Request(ctx, args)
	if err != nil {
		return Result{}, err
	}
	r.IdempotencyKey = cmp.Or(r.IdempotencyKey, key)
	return s.Push(ctx, app, r)
}
