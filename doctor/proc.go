package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"scenecast/language"
)

// errUnlimited is the error for a value that is "max" or "unlimited".
var errUnlimited = language.Errorf("there is no limit")

// words are the fields of a file of /proc or /sys.
func (s *subject) words(path string) ([]string, error) {
	text, err := fs.ReadFile(s.System.Root, path)
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(text)), nil
}

// numbers are those that a file of /proc or /sys has, at least as many as are wanted.
func (s *subject) numbers(path string, want int) ([]uint64, error) {
	words, err := s.words(path)
	if err != nil {
		return nil, err
	}
	var list []uint64
	for _, word := range words {
		n, err := parseNumber(word)
		if err != nil {
			return nil, language.Errorf("/%s: %w", path, err)
		}
		list = append(list, n)
	}
	if len(list) < want {
		return nil, language.Errorf("/%s has %d numbers, not %d", path, len(list), want)
	}
	return list, nil
}

// number is the one that a file has.
func (s *subject) number(path string) (uint64, error) {
	list, err := s.numbers(path, 1)
	if err != nil {
		return 0, err
	}
	return list[0], nil
}

func parseNumber(word string) (uint64, error) {
	if word == "max" || word == "unlimited" {
		return 0, errUnlimited
	}
	n, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		return 0, language.Errorf("%.20q is no number", word)
	}
	return n, nil
}

// line is the rest of the line of a file that begins so.
func (s *subject) line(path, begin string) (rest string, ok bool) {
	text, err := fs.ReadFile(s.System.Root, path)
	if err != nil {
		return "", false
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok = strings.CutPrefix(strings.TrimRight(line, "\n"), begin); ok {
			return strings.TrimSpace(rest), true
		}
	}
	return "", false
}

// unreadable adds that a file cannot be read, as in containers that hide it.
func (r *report) unreadable(err error) {
	var path *fs.PathError
	if errors.As(err, &path) {
		r.add(Skipped, nothing, "/%s cannot be read: %v", path.Path, path.Err)
		return
	}
	r.add(Skipped, nothing, "%v", err)
}

// count prints a number with commas: 10,000.
func count[N int | int64 | uint64](n N) string {
	digits := strconv.FormatInt(int64(n), 10) //nolint:gosec // counts and sizes of a machine
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// size prints a number of bytes: 1.5 GiB.
func size(n uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	value, unit := float64(n), 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	if unit == 0 || value == float64(int64(value)) {
		return fmt.Sprintf("%.0f %s", value, units[unit])
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}
