package push

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"scenecast/audience"
	"scenecast/label"
	"scenecast/language"
	"scenecast/problem"
)

// Trigger is a push that has a name: it turns the arguments of a call into a request. It is called concurrently.
type Trigger interface {
	// Request returns what is to be pushed. A *problem.Problem is told to the caller, as of Args; any other error is logged, and told as
	// "internal error". After an error nothing is pushed.
	Request(ctx context.Context, args Args) (Request, error)
}

// TriggerFunc is a function as a Trigger, for triggers written in Go (server.Options.Triggers).
type TriggerFunc func(ctx context.Context, args Args) (Request, error)

// Request calls f.
func (f TriggerFunc) Request(ctx context.Context, args Args) (Request, error) { return f(ctx, args) }

// Triggers are triggers by app and name. The zero value has none. Adding is not safe for concurrent use; finding is.
type Triggers struct{ byName map[appTrigger]Trigger }

type appTrigger struct{ app, name string }

// Add makes a trigger callable by name in an app. A name can be taken once.
func (t *Triggers) Add(app, name string, trigger Trigger) error {
	key := appTrigger{app, name}
	if _, taken := t.byName[key]; taken {
		return fmt.Errorf("trigger %q is there twice", name)
	}
	if t.byName == nil {
		t.byName = make(map[appTrigger]Trigger)
	}
	t.byName[key] = trigger
	return nil
}

// Find returns the trigger with this name in an app; false where there is none.
func (t *Triggers) Find(app, name string) (Trigger, bool) {
	trigger, ok := t.byName[appTrigger{app, name}]
	return trigger, ok
}

// Declaration is a trigger as a configuration declares it.
type Declaration struct {
	Params  []Param         // each with a name of its own
	To      json.RawMessage // an audience in either spelling; $name stands for a parameter
	Message json.RawMessage // any JSON; $name in a text stands for a parameter, $$ for a dollar sign

	// The same as of a Request; in texts $name stands for a parameter, $$ for a dollar sign. All may be empty.
	Event    string
	Coalesce string
	Retain   string
	TTL      time.Duration
}

// Declare checks a declaration and makes the trigger. A problem's place is `params.NAME` or another of its fields. A
// parameter is inserted as one value after parsing, so it can change neither the expression nor the JSON around it.
func Declare(d Declaration) (Trigger, error) {
	t := &declared{params: d.Params, ttl: d.TTL}
	t.event, t.coalesce, t.retain = textTemplate(d.Event), textTemplate(d.Coalesce), textTemplate(d.Retain)
	names := make(map[string]bool)
	for _, p := range d.Params {
		err := p.check()
		if err == nil && names[p.Name] {
			err = problem.New(problem.Invalid, "there twice")
		}
		if err != nil {
			return nil, problem.At(err, "params."+p.Name)
		}
		names[p.Name] = true
	}
	var err error
	if len(d.To) == 0 {
		return nil, problem.New(problem.Invalid, "missing: which pages").At("to")
	}
	if t.to, err = audience.ParseTemplateJSON(d.To); err != nil {
		return nil, problem.At(err, "to")
	}
	if len(d.Message) == 0 {
		return nil, problem.New(problem.Invalid, "missing: what the pages shall get").At("message")
	}
	if t.message, err = parseMessageTemplate(d.Message); err != nil {
		return nil, problem.At(err, "message")
	}
	if d.Retain != "" && d.TTL == 0 {
		return nil, needsTTL()
	}
	for _, used := range []struct {
		field string
		names []string
	}{
		{"to", t.to.Params()},
		{"message", t.message.params()},
		{"event", t.event.params()},
		{"coalesce", t.coalesce.params()},
		{"retain", t.retain.params()},
	} {
		for _, name := range used.names {
			if !names[name] {
				return nil, undeclared(name, names).At(used.field)
			}
		}
	}
	return t, nil
}

func undeclared(name string, names map[string]bool) *problem.Problem {
	declared := language.Textf("none is")
	if len(names) > 0 {
		declared = language.Textf("declared: %s", strings.Join(slices.Sorted(maps.Keys(names)), ", "))
	}
	return problem.New(problem.Invalid, "$%s is not declared under params (%s); a dollar sign is written $$", name, declared)
}

func (p Param) check() error {
	if !label.ValidKey(p.Name) || strings.ContainsAny(p.Name, "-@") {
		return problem.New(problem.Invalid, "%q is no parameter name: a letter or '_', then letters, digits or '_'", p.Name)
	}
	if !slices.Contains(Types, p.Type) {
		return problem.New(problem.Invalid, "%q is no type; the types are %v", p.Type, Types)
	}
	if p.Default != nil {
		if _, ok := (arg{json: p.Default}).as(p.Type); !ok {
			return problem.New(problem.Invalid, "the default is not of the type %s", p.Type)
		}
	}
	return nil
}

type declared struct {
	params  []Param
	to      audience.Template
	message messageTemplate

	event, coalesce, retain textTemplate
	ttl                     time.Duration
}

// textTemplate is a text with parameters. It is short, and cut up at every call.
type textTemplate string

// params are the names of the parameters.
func (t textTemplate) params() (names []string) {
	for _, param := range parts(string(t)) {
		if param != "" {
			names = append(names, param)
		}
	}
	return names
}

// render puts the values in; there is one for each parameter.
func (t textTemplate) render(values map[string]string) string {
	var b strings.Builder
	for literal, param := range parts(string(t)) {
		if param != "" {
			literal = values[param]
		}
		b.WriteString(literal)
	}
	return b.String()
}

// Request implements Trigger.
func (d *declared) Request(_ context.Context, args Args) (Request, error) {
	if err := args.checkNames(d.params); err != nil {
		return Request{}, err
	}
	values := make(map[string]value, len(d.params))
	texts := make(map[string]string, len(d.params))
	for _, p := range d.params {
		v, err := args.value(p)
		if err != nil {
			return Request{}, err
		}
		values[p.Name], texts[p.Name] = v, v.text
	}
	to, err := d.to.Bind(texts)
	if err != nil {
		return Request{}, err
	}
	return Request{
		To:       to,
		Message:  d.message.render(values),
		Event:    d.event.render(texts),
		Coalesce: d.coalesce.render(texts),
		Retain:   d.retain.render(texts),
		TTL:      d.ttl,
	}, nil
}
