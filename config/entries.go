package config

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"scenecast/auth"
	"scenecast/problem"
	"scenecast/push"
)

// apiKeys reads a list of {name, key, allow}.
func (d *decoder) apiKeys(key string, n *yaml.Node) (keys []APIKey) {
	if n.Kind != yaml.SequenceNode {
		d.mistake(key, n, "takes a list of {name, key, allow}, not a %s", kindName(n))
		return nil
	}
	for _, item := range n.Content {
		item = dereference(item)
		k := APIKey{Allow: auth.Scopes}
		for name, value := range d.members(key, item) {
			at := join(key, name.Value)
			switch name.Value {
			case "name":
				k.Name = textOf(value)
			case "key":
				k.Key = textOf(value)
			case "allow":
				k.Allow = d.scopes(at, value)
			default:
				d.mistake(at, name, "an API key has name, key and allow")
			}
		}
		if k.Name == "" || k.Key == "" {
			d.mistake(key, item, "an API key needs a name (for the log) and a key (the secret)")
			continue
		}
		d.places[entry(key, len(keys))] = d.place(item)
		keys = append(keys, k)
	}
	return keys
}

func (d *decoder) scopes(key string, n *yaml.Node) (scopes []auth.Scope) {
	for item, text := range d.texts(key, n) {
		if scope := auth.Scope(text); slices.Contains(auth.Scopes, scope) {
			scopes = append(scopes, scope)
			continue
		}
		d.mistake(key, item, "%q is no scope; the scopes are %v", text, auth.Scopes)
	}
	return scopes
}

// triggers reads a mapping of names to {params, to, message, event, ttl, coalesce, retain}.
func (d *decoder) triggers(key string, n *yaml.Node) (triggers []Trigger) {
	for name, body := range d.members(key, n) {
		t := Trigger{Name: name.Value}
		key := join(key, name.Value)
		places := map[string]*yaml.Node{"": name} // of what a problem's place names
		before := len(d.mistakes)
		for field, value := range d.members(key, body) {
			places[field.Value] = value
			at := join(key, field.Value)
			switch field.Value {
			case "params":
				t.Declaration.Params = d.params(at, value, places)
			case "to":
				t.Declaration.To = d.json(at, value)
			case "message":
				t.Declaration.Message = d.json(at, value)
			case "event":
				t.Declaration.Event = textOf(value)
			case "coalesce":
				t.Declaration.Coalesce = textOf(value)
			case "retain":
				t.Declaration.Retain = textOf(value)
			case "ttl":
				ttl, err := parseDuration(textOf(value))
				if err != nil {
					d.mistake(at, value, "%v", err)
				}
				d.places[at], t.Declaration.TTL = d.place(value), time.Duration(ttl)
			default:
				d.mistake(at, field, "a trigger has params, to, message, event, ttl, coalesce and retain")
			}
		}
		if len(d.mistakes) > before {
			continue
		}
		if _, err := push.Declare(t.Declaration); err != nil {
			p := problem.Of(err)
			d.mistake(join(key, p.Where), placeOf(p.Where, places), "%s", p.Detail)
			continue
		}
		triggers = append(triggers, t)
	}
	return triggers
}

// placeOf is the node that a problem's place lies in: that of `params.order` for `params.order`, that of `to` for
// `to.column 9`.
func placeOf(where string, places map[string]*yaml.Node) *yaml.Node {
	for {
		if n, ok := places[where]; ok {
			return n
		}
		where = where[:max(0, strings.LastIndexByte(where, '.'))]
	}
}

// params reads a mapping of names to types, or to {type, default}.
func (d *decoder) params(key string, n *yaml.Node, places map[string]*yaml.Node) (params []push.Param) {
	for name, value := range d.members(key, n) {
		p := push.Param{Name: name.Value, Type: push.String}
		places["params."+p.Name] = value
		if value.Kind == yaml.ScalarNode {
			p.Type = push.Type(textOf(value))
			params = append(params, p)
			continue
		}
		for field, v := range d.members(join(key, p.Name), value) {
			switch field.Value {
			case "type":
				p.Type = push.Type(textOf(v))
			case "default":
				p.Default = d.json(join(key, p.Name+".default"), v)
			default:
				d.mistake(join(key, p.Name+"."+field.Value), field, "a parameter has type and default")
			}
		}
		params = append(params, p)
	}
	return params
}

// json is the node as JSON, with the order of its keys.
func (d *decoder) json(key string, n *yaml.Node) json.RawMessage {
	b, err := appendJSON(nil, n, 0)
	if err != nil {
		var bad *badNode
		if errors.As(err, &bad) {
			n = bad.node
		}
		d.mistake(key, n, "%v", err)
		return nil
	}
	return b
}
