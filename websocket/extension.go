package websocket

import (
	"net/http"
	"strings"
)

// agreement is the answer to an offer of permessage-deflate. Neither side keeps its window from one message to the
// next: a window would be 40 KB of every page's, and a push could not be compressed once for all of them.
const agreement = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

// AcceptDeflate looks among the extensions that a request offers for a permessage-deflate that can be had here (RFC 7692,
// 5.1 and 7.1), and returns what SwitchingProtocols is to answer. An offer that is ill-formed, has a parameter that is
// unknown or comes twice, or wants a smaller window than compress/flate has, is declined, which is no error: the next one
// may do, or the page goes on without.
func AcceptDeflate(h http.Header) (extensions string, ok bool) {
	for _, line := range h.Values("Sec-Websocket-Extensions") {
		for _, offer := range splitUnquoted(line, ',') {
			if extensions, ok := acceptOffer(offer); ok {
				return extensions, true
			}
		}
	}
	return "", false
}

func acceptOffer(offer string) (extensions string, ok bool) {
	parts := splitUnquoted(offer, ';')
	if trim(parts[0]) != "permessage-deflate" {
		return "", false
	}
	extensions = agreement
	seen := make(map[string]bool)
	for _, part := range parts[1:] {
		name, value, hasValue := strings.Cut(part, "=")
		name, value = trim(name), unquote(trim(value))
		if seen[name] {
			return "", false
		}
		seen[name] = true
		switch name {
		case "server_no_context_takeover", "client_no_context_takeover":
			ok = !hasValue
		case "client_max_window_bits": // the page would do with a smaller window, which any window is for the inflater
			ok = !hasValue || isWindowBits(value)
		case "server_max_window_bits":
			ok = value == "15" // the one window that compress/flate has
			extensions += "; server_max_window_bits=15"
		default:
			ok = false
		}
		if !ok {
			return "", false
		}
	}
	return extensions, true
}

// isWindowBits: RFC 7692, 7.1.2, has 8 to 15, without leading zeros.
func isWindowBits(value string) bool {
	switch value {
	case "8", "9", "10", "11", "12", "13", "14", "15":
		return true
	}
	return false
}

// splitUnquoted splits at separators outside of quoted strings.
func splitUnquoted(s string, separator byte) []string {
	var parts []string
	begin, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == separator && !quoted:
			parts = append(parts, s[begin:i])
			begin = i + 1
		}
	}
	return append(parts, s[begin:])
}

// unquote takes the quotes off a quoted string. One with escapes is left as it is: no value that we take needs any.
func unquote(s string) string {
	if inner, ok := strings.CutPrefix(s, `"`); ok {
		if inner, ok := strings.CutSuffix(inner, `"`); ok && !strings.ContainsAny(inner, `"\`) {
			return inner
		}
	}
	return s
}

func trim(s string) string { return strings.Trim(s, " \t") }
