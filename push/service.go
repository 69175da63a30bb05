// Package push is the push service: it checks what a backend asks for, resolves named triggers, and has the engine carry
// the push. It does not know who asks (package auth) nor who is connected (package hub).
package push

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"scenecast"
	"scenecast/audience"
	"scenecast/problem"
)

// Request is one push that somebody asks for.
type Request struct {
	To      audience.Expr   // which pages
	Except  audience.Expr   // of those, which not; may be zero
	Event   string          // a name for the message, at most MaxEvent bytes; may be empty
	Message json.RawMessage // any JSON; pages get it verbatim. A dry run needs none
	DryRun  bool            // count the audience and send nothing
}

// MaxEvent bounds the name of an event, in bytes.
const MaxEvent = 128

// Result is what became of a push.
type Result struct {
	ID       string             // empty for a dry run
	Position scenecast.Position // zero for a dry run
	Tally    scenecast.Tally
}

// Service takes pushes and trigger calls. Its methods may be called concurrently; AddTrigger may not.
type Service struct {
	engine   scenecast.Engine
	triggers map[appTrigger]Trigger
}

type appTrigger struct{ app, name string }

// NewService makes a service without triggers on this engine.
func NewService(engine scenecast.Engine) *Service {
	return &Service{engine: engine, triggers: make(map[appTrigger]Trigger)}
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
	if err := r.check(); err != nil {
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
	p, tally, err := s.engine.Publish(ctx, scenecast.Push{
		ID:      strings.ToLower(rand.Text()),
		App:     app,
		To:      to,
		Message: scenecast.Message{Event: r.Event, Data: r.Message},
	})
	if err != nil {
		return Result{}, fmt.Errorf("publish: %w", err)
	}
	return Result{ID: p.ID, Position: p.Position, Tally: tally}, nil
}

// Trigger runs a trigger of an app by its name, as Push does what it asks for.
func (s *Service) Trigger(ctx context.Context, app, name string, args Args) (Result, error) {
	t, ok := s.triggers[appTrigger{app, name}]
	if !ok {
		return Result{}, problem.New(problem.NotFound, "there is no trigger named %.80q", name)
	}
	r, err := t.Request(ctx, args)
	if err != nil {
		return Result{}, err
	}
	return s.Push(ctx, app, r)
}

func (r Request) check() error {
	switch {
	case r.To.IsZero():
		return problem.New(problem.Invalid, `missing: say which pages, as in {"page":"home"}; everybody is "*"`).At("to")
	case len(r.Event) > MaxEvent || !utf8.ValidString(r.Event):
		return problem.New(problem.Invalid, "a text of at most %d bytes", MaxEvent).At("event")
	case len(r.Message) == 0 && r.DryRun:
		return nil
	case len(r.Message) == 0:
		return problem.New(problem.Invalid, "missing: any JSON that the pages shall get").At("message")
	case !utf8.Valid(r.Message) || !json.Valid(r.Message):
		return problem.New(problem.Invalid, "not valid JSON in UTF-8").At("message")
	}
	return nil
}
