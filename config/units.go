package config

import (
	"strconv"
	"strings"
	"time"

	"scenecast/language"
)

// Duration is a length of time, written as in Go: 90s, 1m30s, 250ms.
type Duration time.Duration

// String prints the shortest spelling, 1m30s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error { return parse(d, parseDuration, text) }

// parse leaves the value as it is where the text is wrong.
func parse[T any](value *T, parse func(text string) (T, error), text []byte) error {
	parsed, err := parse(string(text))
	if err == nil {
		*value = parsed
	}
	return err
}

func parseDuration(text string) (Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, language.Errorf("%q is no length of time; write it as 90s, 1m30s or 250ms", text)
	}
	return Duration(d), nil
}

// Size is a number of bytes, written plain or in powers of 1,024: 512, 64KiB, 1MiB.
type Size int

var sizeUnits = []struct {
	name  string
	bytes Size
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// String prints the largest unit that leaves no fraction.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && s%u.bytes == 0 && u.bytes > 1 {
			return strconv.Itoa(int(s/u.bytes)) + u.name
		}
	}
	return strconv.Itoa(int(s))
}

// MarshalYAML implements yaml.Marshaler: a number, or a number with its unit.
func (s Size) MarshalYAML() (any, error) {
	text := s.String()
	if n, err := strconv.Atoi(text); err == nil {
		return n, nil
	}
	return text, nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Size) UnmarshalText(text []byte) error { return parse(s, parseSize, text) }

// maxSize keeps sizes within what any machine's int holds.
const maxSize = 1 << 30

func parseSize(text string) (Size, error) {
	number, unit := text, Size(1)
	for _, u := range sizeUnits {
		if n, ok := strings.CutSuffix(text, u.name); ok {
			number, unit = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n < 0 || n*int64(unit) > maxSize {
		return 0, language.Errorf("%q is no size up to 1GiB; write it as 512, 64KiB or 1MiB", text)
	}
	return Size(n) * unit, nil
}
