package config

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"scenecast/audience"
	"scenecast/hook/event"
	"scenecast/hook/webhook"
	"scenecast/language"
)

// Hooks are an app's calls to its backend.
type Hooks struct {
	Connect     ConnectHook `yaml:"connect"`
	Call        CallHook    `yaml:"call"`
	Events      EventHooks  `yaml:"events"`
	DenyPrivate bool        `yaml:"deny_private"`
}

// ConnectHook is asked before a page is let in. Where there is none, its URL is empty.
type ConnectHook struct {
	URL         HookURL     `yaml:"url"`
	Secret      HookSecrets `yaml:"secret"`
	Timeout     Duration    `yaml:"timeout"`
	OnError     string      `yaml:"on_error"` // OnErrorRefuse or OnErrorAllow
	Headers     HeaderNames `yaml:"headers"`  // of the page's request that are passed on
	Concurrency int         `yaml:"concurrency"`
}

// What happens to a page when the connect hook does not answer.
const (
	OnErrorRefuse = "refuse"
	OnErrorAllow  = "allow"
)

// CallHook is what pages call. Where there is none, its URL is empty.
type CallHook struct {
	URL         HookURL     `yaml:"url"`
	Secret      HookSecrets `yaml:"secret"`
	Timeout     Duration    `yaml:"timeout"`
	Concurrency int         `yaml:"concurrency"`
}

// EventHook is told of events.
type EventHook struct {
	Name     string       `yaml:"name"`
	URL      HookURL      `yaml:"url"`
	Secret   HookSecrets  `yaml:"secret"`
	Events   HookEvents   `yaml:"events,omitempty"` // nil: all
	To       HookAudience `yaml:"to,omitempty"`     // zero: everybody's
	Timeout  Duration     `yaml:"timeout"`
	Batch    int          `yaml:"batch"`
	MaxWait  Duration     `yaml:"max_wait"`
	RetryFor Duration     `yaml:"retry_for"`
	MaxQueue int          `yaml:"max_queue"`

	MaxQueueBytes Size `yaml:"max_queue_bytes"`
}

// hasEventHooks reports whether anybody is told of events, which wait in data_dir.
func (c *Config) hasEventHooks() bool {
	return slices.ContainsFunc(c.Apps(), func(a App) bool { return len(a.Hooks.Events)+len(a.Pusher.Webhooks) > 0 })
}

// The forms of hooks, for mistakes.
const (
	connectForm = "{url, secret, timeout, on_error, headers, concurrency}"
	callForm    = "{url, secret, timeout, concurrency}"
	eventsForm  = "{name, url, secret, events, to, timeout, batch, max_wait, retry_for, max_queue, max_queue_bytes}"
)

// decodeHook reads a mapping of this form.
func decodeHook(n *yaml.Node, form string, into any) error {
	if n = dereference(n); n.Kind != yaml.MappingNode {
		return language.Errorf("is %s, not a %s", form, kindName(n))
	}
	return decode(n, into)
}

// notPositive finds a number that must be more than 0 and is not.
func notPositive(n *yaml.Node, numbers map[string]int64) error {
	for _, name := range sortedKeys(numbers) {
		if numbers[name] <= 0 {
			return badAt(nodeAt(n, name), name, "must be more than 0")
		}
	}
	return nil
}

// errNoURL is the mistake of a hook that does not say whom to call.
var errNoURL = language.Errorf("a hook needs a url")

