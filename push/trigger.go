package push

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"scenecast/audience"
	"scenecast/label"
	"scenecast/problem"
)

// Trigger is a push that has a name: it turns the arguments of a call into a request. Called concurrently.
type Trigger interface {
	Request(ctx context.Context, args Args) (Request, error)
}

// TriggerFunc is a trigger written in Go.
type TriggerFunc func(ctx context.Context, args Args) (Request, error)

// Request calls f.
func (f TriggerFunc) Request(ctx context.Context, args Args) (Request, error) { return f(ctx, args) }

// Declaration is a trigger as a configuration declares it.
type Declaration struct {
	Params  []Param
	To      json.RawMessage // an audience in either spelling; $name stands for a parameter
	Message json.RawMessage // any JSON; $name in a text stands for a parameter, $$ for a dollar sign
}

// Declare checks a declaration and makes the trigger. A problem's place is `params.NAME`, `to` or `message`. A parameter
// is inserted as one value after parsing, so it can change neither the expression nor the JSON around it.
func Declare(d Declaration) (Trigger, error) {
	t := &declared{params: d.Params}
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
	for _, name := range t.to.Params() {
		if !names[name] {
			return nil, undeclared(name, names).At("to")
		}
	}
	for _, name := range t.message.params() {
		if !names[name] {
			return nil, undeclared(name, names).At("message")
		}
	}
	return t, nil
}

func undeclared(name string, names map[string]bool) *problem.Problem {
	declared := "none is"
	if len(names) > 0 {
		declared = "declared: " + strings.Join(slices.Sorted(maps.Keys(names)), ", ")
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
	return Request{To: to, Message: d.message.render(values)}, nil
}
