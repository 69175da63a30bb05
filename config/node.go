package config

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"go.yaml.in/yaml/v3"

	"scenecast/language"
)

// badNode is what is wrong with a node.
type badNode struct {
	key    string // below the value that was decoded, as in labels.plan; empty: the value itself
	node   *yaml.Node
	detail language.Text
}

// badNodes is the error of UnmarshalYAML of the types in this package: all that is wrong with a value. The nodes have the
// lines; the decoder adds the source and the key of the setting.
type badNodes []badNode

// Error implements error, for values that are decoded without the decoder.
func (b badNodes) Error() string {
	var lines []string
	for _, bad := range b {
		lines = append(lines, (&Mistake{Source: fmt.Sprintf("line %d", bad.node.Line), Key: bad.key, Detail: bad.detail}).Error())
	}
	return strings.Join(lines, "\n")
}

// err is the error for all of them, nil for none.
func (b badNodes) err() error {
	if len(b) == 0 {
		return nil
	}
	return b
}

// isBad is the error of a value with one thing wrong.
func isBad(n *yaml.Node, format string, args ...any) error {
	return badAt(n, "", format, args...)
}

// badAt is the error of a value that has one thing wrong at a key of it.
func badAt(n *yaml.Node, key, format string, args ...any) error {
	return badNodes{{key, n, language.Textf(format, args...)}}
}

// add notes what is wrong with a node.
func (b *badNodes) add(key string, n *yaml.Node, format string, args ...any) {
	*b = append(*b, badNode{key, n, language.Textf(format, args...)})
}

// adopt notes what was wrong with the value of a key.
func (b *badNodes) adopt(key string, n *yaml.Node, err error) {
	var below badNodes
	switch {
	case err == nil:
	case errors.As(err, &below):
		for _, bad := range below {
			*b = append(*b, badNode{join(key, bad.key), bad.node, bad.detail})
		}
	default:
		b.add(key, n, "%v", err)
	}
}

// members ranges over a mapping and notes where it is none, and a key that is there twice. Aliases are what they stand for.
func (b *badNodes) members(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(name, value *yaml.Node) bool) {
		if n = dereference(n); isNull(n) {
			return // `labels:` with everything below it commented out
		}
		if n.Kind != yaml.MappingNode {
			b.add("", n, "takes a mapping of keys to values, not a %s", kindName(n))
			return
		}
		seen := make(map[string]int) // the line of each
		for i := 0; i < len(n.Content); i += 2 {
			name, value := dereference(n.Content[i]), dereference(n.Content[i+1])
			switch first := seen[name.Value]; first {
			case 0:
			case name.Line:
				b.add(name.Value, name, "is there twice")
				continue
			default:
				b.add(name.Value, name, "is there twice: in line %d as well", first)
				continue
			}
			seen[name.Value] = name.Line
			if !yield(name, value) {
				return
			}
		}
	}
}

// decodeList decodes each item of a list; what is the words for what the list takes. An item that is wrong stays in the
// list as its zero value, so that items have the indexes of their nodes. The list is not nil where it is empty.
func decodeList[T any](n *yaml.Node, what language.Text, decode func(item *yaml.Node) (T, error)) ([]T, error) {
	n = dereference(n)
	if n.Kind != yaml.SequenceNode {
		return nil, isBad(n, "takes a list of %s, not a %s", what, kindName(n))
	}
	var bad badNodes
	list := make([]T, len(n.Content))
	for i, item := range n.Content {
		var err error
		item = dereference(item)
		list[i], err = decode(item)
		bad.adopt("", item, err)
	}
	return list, bad.err()
}

// decodeTexts decodes a list of texts.
func decodeTexts[T any](n *yaml.Node, what language.Text, parse func(text string) (T, error)) ([]T, error) {
	return decodeList(n, what, func(item *yaml.Node) (value T, err error) {
		if item.Kind != yaml.ScalarNode {
			return value, language.Errorf("an entry is a text, not a %s", kindName(item))
		}
		return parse(textOf(item))
	})
}

// memberAt is the value of a setting in a file; nil where it is left out.
func memberAt(n *yaml.Node, key string) *yaml.Node {
	name, rest, nested := strings.Cut(key, ".")
	if n = dereference(n); n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i < len(n.Content); i += 2 {
		switch {
		case dereference(n.Content[i]).Value != name:
		case nested:
			return memberAt(n.Content[i+1], rest)
		default:
			return n.Content[i+1]
		}
	}
	return nil
}

// nodeAt is the node that a place lies in: that of `params.order` for `params.order`, that of `to` for `to.column 9`.
func nodeAt(n *yaml.Node, place string) *yaml.Node {
	if n = dereference(n); n.Kind == yaml.MappingNode {
		for i := 0; i < len(n.Content); i += 2 {
			if rest, ok := strings.CutPrefix(place, dereference(n.Content[i]).Value); ok && (rest == "" || rest[0] == '.') {
				return nodeAt(n.Content[i+1], strings.TrimPrefix(rest, "."))
			}
		}
	}
	return n
}

// dereference is what an alias stands for, or the node itself.
func dereference(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// textOf is the text of a single value; empty for null, which must not become a secret that reads null, and for the rest.
func textOf(n *yaml.Node) string {
	if isNull(n) {
		return ""
	}
	return n.Value
}

func kindName(n *yaml.Node) language.Text {
	switch n.Kind {
	case yaml.MappingNode:
		return language.Textf("mapping")
	case yaml.SequenceNode:
		return language.Textf("list")
	default:
		return language.Textf("single value")
	}
}
