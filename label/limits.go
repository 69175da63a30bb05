package label

import (
	"unicode/utf8"

	"scenecast/problem"
)

// The settings that decide the limits; a problem names the one that it broke.
const (
	SettingCount      = "labels.max_count"
	SettingKeyBytes   = "labels.max_key_bytes"
	SettingValueBytes = "labels.max_value_bytes"
)

// Limits bounds one connection's labels.
type Limits struct {
	Count      int // labels of one connection. Defaults to 32.
	KeyBytes   int // length of a key. Defaults to 64.
	ValueBytes int // length of a value. Defaults to 256.
}

// DefaultLimits are the limits where nothing else is configured.
var DefaultLimits = Limits{Count: 32, KeyBytes: 64, ValueBytes: 256}

// Check returns a problem that names the label and the limit where the set is over one, or where a key is no key or a
// value no text; otherwise nil.
//
// The server's own labels do not count. Those that it makes itself have the length that they have; a user and a channel are given to it.
func (l Limits) Check(s Set) error {
	n := 0
	for label := range s.All() {
		if !Reserved(label.Key) {
			n++
		}
	}
	if n > l.Count {
		return problem.New(problem.LimitExceeded, "%d labels, and a connection may have %d", n, l.Count).
			DecidedBy(SettingCount)
	}
	for label := range s.All() {
		if err := l.checkLabel(label); err != nil {
			return err
		}
	}
	return nil
}

func (l Limits) checkLabel(label Label) error {
	if len(label.Key) > l.KeyBytes && !Reserved(label.Key) {
		return problem.New(problem.LimitExceeded, "the label key %.20q… has %d bytes, and may have %d",
			label.Key, len(label.Key), l.KeyBytes).DecidedBy(SettingKeyBytes)
	}
	if !ValidKey(label.Key) {
		return problem.New(problem.Invalid,
			"%q is no label key: a key is a letter or '_', then letters, digits, '_' or '-'", label.Key).At(label.Key)
	}
	if len(label.Value) > l.ValueBytes && (!Reserved(label.Key) || given(label.Key)) {
		return problem.New(problem.LimitExceeded, "the value has %d bytes, and may have %d",
			len(label.Value), l.ValueBytes).At(label.Key).DecidedBy(SettingValueBytes)
	}
	if !utf8.ValidString(label.Value) {
		return problem.New(problem.Invalid, "the value is not valid UTF-8").At(label.Key)
	}
	return nil
}

// ValidKey reports whether key is `[@A-Za-z_][A-Za-z0-9_-]*`.
func ValidKey(key string) bool {
	for i, c := range []byte(key) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
		case i == 0 && c == '@':
		case i > 0 && ('0' <= c && c <= '9' || c == '-'):
		default:
			return false
		}
	}
	return key != ""
}

// The keys with '@' whose values come from outside.
const (
	User    = "@user"    // who a page's token says that it is
	Channel = "@channel" // the channels that a page is subscribed to (docs/pusher.md): the one such key that a token or a backend may give as a label
)

func given(key string) bool { return key == User || key == Channel }

// Grantable reports whether a token or a backend may give a label with this key.
func Grantable(key string) bool { return key == Channel || !Reserved(key) && ValidKey(key) }

// Reserved reports whether the key is the server's own: one that begins with '@'.
func Reserved(key string) bool { return len(key) > 0 && key[0] == '@' }
