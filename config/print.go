package config

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Print is the configuration as YAML, without its secrets.
func Print(c Config) string {
	var b strings.Builder
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	_ = e.Encode(nodeOf(c)) // values of this package always encode
	return b.String()
}

// nodeOf is a value as a node, with the texts quoted that YAML cannot have plain or in a block.
func nodeOf(value any) *yaml.Node {
	var n yaml.Node
	_ = n.Encode(value)
	quote(&n)
	return &n
}

// plain matches texts of one line that the encoder prints plain, or in quotes where they would be something else.
var plain = regexp.MustCompile(`^[\p{L}\p{N}\p{P}\p{S} ]*$`)

func quote(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" && n.Style != yaml.DoubleQuotedStyle {
		n.Style = yaml.DoubleQuotedStyle
		if plain.MatchString(n.Value) {
			n.Style = 0
		}
	}
	for _, child := range n.Content {
		quote(child)
	}
}

// flow is a value on one line.
func flow(value any) *yaml.Node {
	n := nodeOf(value)
	n.Style |= yaml.FlowStyle
	return n
}

// mapping is a mapping that keeps the order of its members.
type mapping struct{ node yaml.Node }

func (m *mapping) add(name string, value any) {
	m.node.Content = append(m.node.Content, nodeOf(name), nodeOf(value))
}

// MarshalYAML implements yaml.Marshaler.
func (m *mapping) MarshalYAML() (any, error) {
	m.node.Kind = yaml.MappingNode
	return &m.node, nil
}

// listOrNull is a list as YAML has it: null where it was left out, which the encoder would print as an empty one.
func listOrNull[T any](list []T) any {
	if list == nil {
		return nil
	}
	return list
}
