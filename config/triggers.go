package config

import (
	"time"

	"go.yaml.in/yaml/v3"

	"scenecast/problem"
	"scenecast/push"
)

// Trigger is a declared trigger.
type Trigger struct {
	Name        string
	Declaration push.Declaration
}

// Triggers are triggers by name, in the order of the file.
type Triggers []Trigger

// triggerFields are the keys of a declaration.
type triggerFields struct {
	Params   params   `yaml:"params,omitempty"`
	To       JSON     `yaml:"to"`
	Message  JSON     `yaml:"message"`
	TTL      Duration `yaml:"ttl,omitempty"`
	Event    string   `yaml:"event,omitempty"`
	Coalesce string   `yaml:"coalesce,omitempty"`
	Retain   string   `yaml:"retain,omitempty"`
}

func (f triggerFields) declaration() push.Declaration {
	return push.Declaration{
		Params: f.Params, To: f.To.raw(), Message: f.Message.raw(),
		TTL: time.Duration(f.TTL), Event: f.Event, Coalesce: f.Coalesce, Retain: f.Retain,
	}
}

// UnmarshalYAML reads a mapping of names to {params, to, message, event, ttl, coalesce, retain}, and checks each.
func (t *Triggers) UnmarshalYAML(n *yaml.Node) error {
	var bad badNodes
	var triggers Triggers
	for name, body := range bad.members(n) {
		var f triggerFields
		if err := decode(body, &f); err != nil {
			bad.adopt(name.Value, body, err)
			continue
		}
		trigger := Trigger{name.Value, f.declaration()}
		if _, err := push.Declare(trigger.Declaration); err != nil {
			p := problem.Of(err)
			at := nodeAt(body, p.Where)
			if at == dereference(body) {
				at = name // it is missing, and a body that is empty has no line
			}
			bad.add(join(name.Value, p.Where), at, "%s", p.Text())
			continue
		}
		triggers = append(triggers, trigger)
	}
	*t = triggers
	return bad.err()
}

// MarshalYAML implements yaml.Marshaler.
func (t Triggers) MarshalYAML() (any, error) {
	m := new(mapping)
	for _, trigger := range t {
		d := trigger.Declaration
		m.add(trigger.Name, triggerFields{
			Params: d.Params, To: JSON(d.To), Message: JSON(d.Message),
			TTL: Duration(d.TTL), Event: d.Event, Coalesce: d.Coalesce, Retain: d.Retain,
		})
	}
	return m, nil
}

// params are a trigger's parameters by name, in the order of the file.
type params []push.Param

// paramFields are the keys of a parameter that is a mapping.
type paramFields struct {
	Type    push.Type `yaml:"type"`
	Default JSON      `yaml:"default,omitempty"`
}

// UnmarshalYAML reads a mapping of names to types, or to {type, default}. Whether the types exist is package push's to say.
func (p *params) UnmarshalYAML(n *yaml.Node) error {
	var bad badNodes
	for name, value := range bad.members(n) {
		f := paramFields{Type: push.String}
		if value.Kind == yaml.ScalarNode {
			f.Type = push.Type(textOf(value))
		} else {
			bad.adopt(name.Value, value, decode(value, &f))
		}
		*p = append(*p, push.Param{Name: name.Value, Type: f.Type, Default: f.Default.raw()})
	}
	return bad.err()
}

// MarshalYAML implements yaml.Marshaler.
func (p params) MarshalYAML() (any, error) {
	m := new(mapping)
	for _, param := range p {
		m.add(param.Name, paramFields{param.Type, JSON(param.Default)})
	}
	return flow(m), nil
}
