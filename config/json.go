package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// What becomes of a piece of YAML is bounded, because aliases make much of little; one within itself has no end.
const (
	maxNesting = 32
	maxJSON    = 1 << 20 // bytes
)

// JSON is a value of any form, which pages get as it stands in the file: the order of keys, the spelling of numbers. Nil
// where it was left out.
type JSON json.RawMessage

func (j JSON) raw() json.RawMessage { return json.RawMessage(j) }

// UnmarshalYAML converts the node to JSON.
func (j *JSON) UnmarshalYAML(n *yaml.Node) error {
	b, err := appendJSON(nil, n, 0)
	if err != nil {
		return err
	}
	*j = b
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (j JSON) MarshalYAML() (any, error) {
	d := json.NewDecoder(bytes.NewReader(j))
	d.UseNumber()
	return nextNode(d), nil
}

// nextNode is the next value of the decoder as a node, in flow style.
func nextNode(d *json.Decoder) *yaml.Node {
	token, _ := d.Token()
	switch token := token.(type) {
	case json.Delim:
		n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		if token == '{' {
			n.Kind = yaml.MappingNode
		}
		for d.More() {
			n.Content = append(n.Content, nextNode(d))
		}
		_, _ = d.Token() // the closing one
		return n
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: token, Style: yaml.DoubleQuotedStyle}
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	default:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(token)}
	}
}

// appendJSON appends the node as JSON. The keys of a mapping keep their order, because pages get a message verbatim, and
// the tutorial's has message before code; a map of Go's would not.
func appendJSON(b []byte, n *yaml.Node, depth int) ([]byte, error) {
	if depth > maxNesting {
		return nil, isBad(n, "nests deeper than %d", maxNesting)
	}
	if len(b) > maxJSON {
		return nil, isBad(n, "is longer than %v", Size(maxJSON))
	}
	var err error
	switch n.Kind {
	case yaml.AliasNode:
		return appendJSON(b, n.Alias, depth+1)
	case yaml.MappingNode:
		b = append(b, '{')
		seen := make(map[string]bool)
		for i := 0; i < len(n.Content); i += 2 {
			name := dereference(n.Content[i])
			if name.Kind != yaml.ScalarNode {
				return nil, isBad(name, "a key is a text")
			}
			if seen[name.Value] {
				return nil, isBad(name, "the key %s is there twice", name.Value)
			}
			seen[name.Value] = true
			b = append(appendText(separate(b, i), name.Value), ':')
			if b, err = appendJSON(b, n.Content[i+1], depth+1); err != nil {
				return nil, err
			}
		}
		return append(b, '}'), nil
	case yaml.SequenceNode:
		b = append(b, '[')
		for i, item := range n.Content {
			if b, err = appendJSON(separate(b, i), item, depth+1); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	default:
		return appendScalar(b, n)
	}
}

func separate(b []byte, i int) []byte {
	if i == 0 {
		return b
	}
	return append(b, ',')
}

// appendScalar keeps a number's spelling where JSON has it as well: 1.10 stays 1.10.
func appendScalar(b []byte, n *yaml.Node) ([]byte, error) {
	switch n.ShortTag() {
	case "!!null":
		return append(b, "null"...), nil
	case "!!bool":
		return strconv.AppendBool(b, strings.EqualFold(n.Value, "true")), nil
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return append(b, n.Value...), nil
		}
		return appendNumber(b, n)
	default: // texts, and what YAML takes for dates
		return appendText(b, n.Value), nil
	}
}

// appendNumber converts the spellings that only YAML has, as 0x10, 1_000 and .5.
func appendNumber(b []byte, n *yaml.Node) ([]byte, error) {
	var number any
	if n.Decode(&number) == nil {
		if text, err := json.Marshal(number); err == nil { // not of .inf and .nan
			return append(b, text...), nil
		}
	}
	return nil, isBad(n, "%s is no number that JSON has; in quotes it is a text", n.Value)
}

func appendText(b []byte, text string) []byte {
	var quoted bytes.Buffer
	e := json.NewEncoder(&quoted)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string always encodes
	return append(b, bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))...)
}
