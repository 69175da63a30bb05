package config

import (
	"iter"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"scenecast/language"
	"scenecast/protocol/pusher/app"
	"scenecast/protocol/pusher/signature"
	"scenecast/push"
)

// Pusher is what makes an app one of the Pusher protocol. Where there is none, its ID is empty.
type Pusher struct {
	ID      string     `yaml:"id"`  // in /apps/{id}/…
	Key     string     `yaml:"key"` // in /app/{key}
	Secret  Secret     `yaml:"secret"`
	Keys    PusherKeys `yaml:"keys,omitempty"` // further ones, while clients and backends change from one to another
	Enabled bool       `yaml:"enabled"`

	ClientEvents       bool `yaml:"client_events"`
	ClientEventRate    int  `yaml:"client_event_rate"` // per second of one page
	SubscriptionCounts bool `yaml:"subscription_counts"`

	Resume bool `yaml:"resume"` // events have their positions, and pages get what is behind one
	Rewind int  `yaml:"rewind"` // events of the past of a channel that a page may have as it subscribes

	Linger Duration `yaml:"linger"` // of a member, or a user, whose last connection has ended

	MaxChannels      int  `yaml:"max_channels"` // of one page
	MaxMembers       int  `yaml:"max_members"`  // of one presence channel
	MaxUserInfo      Size `yaml:"max_user_info"`
	MaxWatchlist     int  `yaml:"max_watchlist"`
	MaxEvent         Size `yaml:"max_event"`        // the data of an event
	MaxEventName     int  `yaml:"max_event_name"`   // bytes
	MaxChannelName   int  `yaml:"max_channel_name"` // bytes
	MaxEventChannels int  `yaml:"max_event_channels"`
	MaxBatch         int  `yaml:"max_batch"`

	PathPrefix string         `yaml:"path_prefix,omitempty"`
	Webhooks   PusherWebhooks `yaml:"webhooks,omitempty"`
}

// PusherKey is a key and its secret.
type PusherKey struct {
	Key    string `yaml:"key"`
	Secret Secret `yaml:"secret"`
}

// PusherKeys is a list of keys.
type PusherKeys []PusherKey

// PusherWebhook is told of what happens in channels.
type PusherWebhook struct {
	Name     string       `yaml:"name"` // of its queue
	URL      HookURL      `yaml:"url"`
	Events   PusherEvents `yaml:"events,omitempty"` // nil: all
	Timeout  Duration     `yaml:"timeout"`
	Batch    int          `yaml:"batch"`
	MaxWait  Duration     `yaml:"max_wait"`
	RetryFor Duration     `yaml:"retry_for"`
	MaxQueue int          `yaml:"max_queue"`

	MaxQueueBytes Size `yaml:"max_queue_bytes"`
}

// PusherWebhooks is a list of webhooks.
type PusherWebhooks []PusherWebhook

// PusherEvents are names of events of webhooks.
type PusherEvents []string

// The forms of values, for mistakes.
const (
	pusherForm        = "{id, key, secret, …}"
	pusherKeyForm     = "{key, secret}"
	pusherWebhookForm = "{name, url, events, timeout, batch, max_wait, retry_for, max_queue, max_queue_bytes}"
)

// defaultPusher is what a Pusher has that does not set it.
var defaultPusher = Pusher{
	Enabled:         true,
	ClientEvents:    true,
	ClientEventRate: 10,
	Linger:          Duration(3 * time.Second),

	MaxChannels:      1000,
	MaxMembers:       500,
	MaxUserInfo:      1 << 10,
	MaxWatchlist:     100,
	MaxEvent:         100 << 10,
	MaxEventName:     200,
	MaxChannelName:   200,
	MaxEventChannels: 100,
	MaxBatch:         10,
}

// pusherID matches what stands in paths without an escape.
var pusherID = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// maxRewind bounds how many events of the past a page may ask for.
const maxRewind = 1000

var pathPrefix = regexp.MustCompile(`^(/[A-Za-z0-9_.~-]+)+$`)

