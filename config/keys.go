package config

import (
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"scenecast/auth"
)

// APIKey is a backend's key.
type APIKey struct {
	Name  string `yaml:"name"`
	Key   Secret `yaml:"key"`
	Allow Scopes `yaml:"allow"`
}

// APIKeys is a list of keys; nil where it was left out.
type APIKeys []APIKey

// UnmarshalYAML reads a list of {name, key, allow}.
func (k *APIKeys) UnmarshalYAML(n *yaml.Node) (err error) {
	*k, err = decodeList(n, "{name, key, allow}", func(item *yaml.Node) (key APIKey, err error) {
		err = key.UnmarshalYAML(item)
		return key, err
	})
	return err
}

// MarshalYAML implements yaml.Marshaler.
func (k APIKeys) MarshalYAML() (any, error) { return listOrNull(k), nil }

// UnmarshalYAML reads {name, key, allow}.
func (k *APIKey) UnmarshalYAML(n *yaml.Node) error {
	type plain APIKey
	key := plain{Allow: auth.Scopes}
	if n = dereference(n); n.Kind != yaml.MappingNode {
		return fmt.Errorf("an entry is {name, key, allow}, not a %s", kindName(n))
	}
	if err := decode(n, &key); err != nil {
		return err
	}
	if allow := nodeAt(n, "allow"); isNull(allow) || len(key.Allow) == 0 {
		return badNodes{{"allow", allow, "is empty, so the key may do nothing; leave it out for all of " + fmt.Sprint(auth.Scopes)}}
	}
	if key.Name == "" || key.Key == "" {
		return errors.New("an API key needs a name (for the log) and a key (the secret)")
	}
	*k = APIKey(key)
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (k APIKey) MarshalYAML() (any, error) {
	type plain APIKey
	return flow(plain(k)), nil
}

// Scopes are what a key may do.
type Scopes []auth.Scope

// UnmarshalYAML reads a list of scopes.
func (s *Scopes) UnmarshalYAML(n *yaml.Node) (err error) {
	*s, err = decodeTexts(n, "scopes", func(text string) (auth.Scope, error) {
		scope := auth.Scope(text)
		if !slices.Contains(auth.Scopes, scope) {
			return "", fmt.Errorf("%q is no scope; the scopes are %v", text, auth.Scopes)
		}
		return scope, nil
	})
	return err
}
