package config

import (
	"log/slog"
)

// hidden stands where a secret was.
const hidden = "(hidden)"

// Secret is a page's token or a backend's key. It prints as (hidden), in a log as well; string(s) is the secret itself.
type Secret string

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret(text)
	return nil
}

// MarshalText implements encoding.TextMarshaler. Where there is none, nothing is hidden.
func (s Secret) MarshalText() ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	return []byte(hidden), nil
}

// String implements fmt.Stringer.
func (s Secret) String() string { return hidden }

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return hidden }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }
