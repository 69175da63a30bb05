package config

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"scenecast"
)

// Reference is a configuration file with every setting, its default and what it does. The words TOKEN and KEY stand where
// a file of somebody's own has secrets.
//
//go:embed scenecast.yaml
var Reference string

// New is the reference with secrets in it, as `config init` writes it.
func New(clientToken, apiKey string) string {
	return strings.NewReplacer(`"TOKEN"`, fmt.Sprintf("%q", clientToken), `"KEY"`, fmt.Sprintf("%q", apiKey)).Replace(Reference)
}

// hidden stands where a secret was.
const hidden = "(hidden)"

// Print is the configuration as YAML, without its secrets.
func Print(c Config) string {
	var b strings.Builder
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	_ = e.Encode(sectionNode(settingsOf(&c))) // a node made here always encodes
	return b.String()
}

func sectionNode(settings []setting) *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range names(settings) {
		below := below(settings, name)
		value := sectionNode
		if below[0].key == "" {
			value = func(s []setting) *yaml.Node { return valueNode(s[0].field.Interface()) }
		}
		m.Content = append(m.Content, text(name), value(below))
	}
	return m
}

func valueNode(value any) *yaml.Node {
	list, mapping := &yaml.Node{Kind: yaml.SequenceNode}, &yaml.Node{Kind: yaml.MappingNode}
	switch value := value.(type) {
	case []ClientToken:
		for _, t := range value {
			list.Content = append(list.Content, t.node())
		}
		return list
	case []APIKey:
		for _, k := range value {
			list.Content = append(list.Content, flow(map[string]any{"name": k.Name, "key": hidden, "allow": k.Allow}))
		}
		return list
	case []Trigger:
		for _, t := range value {
			mapping.Content = append(mapping.Content, text(t.Name), t.node())
		}
		return mapping
	case []App:
		for _, a := range value {
			mapping.Content = append(mapping.Content, text(a.Name), sectionNode(settingsOf(&a.AppSettings)))
		}
		return mapping
	case fmt.Stringer:
		return text(value.String())
	default:
		return flow(value)
	}
}

func (t ClientToken) node() *yaml.Node {
	if t.Labels.Len() == 0 {
		return flow(hidden)
	}
	m := map[string]any{"token": hidden}
	if user := t.Labels.Values(scenecast.LabelUser); len(user) > 0 {
		m["user"] = user[0]
	}
	if labels := t.Labels.With(scenecast.LabelUser); labels.Len() > 0 {
		m["labels"] = labels
	}
	return flow(m)
}

func (t Trigger) node() *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode}
	if len(t.Declaration.Params) > 0 {
		params := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		for _, p := range t.Declaration.Params {
			spec := map[string]any{"type": p.Type}
			if p.Default != nil {
				spec["default"] = p.Default
			}
			params.Content = append(params.Content, text(p.Name), flow(spec))
		}
		m.Content = append(m.Content, text("params"), params)
	}
	m.Content = append(m.Content, text("to"), flow(t.Declaration.To), text("message"), flow(t.Declaration.Message))
	if t.Declaration.TTL > 0 {
		m.Content = append(m.Content, text("ttl"), text(Duration(t.Declaration.TTL).String()))
	}
	for _, f := range []struct{ name, value string }{
		{"event", t.Declaration.Event}, {"coalesce", t.Declaration.Coalesce}, {"retain", t.Declaration.Retain},
	} {
		if f.value != "" {
			m.Content = append(m.Content, text(f.name), flow(f.value))
		}
	}
	return m
}

func text(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }

// flow is a value on one line, as in JSON.
func flow(value any) *yaml.Node {
	b, _ := json.Marshal(value) // texts, numbers and what was JSON before
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return flowNode(d)
}

// flowNode is the next value as YAML, which cannot have every text that JSON has in the form that JSON gives it.
func flowNode(d *json.Decoder) *yaml.Node {
	token, _ := d.Token()
	switch token := token.(type) {
	case json.Delim:
		n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		if token == '{' {
			n.Kind = yaml.MappingNode
		}
		for d.More() {
			n.Content = append(n.Content, flowNode(d))
		}
		_, _ = d.Token() // the closing one
		return n
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: token, Style: yaml.DoubleQuotedStyle}
	case nil:
		return text("null")
	default:
		return text(fmt.Sprint(token))
	}
}