// UnmarshalYAML reads a connect hook.
func (h *ConnectHook) UnmarshalYAML(n *yaml.Node) error {
	type plain ConnectHook
	read := plain{Timeout: Duration(2 * time.Second), OnError: OnErrorRefuse, Concurrency: 100}
	if err := decodeHook(n, connectForm, &read); err != nil {
		return err
	}
	if read.URL == "" {
		return errNoURL
	}
	if read.OnError != OnErrorRefuse && read.OnError != OnErrorAllow {
		return badAt(nodeAt(n, "on_error"), "on_error", "%q is neither %s nor %s", read.OnError, OnErrorRefuse, OnErrorAllow)
	}
	if err := notPositive(n, map[string]int64{"timeout": int64(read.Timeout), "concurrency": int64(read.Concurrency)}); err != nil {
		return err
	}
	*h = ConnectHook(read)
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (h ConnectHook) MarshalYAML() (any, error) {
	type plain ConnectHook
	if h.URL == "" {
		return nil, nil
	}
	return flow(plain(h)), nil
}

// UnmarshalYAML reads a call hook.
func (h *CallHook) UnmarshalYAML(n *yaml.Node) error {
	type plain CallHook
	read := plain{Timeout: Duration(5 * time.Second), Concurrency: 100}
	if err := decodeHook(n, callForm, &read); err != nil {
		return err
	}
	if read.URL == "" {
		return errNoURL
	}
	numbers := map[string]int64{"timeout": int64(read.Timeout), "concurrency": int64(read.Concurrency)}
	if err := notPositive(n, numbers); err != nil {
		return err
	}
	*h = CallHook(read)
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (h CallHook) MarshalYAML() (any, error) {
	type plain CallHook
	if h.URL == "" {
		return nil, nil
	}
	return flow(plain(h)), nil
}

// EventHooks are those that are told of events; nil where they were left out.
type EventHooks []EventHook

// UnmarshalYAML reads a list of hooks.
func (h *EventHooks) UnmarshalYAML(n *yaml.Node) error {
	names := make(map[string]bool)
	read, err := decodeList(n, language.Textf("%s", eventsForm), func(item *yaml.Node) (e EventHook, err error) {
		if err = e.UnmarshalYAML(item); err == nil && names[e.Name] {
			err = badAt(nodeAt(item, "name"), "name", "%q is there twice", e.Name)
		}
		names[e.Name] = true
		return e, err
	})
	*h = read
	return err
}

// MarshalYAML implements yaml.Marshaler.
func (h EventHooks) MarshalYAML() (any, error) { return listOrNull(h), nil }

// UnmarshalYAML reads one hook.
func (h *EventHook) UnmarshalYAML(n *yaml.Node) error {
	type plain EventHook
	read := plain{
		Timeout: Duration(10 * time.Second), Batch: 100, MaxWait: Duration(time.Second),
		RetryFor: Duration(24 * time.Hour), MaxQueue: 100_000, MaxQueueBytes: 64 << 20,
	}
	if err := decodeHook(n, eventsForm, &read); err != nil {
		return err
	}
	if read.URL == "" {
		return errNoURL
	}
	if !appName.MatchString(read.Name) {
		return badAt(nodeAt(n, "name"), "name", "%q is no name of a hook: 1 to 64 letters, digits, '_' or '-'", read.Name)
	}
	if events := memberAt(n, "events"); events != nil && (isNull(events) || len(read.Events) == 0) {
		return badAt(events, "events", "is empty, so the hook would be told of nothing; leave it out for all of %v", event.Types)
	}
	err := notPositive(n, map[string]int64{
		"timeout": int64(read.Timeout), "batch": int64(read.Batch), "max_wait": int64(read.MaxWait),
		"retry_for": int64(read.RetryFor), "max_queue": int64(read.MaxQueue), "max_queue_bytes": int64(read.MaxQueueBytes),
	})
	if err != nil {
		return err
	}
	*h = EventHook(read)
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (h EventHook) MarshalYAML() (any, error) {
	type plain EventHook
	return flow(plain(h)), nil
}

// HookURL is where a hook is called. It prints without what may be secret in it, in a log as well; string(u) has it.
type HookURL string

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *HookURL) UnmarshalText(text []byte) error {
	parsed, err := url.Parse(string(text))
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" || parsed.Fragment != "" {
		return language.Errorf("is no URL of a hook; write it as https://www.example.com/scenecast") // the text may hold a secret
	}
	*u = HookURL(text)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (u HookURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// String implements fmt.Stringer.
func (u HookURL) String() string { return withoutSecrets(string(u)) }

// withoutSecrets is a URL without what may be secret in it.
func withoutSecrets(text string) string {
	parsed, err := url.Parse(text)
	if err != nil {
		return hidden
	}
	if parsed.User != nil {
		parsed.User = url.User(hidden)
	}
	query := ""
	if parsed.RawQuery != "" {
		parsed.RawQuery, query = "", "?"+hidden
	}
	return parsed.String() + query
}

// GoString implements fmt.GoStringer.
func (u HookURL) GoString() string { return u.String() }

// LogValue implements slog.LogValuer.
func (u HookURL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// HookSecrets sign the calls of a hook: one, or two while the backend changes from one to the other.
type HookSecrets []Secret

// UnmarshalYAML reads one secret, or a list.
func (s *HookSecrets) UnmarshalYAML(n *yaml.Node) error {
	check := func(text string) (Secret, error) {
		_, err := webhook.ParseSecret(text)
		return Secret(text), err
	}
	if n = dereference(n); n.Kind == yaml.ScalarNode {
		if n.Value == "" {
			*s = nil
			return nil
		}
		one, err := check(textOf(n))
		*s = HookSecrets{one}
		return err
	}
	read, err := decodeTexts(n, language.Textf("secrets"), check)
	*s = read
	return err
}

// MarshalYAML implements yaml.Marshaler.
func (s HookSecrets) MarshalYAML() (any, error) {
	if len(s) == 0 {
		return "", nil
	}
	return flow([]Secret(s)), nil
}

// Parsed are the secrets as package webhook has them.
func (s HookSecrets) Parsed() (secrets []webhook.Secret) {
	for _, text := range s {
		secret, _ := webhook.ParseSecret(string(text)) // checked when it was read
		secrets = append(secrets, secret)
	}
	return secrets
}

// HookEvents are types of events.
type HookEvents []event.Type

// UnmarshalYAML reads a list of types.
func (e *HookEvents) UnmarshalYAML(n *yaml.Node) (err error) {
	*e, err = decodeTexts(n, language.Textf("events"), func(text string) (event.Type, error) {
		if !slices.Contains(event.Types, event.Type(text)) {
			return "", language.Errorf("%q is no event; the events are %v", text, event.Types)
		}
		return event.Type(text), nil
	})
	return err
}

// HookAudience selects the events of which a hook is told, by their labels.
type HookAudience struct{ audience.Expr }

// UnmarshalYAML reads an audience in either spelling.
func (a *HookAudience) UnmarshalYAML(n *yaml.Node) (err error) {
	var text JSON
	if err := text.UnmarshalYAML(n); err != nil {
		return err
	}
	a.Expr, err = audience.ParseJSON(text)
	return err
}

// MarshalYAML implements yaml.Marshaler.
func (a HookAudience) MarshalYAML() (any, error) { return a.String(), nil }

// HeaderNames are names of HTTP headers.
type HeaderNames []string

// UnmarshalYAML reads a list of names.
func (h *HeaderNames) UnmarshalYAML(n *yaml.Node) (err error) {
	*h, err = decodeTexts(n, language.Textf("names of headers"), func(text string) (string, error) {
		if text == "" || strings.ContainsFunc(text, func(c rune) bool {
			return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", c))
		}) {
			return "", language.Errorf("%q is no name of a header", text)
		}
		return http.CanonicalHeaderKey(text), nil
	})
	return err
}
