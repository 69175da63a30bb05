package config

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
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
	c.ClientTokens = append([]string(nil), c.ClientTokens...)
	for i := range c.ClientTokens {
		c.ClientTokens[i] = hidden
	}
	c.APIKeys = append([]APIKey(nil), c.APIKeys...)
	for i := range c.APIKeys {
		c.APIKeys[i].Key = hidden
	}
	var b strings.Builder
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	_ = e.Encode(nodeOf(reflect.ValueOf(c))) // a node made here always encodes
	return b.String()
}

func nodeOf(v reflect.Value) *yaml.Node {
	switch value := v.Interface().(type) {
	case []APIKey:
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for _, k := range value {
			list.Content = append(list.Content, flow(map[string]any{"name": k.Name, "key": k.Key, "allow": k.Allow}))
		}
		return list
	case []Trigger:
		m := &yaml.Node{Kind: yaml.MappingNode}
		for _, t := range value {
			m.Content = append(m.Content, text(t.Name), t.node())
		}
		return m
	case fmt.Stringer:
		return text(value.String())
	}
	if v.Kind() != reflect.Struct {
		return flow(v.Interface())
	}
	m := &yaml.Node{Kind: yaml.MappingNode}
	for i := range v.NumField() {
		m.Content = append(m.Content, text(v.Type().Field(i).Tag.Get("yaml")), nodeOf(v.Field(i)))
	}
	return m
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
