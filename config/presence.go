package config

import (
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"scenecast/audience"
	"scenecast/language"
	"scenecast/presence"
)

// PresenceKey declares a label key whose values are scenes: pages that have the same one see each other.
type PresenceKey struct {
	Key        string    `yaml:"key"`
	Show       LabelKeys `yaml:"show,omitempty"` // labels that members show each other, where they are trusted
	Linger     Duration  `yaml:"linger"`
	MaxMembers int       `yaml:"max_members"`
}

// PresenceKeys are the declared keys of an app.
type PresenceKeys []PresenceKey

// presenceForm is the form of a key, for mistakes.
const presenceForm = "{key, show, linger, max_members}"

// maxPresenceMembers bounds max_members: pages get that many members in one message.
const maxPresenceMembers = 10_000

// UnmarshalYAML reads a list of keys.
func (p *PresenceKeys) UnmarshalYAML(n *yaml.Node) error {
	var keys []string
	read, err := decodeList(n, language.Textf("%s", presenceForm), func(item *yaml.Node) (k PresenceKey, err error) {
		if err = k.UnmarshalYAML(item); err == nil && slices.Contains(keys, k.Key) {
			err = badAt(nodeAt(item, "key"), "key", "%q is there twice", k.Key)
		}
		keys = append(keys, k.Key)
		return k, err
	})
	*p = read
	return err
}

// MarshalYAML implements yaml.Marshaler.
func (p PresenceKeys) MarshalYAML() (any, error) { return listOrNull(p), nil }

// UnmarshalYAML reads one key.
func (k *PresenceKey) UnmarshalYAML(n *yaml.Node) error {
	type plain PresenceKey
	read := plain{Linger: Duration(3 * time.Second), MaxMembers: 1000}
	if err := decodeHook(n, presenceForm, &read); err != nil {
		return err
	}
	if read.Key == "" {
		return language.Errorf("a declaration needs a key")
	}
	if err := checkLabelKey(read.Key); err != nil {
		return badAt(nodeAt(n, "key"), "key", "%v", err)
	}
	if _, err := audience.Parse(read.Key + ` == ""`); err != nil {
		return badAt(nodeAt(n, "key"), "key", "%q is a word of audiences, so no audience can have it as a key", read.Key)
	}
	if read.MaxMembers < 1 || read.MaxMembers > maxPresenceMembers {
		return badAt(nodeAt(n, "max_members"), "max_members", "must be from 1 to %d", maxPresenceMembers)
	}
	*k = PresenceKey(read)
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (k PresenceKey) MarshalYAML() (any, error) {
	type plain PresenceKey
	return flow(plain(k)), nil
}

// Presence are the keys as package presence has them.
func (p PresenceKeys) Presence() (keys []presence.Key) {
	for _, k := range p {
		keys = append(keys, presence.Key{Name: k.Key, Show: k.Show, Linger: time.Duration(k.Linger), MaxMembers: k.MaxMembers})
	}
	return keys
}
