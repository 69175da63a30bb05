package audience

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"scenecast/problem"
)

// The characters whose escape is a letter, and the letters in the same order.
const (
	escapedRunes  = "\b\f\n\r\t"
	escapeLetters = "bfnrt"
)

// appendQuoted appends the string as one of JSON. Control characters and the line breaks that JavaScript knows are
// escaped, so that the canonical text is one line wherever it is shown.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case ' ' <= c && c <= '~':
			b = append(b, byte(c))
		case strings.ContainsRune(escapedRunes, c):
			b = append(b, '\\', escapeLetters[strings.IndexRune(escapedRunes, c)])
		case unicode.IsControl(c) || c == '\u2028' || c == '\u2029':
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = utf8.AppendRune(b, c)
		}
	}
	return append(b, '"')
}

// unquote reads the string that s begins with: its first byte is the quote that ends it too. It returns what the string
// means and how many bytes it has with its quotes; or what is wrong, and how many bytes precede that.
func unquote(s string) (value string, n int, fault *problem.Problem) {
	var b []byte // what the string means up to s[from]; nil before the first escape
	from := 1
	for i := 1; i < len(s); {
		switch c := s[i]; {
		case c == s[0] && b == nil:
			return s[1:i], i + 1, nil
		case c == s[0]:
			return string(append(b, s[from:i]...)), i + 1, nil
		case c < ' ':
			return "", i, problem.New(problem.Invalid, "a string cannot contain the character %U; write %s",
				c, strings.Trim(string(appendQuoted(nil, string(rune(c)))), `"`))
		case c == '\\' && i+1 < len(s):
			r, n, fault := unescape(s[i:])
			if fault != nil {
				return "", i, fault
			}
			b = utf8.AppendRune(append(b, s[from:i]...), r)
			i += n
			from = i
		default:
			i++
		}
	}
	return "", 0, problem.New(problem.Invalid, "the string has no closing quote")
}

// unescape reads the escape that s begins with: a backslash and at least one byte more. It returns the character and how
// many bytes the escape has.
func unescape(s string) (r rune, n int, fault *problem.Problem) {
	c, n := utf8.DecodeRuneInString(s[1:])
	if strings.ContainsRune(`"'\/`, c) {
		return c, 2, nil
	}
	if i := strings.IndexRune(escapeLetters, c); i >= 0 {
		return rune(escapedRunes[i]), 2, nil
	}
	if c != 'u' {
		return 0, 0, problem.New(problem.Invalid, `%s is no escape; those of JSON are \" \\ \/ \b \f \n \r \t \u0000, and \'`,
			s[:1+n])
	}
	high, ok := hexadecimal(s)
	if !ok {
		return 0, 0, problem.New(problem.Invalid, `\u takes four hexadecimal digits`)
	}
	if !utf16.IsSurrogate(high) {
		return high, 6, nil
	}
	low, _ := hexadecimal(s[6:])
	if r = utf16.DecodeRune(high, low); r == unicode.ReplacementChar {
		return 0, 0, problem.New(problem.Invalid, `%s is half a character: the other half of a surrogate pair is missing`, s[:6])
	}
	return r, 12, nil
}

// hexadecimal reads the escape \uXXXX that s begins with, if it does.
func hexadecimal(s string) (rune, bool) {
	if len(s) < 6 || s[:2] != `\u` {
		return 0, false
	}
	v, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(v), err == nil
}
