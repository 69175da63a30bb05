package audience

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"scenecast/label"
	"scenecast/language"
	"scenecast/problem"
)

// kind is what a token is: one of these, or a symbol or reserved word, whose kind is its own text.
type kind string

const (
	end       kind = "end"
	word      kind = "word"      // a label key, has or startsWith
	quoted    kind = "quoted"    // a string; the token's text is what it means
	parameter kind = "parameter" // the token's text is its name
	number    kind = "number"    // nothing of the grammar: for the message
	stray     kind = "stray"     // one character that is nothing of the grammar
	malformed kind = "malformed" // the token's fault says why
)

// symbols are tried in order, so that a longer one precedes its own beginning.
var symbols = [...]string{"==", "!=", "&&", "||", "!", "(", ")", "[", "]", ",", ".", everybody}

type token struct {
	kind  kind
	text  string
	at    int // byte offset
	size  int // in bytes of the input
	fault *problem.Problem
}

// String is the token as a message shows it.
func (t token) String() string {
	switch t.kind {
	case end:
		return "the end"
	case quoted:
		return show(t.text)
	case parameter:
		return "$" + shorten(t.text)
	case stray:
		if r, _ := utf8.DecodeRuneInString(t.text); !unicode.IsGraphic(r) || unicode.IsSpace(r) {
			return fmt.Sprintf("%U", r)
		}
	}
	return shorten(t.text)
}

// shorten cuts a text down for a message, which it may not fill.
// name is what problems call the token.
func (t token) name() language.Text {
	if t.kind == end {
		return language.Textf("the end")
	}
	return language.Textf("%s", t.String())
}

func shorten(s string) string {
	const most = 32
	count := 0
	for i := range s {
		if count == most {
			return s[:i] + "…"
		}
		count++
	}
	return s
}

// show quotes a string for a message.
func show(s string) string { return string(appendQuoted(nil, shorten(s))) }

// lexer cuts a text, which must be valid UTF-8, into tokens.
type lexer struct {
	text string
	at   int // byte offset of what is not yet read
}

// next reads one token. At the end it is an end token, however often it is called.
func (l *lexer) next() token {
	rest := strings.TrimLeft(l.text[l.at:], " \t\r\n\f")
	l.at = len(l.text) - len(rest)
	t := l.scan(rest)
	t.at = l.at
	l.at += t.size
	return t
}

// scan finds the token that rest begins with.
func (l *lexer) scan(rest string) token {
	if rest == "" {
		return token{kind: end}
	}
	switch c := rest[0]; {
	case isKeyByte(c) && !isDigit(c) && c != '-' || c == '@':
		n := 1 + keyBytes(rest[1:])
		t := token{kind: word, text: rest[:n], size: n}
		if isReserved(t.text) {
			t.kind = kind(t.text)
		}
		return t
	case c == '"' || c == '\'':
		return l.scanQuoted(rest)
	case c == '$':
		return l.scanParameter(rest)
	case isDigit(c) || c == '-' && len(rest) > 1 && isDigit(rest[1]):
		n := len(rest) - len(strings.TrimLeftFunc(rest, func(r rune) bool {
			return r == '.' || r < utf8.RuneSelf && isKeyByte(byte(r))
		}))
		return token{kind: number, text: rest[:n], size: n}
	}
	for _, s := range symbols {
		if strings.HasPrefix(rest, s) {
			return token{kind: kind(s), text: s, size: len(s)}
		}
	}
	_, n := utf8.DecodeRuneInString(rest)
	return token{kind: stray, text: rest[:n], size: n}
}

func (l *lexer) scanQuoted(rest string) token {
	value, n, fault := unquote(rest)
	if fault != nil {
		return token{kind: malformed, fault: fault.At(place(l.text, l.at+n))}
	}
	return token{kind: quoted, text: value, size: n}
}

func (l *lexer) scanParameter(rest string) token {
	n := 1 + keyBytes(rest[1:])
	if !isParameter(rest[1:n]) {
		fault := problem.New(problem.Invalid, "%s is no parameter: one is $ and letters, digits or '_'; "+
			"a string that begins with $ stands in quotes", shorten(rest[:n])).At(place(l.text, l.at))
		return token{kind: malformed, fault: fault}
	}
	return token{kind: parameter, text: rest[1:n], size: n}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isKeyByte reports whether c can stand inside a label key.
func isKeyByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c) || c == '_' || c == '-'
}

// keyBytes counts the bytes at the beginning of s that can stand inside a label key.
func keyBytes(s string) int {
	n := 0
	for n < len(s) && isKeyByte(s[n]) {
		n++
	}
	return n
}

// reserved are the words that CEL keeps to itself.
var reserved = [...]string{"in", "true", "false", "null"}

func isReserved(word string) bool { return slices.Contains(reserved[:], word) }

// isKey reports whether an audience can ask for the label key.
func isKey(key string) bool { return label.ValidKey(key) && !isReserved(key) }

// isParameter reports whether a parameter can have the name: that of a key without '@' and '-', so that a message's
// "$order-7" is no riddle.
func isParameter(name string) bool {
	return label.ValidKey(name) && !strings.ContainsAny(name, "@-")
}

// invalidUTF8 is the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(text string) int {
	for i, r := range text {
		if r != utf8.RuneError {
			continue
		}
		if _, n := utf8.DecodeRuneInString(text[i:]); n == 1 {
			return i
		}
	}
	return -1
}

// place says where in the text an offset is, as people count: from 1, in characters, and in lines if there are several.
func place(text string, offset int) string {
	before := text[:offset]
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	if !strings.Contains(text, "\n") {
		return fmt.Sprintf("column %d", column)
	}
	return fmt.Sprintf("line %d, column %d", 1+strings.Count(before, "\n"), column)
}
