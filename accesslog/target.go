package accesslog

import (
	"net/url"
	"strings"
)

// How much of a text of a client's stands in a line, in bytes.
const (
	maxTarget = 2048
	maxAgent  = 256
)

// mask stands in the place of what may be secret.
const mask = "***"

// secretWords are what names of parameters have in them whose values may be secret.
var secretWords = []string{"token", "key", "secret", "signature", "password", "passwd", "auth", "jwt", "session", "code"}

// Target is a URL's path and query, without what may be secret: the value of each parameter whose name says so, or cannot be read. It is cut off where it is long.
func Target(u *url.URL) string {
	target := u.EscapedPath()
	if u.RawQuery == "" {
		return cut(target, maxTarget)
	}
	var masked strings.Builder
	masked.WriteString(target)
	masked.WriteByte('?')
	for query, more := u.RawQuery, true; more; {
		end := strings.IndexAny(query, "&;") // this server does not part at a semicolon, but who wrote the URL may have meant that
		pair, separator := query, ""
		if more = end >= 0; more {
			pair, separator, query = query[:end], query[end:end+1], query[end+1:]
		}
		if name, _, _ := strings.Cut(pair, "="); isSecret(name) {
			pair = name + "=" + mask
		}
		masked.WriteString(pair)
		masked.WriteString(separator)
	}
	return cut(masked.String(), maxTarget)
}

func isSecret(name string) bool {
	read, err := url.QueryUnescape(name)
	if err != nil {
		return true
	}
	read = strings.ToLower(read)
	for _, word := range secretWords {
		if strings.Contains(read, word) {
			return true
		}
	}
	return false
}

// cut is a text without what is behind so many bytes.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
