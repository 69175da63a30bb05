package config

import (
	"encoding/hex"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"scenecast/audience"
	"scenecast/auth"
	"scenecast/language"
)

// APIKey is a backend's key.
type APIKey struct {
	Name     string       `yaml:"name"`
	Key      Secret       `yaml:"key"` // the key itself, or sha256: and its digest
	Allow    Scopes       `yaml:"allow"`
	Within   Within       `yaml:"within,omitempty"`   // zero: all pages of its app
	Triggers TriggerNames `yaml:"triggers,omitempty"` // nil: all of its app
	Rate     KeyRate      `yaml:"rate,omitempty"`
}

// KeyRate bounds what a key does in a second, on each node. 0: no limit.
type KeyRate struct {
	Pushes     int `yaml:"pushes,omitempty"`
	Deliveries int `yaml:"deliveries,omitempty"` // pages that pushes match, added up
}

// keyForm is what an entry looks like.
const keyForm = "{name, key, allow, within, triggers, rate}"

// APIKeys is a list of keys; nil where it was left out.
type APIKeys []APIKey

// UnmarshalYAML reads a list of keys.
func (k *APIKeys) UnmarshalYAML(n *yaml.Node) (err error) {
	*k, err = decodeList(n, language.Textf("%s", keyForm), func(item *yaml.Node) (key APIKey, err error) {
		err = key.UnmarshalYAML(item)
		return key, err
	})
	return err
}

// MarshalYAML implements yaml.Marshaler.
func (k APIKeys) MarshalYAML() (any, error) { return listOrNull(k), nil }

// UnmarshalYAML reads one key.
func (k *APIKey) UnmarshalYAML(n *yaml.Node) error {
	type plain APIKey
	key := plain{Allow: auth.DefaultScopes}
	if n = dereference(n); n.Kind != yaml.MappingNode {
		return language.Errorf("an entry is %s, not a %s", keyForm, kindName(n))
	}
	if err := decode(n, &key); err != nil {
		return err
	}
	for _, name := range []string{"within", "triggers"} { // left empty by mistake, it would let the key do everything
		if m := memberAt(n, name); m != nil && isNull(m) {
			return badAt(m, name, "is empty; leave it out for all of the app's")
		}
	}
	if allow := nodeAt(n, "allow"); isNull(allow) || len(key.Allow) == 0 {
		return badAt(allow, "allow", "is empty, so the key may do nothing; leave it out for all of %v", auth.DefaultScopes)
	}
	if key.Name == "" || key.Key == "" {
		return language.Errorf("an API key needs a name (for the log) and a key (the secret)")
	}
	if _, err := digestOf(string(key.Key)); err != nil {
		return badAt(nodeAt(n, "key"), "key", "%v", err)
	}
	*k = APIKey(key)
	return k.checkScopes(n)
}

// checkScopes finds what the key is given beside a scope that it would take.
func (k *APIKey) checkScopes(n *yaml.Node) error {
	switch {
	case k.Triggers != nil && !slices.Contains(k.Allow, auth.Trigger):
		return badAt(nodeAt(n, "triggers"), "triggers", "needs the scope %s, and allow is %v", auth.Trigger, k.Allow)
	case !k.Within.IsZero() && slices.Contains(k.Allow, auth.Admin):
		return badAt(nodeAt(n, "allow"), "allow", "%s is of the whole server, and the key is confined to an audience (within)", auth.Admin)
	}
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (k APIKey) MarshalYAML() (any, error) {
	type plain APIKey
	return flow(plain(k)), nil
}

// DigestPrefix begins a key that is given by its SHA-256, in hexadecimal, so that the file need not hold it.
const DigestPrefix = "sha256:"

// Digest is the SHA-256 of the key.
func (k APIKey) Digest() auth.Digest {
	d, _ := digestOf(string(k.Key)) // checked when it was read
	return d
}

// IsDigest reports whether the key itself is not known, but only its digest.
func (k APIKey) IsDigest() bool { return strings.HasPrefix(string(k.Key), DigestPrefix) }

// digestOf is the digest of a key, of which the text may be the digest already.
func digestOf(key string) (d auth.Digest, err error) {
	text, ok := strings.CutPrefix(key, DigestPrefix)
	if !ok {
		return auth.DigestOf(key), nil
	}
	if n, err := hex.Decode(d[:], []byte(text)); err != nil || n != len(d) || len(text) != hex.EncodedLen(len(d)) {
		return d, language.Errorf("begins with %s, and what follows is no SHA-256: that has %d hexadecimal digits, as `scenecast token key` prints it",
			DigestPrefix, hex.EncodedLen(len(d)))
	}
	return d, nil
}

// Within is the audience to which a key is confined.
type Within struct{ audience.Expr }

// UnmarshalYAML reads an audience in either spelling.
func (w *Within) UnmarshalYAML(n *yaml.Node) error {
	var text JSON
	if err := text.UnmarshalYAML(n); err != nil {
		return err
	}
	e, err := audience.ParseJSON(text)
	if err != nil {
		return err
	}
	if e.Root().Op == audience.OpEverybody {
		return language.Errorf("is everybody, which confines to nothing; leave it out")
	}
	w.Expr = e
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (w Within) MarshalYAML() (any, error) { return w.String(), nil }

// TriggerNames are the names of triggers; nil where they were left out.
type TriggerNames []string

// IsZero implements yaml.IsZeroer: an empty list is none, and not any.
func (t TriggerNames) IsZero() bool { return t == nil }

// UnmarshalYAML reads a list of names.
func (t *TriggerNames) UnmarshalYAML(n *yaml.Node) (err error) {
	*t, err = decodeTexts(n, language.Textf("names of triggers"), func(text string) (string, error) {
		if text == "" {
			return "", language.Errorf("holds an empty name")
		}
		return text, nil
	})
	return err
}

// Auth is the key as the server knows it, without its secret.
func (k APIKey) Auth(app string) auth.Key {
	return auth.Key{App: app, Name: k.Name, Scopes: k.Allow, Within: k.Within.Expr, Triggers: k.Triggers, Rate: auth.Rate(k.Rate)}
}

// Scopes are what a key may do.
type Scopes []auth.Scope

// UnmarshalYAML reads a list of scopes.
func (s *Scopes) UnmarshalYAML(n *yaml.Node) (err error) {
	*s, err = decodeTexts(n, language.Textf("scopes"), func(text string) (auth.Scope, error) {
		scope := auth.Scope(text)
		if !slices.Contains(auth.Scopes, scope) {
			return "", language.Errorf("%q is no scope; the scopes are %v", text, auth.Scopes)
		}
		return scope, nil
	})
	return err
}