// UnmarshalYAML reads the settings of one app.
func (p *Pusher) UnmarshalYAML(n *yaml.Node) error {
	type plain Pusher
	read := plain(defaultPusher)
	if err := decodeHook(n, pusherForm, &read); err != nil {
		return err
	}
	var bad badNodes
	if !pusherID.MatchString(read.ID) {
		bad.add("id", nodeAt(n, "id"), "%q is no id of an app: 1 to 64 letters, digits, '_', '-' or '.'", read.ID)
	}
	if (read.Key == "") != (read.Secret == "") || read.Key == "" && len(read.Keys) == 0 {
		bad.add("key", nodeAt(n, "key"), "an app needs a key and its secret")
	} else if read.Key != "" {
		bad.adopt("key", nodeAt(n, "key"), checkPusherKey(PusherKey{read.Key, read.Secret}))
	}
	if read.PathPrefix != "" && !pathPrefix.MatchString(read.PathPrefix) {
		bad.add("path_prefix", nodeAt(n, "path_prefix"), "%q is no prefix of a path; write it as /push, without a slash at the end", read.PathPrefix)
	}
	bad.adopt("", n, notPositive(n, map[string]int64{
		"client_event_rate": int64(read.ClientEventRate), "max_channels": int64(read.MaxChannels), "max_members": int64(read.MaxMembers),
		"max_user_info": int64(read.MaxUserInfo), "max_watchlist": int64(read.MaxWatchlist), "max_event": int64(read.MaxEvent),
		"max_event_name": int64(read.MaxEventName), "max_channel_name": int64(read.MaxChannelName),
		"max_event_channels": int64(read.MaxEventChannels), "max_batch": int64(read.MaxBatch),
	}))
	if read.Rewind < 0 || read.Rewind > maxRewind {
		bad.add("rewind", nodeAt(n, "rewind"), "must be from 0 to %d", maxRewind)
	}
	if read.MaxEventName > push.MaxEvent {
		bad.add("max_event_name", nodeAt(n, "max_event_name"), "must be from 1 to %d", push.MaxEvent)
	}
	if read.MaxMembers > maxPresenceMembers {
		bad.add("max_members", nodeAt(n, "max_members"), "must be from 1 to %d", maxPresenceMembers)
	}
	*p = Pusher(read)
	return bad.err()
}

// MarshalYAML implements yaml.Marshaler.
func (p Pusher) MarshalYAML() (any, error) {
	type plain Pusher
	if p.ID == "" {
		return nil, nil
	}
	return flow(plain(p)), nil
}

// IsSet reports whether the app is one of the Pusher protocol.
func (p Pusher) IsSet() bool { return p.ID != "" }

// PusherApp is the app as the Pusher protocol has it. Webhooks are signed with the key of the short form, or else the first further one.
func (a App) PusherApp() *app.App {
	p := a.Pusher
	known := &app.App{
		Name:    a.Name,
		ID:      p.ID,
		Enabled: p.Enabled,

		ClientEvents:       p.ClientEvents,
		ClientEventRate:    p.ClientEventRate,
		SubscriptionCounts: p.SubscriptionCounts,

		Resume: p.Resume,
		Rewind: p.Rewind,
		Linger: time.Duration(p.Linger),

		MaxChannels:      p.MaxChannels,
		MaxMembers:       p.MaxMembers,
		MaxUserInfo:      int(p.MaxUserInfo),
		MaxWatchlist:     p.MaxWatchlist,
		MaxEvent:         int(p.MaxEvent),
		MaxEventName:     p.MaxEventName,
		MaxChannelName:   p.MaxChannelName,
		MaxEventChannels: p.MaxEventChannels,
		MaxBatch:         p.MaxBatch,
		PathPrefix:       p.PathPrefix,
	}
	for _, k := range a.pusherKeys() {
		known.Keys = append(known.Keys, signature.NewKey(k.Key, string(k.Secret)))
	}
	return known
}

// UnmarshalYAML reads a list of {key, secret}.
func (k *PusherKeys) UnmarshalYAML(n *yaml.Node) (err error) {
	*k, err = decodeList(n, language.Textf("%s", pusherKeyForm), func(item *yaml.Node) (key PusherKey, err error) {
		err = key.UnmarshalYAML(item)
		return key, err
	})
	return err
}

// UnmarshalYAML reads {key, secret}.
func (k *PusherKey) UnmarshalYAML(n *yaml.Node) error {
	type plain PusherKey
	var read plain
	if err := decodeHook(n, pusherKeyForm, &read); err != nil {
		return err
	}
	*k = PusherKey(read)
	return checkPusherKey(*k)
}

