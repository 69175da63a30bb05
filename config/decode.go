package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decoder puts YAML into a Config and collects mistakes as it goes, so that one run tells all of them. The yaml package's
// own decoding stops at types and cannot say which key it was.
type decoder struct {
	source   string            // the file, the variable or "command line"
	places   map[string]string // by setting, and by entry of one: where its value in force came from
	mistakes []error
	unread   []error // the mistakes before values were checked
}

// mistake notes what is wrong with a setting at a place of the file.
func (d *decoder) mistake(key string, at *yaml.Node, format string, args ...any) {
	d.mistakes = append(d.mistakes, &Mistake{Source: d.place(at), Key: key, Detail: fmt.Sprintf(format, args...)})
}

func (d *decoder) place(n *yaml.Node) string {
	if n == nil || n.Line == 0 {
		return d.source
	}
	return d.source + ":" + strconv.Itoa(n.Line)
}

// text puts one setting that came as text, from a variable or a flag.
func (d *decoder) text(source, key, text string, c *Config) {
	d.source = source
	field := fieldOf(c, key)
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	switch field.Interface().(type) {
	case []netip.Prefix:
		node = d.list(key, text)
	case []string, Origins:
		if node = d.list(key, text); node != nil && len(node.Content) == 0 && !strings.Contains(text, "[") {
			// No items would be none, and no variable any: an empty one may be meant as either.
			d.mistake(key, nil, "is empty; write [] for none")
			return
		}
	case []ClientToken:
		node = d.list(key, text)
	case []APIKey, []Trigger, []App:
		node = d.parse(key, text)
	}
	if node != nil {
		d.value(key, node, field)
	}
}

// list reads a list by comma, or in YAML where it begins with a bracket. Nil: it is a mistake.
func (d *decoder) list(key, text string) *yaml.Node {
	if strings.HasPrefix(strings.TrimSpace(text), "[") {
		return d.parse(key, text)
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list.Content = append(list.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: item})
		}
	}
	return list
}

// parse reads the text as YAML, of which JSON is a part; its lines mean nothing to anybody. Nil: it is a mistake.
func (d *decoder) parse(key, text string) *yaml.Node {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil || len(document.Content) == 0 {
		d.mistake(key, nil, "cannot be read as YAML or JSON")
		return nil
	}
	clearLines(document.Content[0])
	return document.Content[0]
}

func clearLines(n *yaml.Node) {
	n.Line = 0
	for _, child := range n.Content {
		clearLines(child)
	}
}

// value puts a node into the field of a setting.
func (d *decoder) value(key string, n *yaml.Node, v reflect.Value) {
	if isNull(n) {
		return // `labels:` with everything below it commented out
	}
	d.places[key] = d.place(n)
	switch field := v.Addr().Interface().(type) {
	case *[]APIKey:
		*field = d.apiKeys(key, n)
		return
	case *[]Trigger:
		*field = d.triggers(key, n)
		return
	case *[]ClientToken:
		*field = d.clientTokens(key, n)
		return
	case *[]App:
		*field = d.apps(key, n)
		return
	case *[]string:
		*field = d.labelKeys(key, n)
		return
	case *[]netip.Prefix:
		*field = d.networks(key, n)
		return
	case *Origins:
		*field = d.origins(key, n)
		return
	}
	if n.Kind != yaml.ScalarNode {
		d.mistake(key, n, "takes one value, not a %s", kindName(n))
		return
	}
	if err := setScalar(v, n.Value); err != nil {
		d.mistake(key, n, "%v", err)
	}
}

// setScalar leaves the field as it is where the text is wrong.
func setScalar(v reflect.Value, text string) error {
	switch field := v.Addr().Interface().(type) {
	case *string:
		*field = text
	case *bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("takes true or false, not %q", text)
		}
		*field = text == "true"
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return fmt.Errorf("takes a whole number, not %q", text)
		}
		*field = n
	case *Duration:
		d, err := parseDuration(text)
		if err != nil {
			return err
		}
		*field = d
	case *Size:
		s, err := parseSize(text)
		if err != nil {
			return err
		}
		*field = s
	default:
		panic("config: no decoding for " + v.Type().String())
	}
	return nil
}

// section puts a mapping into settings, whose keys go on from the section's.
func (d *decoder) section(key string, n *yaml.Node, settings []setting) {
	for name, value := range d.members(key, n) {
		at := join(key, name.Value)
		switch below := below(settings, name.Value); {
		case len(below) == 0:
			d.mistake(at, name, "there is no such setting%s", didYouMean(name.Value, names(settings)))
		case below[0].key == "":
			d.value(at, value, below[0].field)
		default:
			d.section(at, value, below)
		}
	}
}

// members ranges over a mapping; a key that is there twice is a mistake.
func (d *decoder) members(key string, n *yaml.Node) func(yield func(name, value *yaml.Node) bool) {
	return func(yield func(name, value *yaml.Node) bool) {
		if isNull(n) {
			return
		}
		if n.Kind != yaml.MappingNode {
			d.mistake(key, n, "takes a mapping of keys to values, not a %s", kindName(n))
			return
		}
		seen := make(map[string]bool)
		for i := 0; i < len(n.Content); i += 2 {
			name, value := dereference(n.Content[i]), dereference(n.Content[i+1])
			if seen[name.Value] {
				d.mistake(join(key, name.Value), name, "is there twice")
				continue
			}
			seen[name.Value] = true
			if !yield(name, value) {
				return
			}
		}
	}
}

// texts ranges over a list of texts.
func (d *decoder) texts(key string, n *yaml.Node) func(yield func(item *yaml.Node, text string) bool) {
	return func(yield func(item *yaml.Node, text string) bool) {
		if isNull(n) {
			return
		}
		if n.Kind != yaml.SequenceNode {
			d.mistake(key, n, "takes a list, not a %s", kindName(n))
			return
		}
		for _, item := range n.Content {
			if item = dereference(item); item.Kind != yaml.ScalarNode {
				d.mistake(key, item, "takes a list of texts")
				continue
			}
			if !yield(item, textOf(item)) {
				return
			}
		}
	}
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

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "mapping"
	case yaml.SequenceNode:
		return "list"
	default:
		return "single value"
	}
}
