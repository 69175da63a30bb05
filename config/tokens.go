package config

import (
	"go.yaml.in/yaml/v3"

	"scenecast"
	"scenecast/label"
	"scenecast/language"
)

// ClientToken is what pages show to be let in.
type ClientToken struct {
	Token  Secret
	Labels label.Set // that its pages have and cannot change; of a known user, scenecast.LabelUser too
}

// ClientTokens is a list of tokens; nil where it was left out.
type ClientTokens []ClientToken

// tokenFields are the keys of an entry that is a mapping.
type tokenFields struct {
	Token  Secret      `yaml:"token"`
	Labels tokenLabels `yaml:"labels,omitempty"`
	User   userName    `yaml:"user,omitempty"`
}

// UnmarshalYAML reads a list of tokens, each a text or {token, labels, user}.
func (t *ClientTokens) UnmarshalYAML(n *yaml.Node) (err error) {
	if n = dereference(n); n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		return language.Errorf("is empty, so no page could connect; left out, `scenecast serve` makes a token for each run")
	}
	*t, err = decodeList(n, language.Textf("tokens, each a text or {token, labels, user}"), func(item *yaml.Node) (token ClientToken, err error) {
		err = token.UnmarshalYAML(item)
		return token, err
	})
	return err
}

func (t ClientTokens) byComma() {}

// MarshalYAML implements yaml.Marshaler.
func (t ClientTokens) MarshalYAML() (any, error) { return listOrNull(t), nil }

// UnmarshalYAML reads a text or {token, labels, user}.
func (t *ClientToken) UnmarshalYAML(n *yaml.Node) error {
	var f tokenFields
	switch n = dereference(n); n.Kind {
	case yaml.MappingNode:
		if err := decode(n, &f); err != nil {
			return err
		}
	case yaml.SequenceNode:
		return language.Errorf("an entry is a text or {token, labels, user}, not a list")
	default:
		f.Token = Secret(textOf(n))
	}
	if f.Token == "" {
		return language.Errorf("holds an empty token")
	}
	labels := f.Labels
	if f.User != "" {
		labels = append(labels, label.Label{Key: scenecast.LabelUser, Value: string(f.User)})
	}
	*t = ClientToken{f.Token, label.New(labels...)}
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (t ClientToken) MarshalYAML() (any, error) {
	if t.Labels.Len() == 0 {
		return t.Token, nil
	}
	f := tokenFields{Token: t.Token}
	for l := range t.Labels.All() {
		if l.Key == scenecast.LabelUser {
			f.User = userName(l.Value)
		} else {
			f.Labels = append(f.Labels, l)
		}
	}
	return flow(f), nil
}

// userName is the user whose pages have a token.
type userName string

// UnmarshalText refuses the empty name, which would be nobody's.
func (u *userName) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return language.Errorf("takes the name of a user, or is left out")
	}
	*u = userName(text)
	return nil
}

// tokenLabels are the labels that a token brings, sorted where they are printed.
type tokenLabels []label.Label

// UnmarshalYAML reads a mapping of keys to a value, or to several.
func (t *tokenLabels) UnmarshalYAML(n *yaml.Node) error {
	var bad badNodes
	for name, value := range bad.members(n) {
		if err := checkLabelKey(name.Value); err != nil {
			bad.adopt(name.Value, name, err)
		}
		values := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			values = value.Content
		}
		if len(values) == 0 {
			bad.add(name.Value, value, "has no value") // and would be no label, which the page could set then
		}
		for _, v := range values {
			if v = dereference(v); v.Kind != yaml.ScalarNode || isNull(v) {
				bad.add(name.Value, v, "takes a text or a list of texts")
				continue
			}
			*t = append(*t, label.Label{Key: name.Value, Value: v.Value})
		}
	}
	return bad.err()
}

// MarshalYAML implements yaml.Marshaler.
func (t tokenLabels) MarshalYAML() (any, error) {
	m := new(mapping)
	set := label.New(t...)
	for _, key := range set.Keys() {
		if values := set.Values(key); len(values) == 1 {
			m.add(key, values[0])
		} else {
			m.add(key, flow(values))
		}
	}
	return m, nil
}

// LabelKeys is a list of label keys; nil where it was left out.
type LabelKeys []string

// UnmarshalYAML reads a list of keys. It is not nil where the list is empty, which is none and not any.
func (k *LabelKeys) UnmarshalYAML(n *yaml.Node) (err error) {
	*k, err = decodeTexts(n, language.Textf("label keys"), func(text string) (string, error) { return text, checkLabelKey(text) })
	return err
}

func (k LabelKeys) byComma() {}

// MarshalYAML implements yaml.Marshaler.
func (k LabelKeys) MarshalYAML() (any, error) { return listOrNull([]string(k)), nil }

// checkLabelKey finds what is wrong with a label's key.
func checkLabelKey(k string) error {
	switch {
	case label.Reserved(k):
		return language.Errorf("%s: label keys that begin with @ are the server's own", k)
	case !label.ValidKey(k):
		return language.Errorf("%q is no label key: a key is a letter or '_', then letters, digits, '_' or '-'", k)
	}
	return nil
}