// checkPusherKey finds what is wrong with a key; it does not tell a text that may be a secret in the wrong place.
func checkPusherKey(k PusherKey) error {
	switch {
	case k.Key == "" || k.Secret == "":
		return language.Errorf("an entry needs a key and its secret")
	case !pusherID.MatchString(k.Key):
		return language.Errorf("is no key: 1 to 64 letters, digits, '_', '-' or '.'")
	case k.Key == string(k.Secret):
		return language.Errorf("is also the secret, and every page knows the key")
	}
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (k PusherKey) MarshalYAML() (any, error) {
	type plain PusherKey
	return flow(plain(k)), nil
}

// UnmarshalYAML reads a list of webhooks. The only one need not have a name.
func (w *PusherWebhooks) UnmarshalYAML(n *yaml.Node) error {
	names := make(map[string]bool)
	read, err := decodeList(n, language.Textf("%s", pusherWebhookForm), func(item *yaml.Node) (webhook PusherWebhook, err error) {
		if err = webhook.UnmarshalYAML(item); err == nil && names[webhook.Name] {
			err = badAt(nodeAt(item, "name"), "name", "%q is there twice", webhook.Name)
		}
		names[webhook.Name] = true
		return webhook, err
	})
	*w = read
	return err
}

// UnmarshalYAML reads one webhook.
func (w *PusherWebhook) UnmarshalYAML(n *yaml.Node) error {
	type plain PusherWebhook
	read := plain{
		Name: "webhook", Timeout: Duration(10 * time.Second), Batch: 100, MaxWait: Duration(100 * time.Millisecond),
		RetryFor: Duration(5 * time.Minute), MaxQueue: 100_000, MaxQueueBytes: 64 << 20,
	}
	if err := decodeHook(n, pusherWebhookForm, &read); err != nil {
		return err
	}
	if read.URL == "" {
		return errNoURL
	}
	if !appName.MatchString(read.Name) {
		return badAt(nodeAt(n, "name"), "name", "%q is no name of a webhook: 1 to 64 letters, digits, '_' or '-'", read.Name)
	}
	if events := memberAt(n, "events"); events != nil && (isNull(events) || len(read.Events) == 0) {
		return badAt(events, "events", "is empty, so the webhook would be told of nothing; leave it out for all of %s", strings.Join(app.WebhookEvents, ", "))
	}
	err := notPositive(n, map[string]int64{
		"timeout": int64(read.Timeout), "batch": int64(read.Batch), "max_wait": int64(read.MaxWait),
		"retry_for": int64(read.RetryFor), "max_queue": int64(read.MaxQueue), "max_queue_bytes": int64(read.MaxQueueBytes),
	})
	*w = PusherWebhook(read)
	return err
}

// MarshalYAML implements yaml.Marshaler.
func (w PusherWebhook) MarshalYAML() (any, error) {
	type plain PusherWebhook
	return flow(plain(w)), nil
}

// UnmarshalYAML reads a list of names.
func (e *PusherEvents) UnmarshalYAML(n *yaml.Node) (err error) {
	*e, err = decodeTexts(n, language.Textf("events"), func(text string) (string, error) {
		if !slices.Contains(app.WebhookEvents, text) {
			return "", language.Errorf("%q is no event; the events are %s", text, strings.Join(app.WebhookEvents, ", "))
		}
		return text, nil
	})
	return err
}

// checkPusher refuses an id or a key that is there twice, in whatever app: it would not say which of them is meant.
func (d *decoder) checkPusher(c *Config) {
	ids, keys := make(map[string]string), make(map[string]string) // the app's setting, by what is unique
	for _, a := range c.Apps() {
		if !a.Pusher.IsSet() {
			continue
		}
		at := a.key("pusher")
		if other, taken := ids[a.Pusher.ID]; taken {
			d.wrongAt(join(at, "id"), join(at, "id"), "%q is also the id in %s, so /apps/%s does not say which app is meant", a.Pusher.ID, other, a.Pusher.ID)
		}
		ids[a.Pusher.ID] = at
		for place, k := range a.pusherKeys() {
			if other, taken := keys[k.Key]; taken {
				d.wrongAt(place, place, "%q is also the key in %s, so /app/%s does not say which of them is meant", k.Key, other, k.Key)
			}
			keys[k.Key] = place
		}
	}
}

// FirstPusherKey is the key that signs webhooks.
func (a App) FirstPusherKey() PusherKey {
	for _, k := range a.pusherKeys() {
		return k
	}
	return PusherKey{}
}

// pusherKeys ranges over the keys of an app, with their places.
func (a App) pusherKeys() iter.Seq2[string, PusherKey] {
	return func(yield func(place string, k PusherKey) bool) {
		at := a.key("pusher")
		if a.Pusher.Key != "" && !yield(join(at, "key"), PusherKey{a.Pusher.Key, a.Pusher.Secret}) {
			return
		}
		for i, k := range a.Pusher.Keys {
			if !yield(entry(join(at, "keys"), i), k) {
				return
			}
		}
	}
}
