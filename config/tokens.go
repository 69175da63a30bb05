package config

import (
	"strconv"

	"go.yaml.in/yaml/v3"

	"scenecast"
	"scenecast/label"
)

// entry names an entry of a list, to remember where it came from.
func entry(key string, i int) string { return key + "[" + strconv.Itoa(i) + "]" }

// clientTokens reads a list of tokens, each a text or {token, labels, user}.
func (d *decoder) clientTokens(key string, n *yaml.Node) (tokens []ClientToken) {
	if n.Kind != yaml.SequenceNode {
		d.mistake(key, n, "takes a list of tokens, each a text or {token, labels, user}, not a %s", kindName(n))
		return nil
	}
	for i, item := range n.Content {
		item = dereference(item)
		t := ClientToken{Token: textOf(item)}
		if item.Kind == yaml.MappingNode {
			t = d.clientToken(key, item)
		}
		switch {
		case item.Kind == yaml.SequenceNode:
			d.mistake(key, item, "an entry is a text or {token, labels, user}, not a list")
		case t.Token == "":
			d.mistake(key, item, "holds an empty token")
		}
		d.places[entry(key, i)] = d.place(item)
		tokens = append(tokens, t)
	}
	return tokens
}

func (d *decoder) clientToken(key string, n *yaml.Node) (t ClientToken) {
	var labels []label.Label
	for name, value := range d.members(key, n) {
		at := join(key, name.Value)
		switch name.Value {
		case "token":
			t.Token = textOf(value)
		case "labels":
			labels = append(labels, d.labels(at, value)...)
		case "user":
			switch user := textOf(value); {
			case isNull(value): // left out
			case user == "":
				d.mistake(at, value, "takes the name of a user, or is left out")
			default:
				labels = append(labels, label.Label{Key: scenecast.LabelUser, Value: user})
			}
		default:
			d.mistake(at, name, "a client token has token, labels and user")
		}
	}
	t.Labels = label.New(labels...)
	return t
}

// labels reads a mapping of keys to a value, or to several.
func (d *decoder) labels(key string, n *yaml.Node) (labels []label.Label) {
	for name, value := range d.members(key, n) {
		at := join(key, name.Value)
		d.labelKey(at, name, name.Value)
		values := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			values = value.Content
		}
		if len(values) == 0 {
			d.mistake(at, value, "has no value") // and would be no label, which the page could set then
		}
		for _, v := range values {
			if v = dereference(v); v.Kind != yaml.ScalarNode || isNull(v) {
				d.mistake(at, v, "takes a text or a list of texts")
				continue
			}
			labels = append(labels, label.Label{Key: name.Value, Value: v.Value})
		}
	}
	return labels
}

// labelKeys reads a list of keys. It is not nil where the list is empty, which is none and not any.
func (d *decoder) labelKeys(key string, n *yaml.Node) []string {
	keys := []string{}
	for item, k := range d.texts(key, n) {
		d.labelKey(key, item, k)
		keys = append(keys, k)
	}
	return keys
}

// labelKey finds what is wrong with a label's key.
func (d *decoder) labelKey(key string, at *yaml.Node, k string) {
	switch {
	case label.Reserved(k):
		d.mistake(key, at, "%s: label keys that begin with @ are the server's own", k)
	case !label.ValidKey(k):
		d.mistake(key, at, "%q is no label key: a key is a letter or '_', then letters, digits, '_' or '-'", k)
	}
}
