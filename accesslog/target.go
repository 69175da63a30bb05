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
	pairs := strings.Split(u.RawQuery, "&")
	for i, pair := range pairs {
		name, _, _ := strings.Cut(pair, "=")
		if isSecret(name) {
			pairs[i] = name + "=" + mask
		}
	}
	return cut(target+"?"+strings.Join(pairs, "&"), maxTarget)
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
