package admission

import (
	"net/http"
	"net/url"
	"strings"

	"scenecast/auth"
)

// TokenSubprotocol is what the WebSocket subprotocol begins with that carries a page's token: a browser can set neither headers nor
// cookies for a WebSocket, and URLs are logged. Characters that a subprotocol cannot have (RFC 6455, 4.1) are percent-encoded.
const TokenSubprotocol = "scenecast.token."

// token is what the page shows: in its URL, in an Authorization header, in a subprotocol, or in the cookie. The first that is there
// counts, and the cookie, which browsers add by themselves, is asked last. Empty: there is none.
func (a *Authenticator) token(r *http.Request) (string, error) {
	if token, found, err := tokenInQuery(r.URL.RawQuery); found || err != nil {
		return token, err
	}
	if token := auth.Bearer(r); token != "" {
		return token, nil
	}
	if token := tokenInSubprotocols(r.Header["Sec-Websocket-Protocol"]); token != "" {
		return token, nil
	}
	if a.TokenCookie == nil {
		return "", nil
	}
	if name := a.TokenCookie(); name != "" && mayBringCookie(r) {
		if cookie, err := r.Cookie(name); err == nil {
			return cookie.Value, nil
		}
	}
	return "", nil
}

// mayBringCookie reports whether a cookie may have been sent by a page that may connect: with an Origin that has been checked by now, or
// not by another site's page, which need not have one where it cannot read the response (Fetch Metadata).
func mayBringCookie(r *http.Request) bool {
	return r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "cross-site"
}

// tokenInQuery finds the token as url.ParseQuery does, but reads nothing else: a query may have thousands of parameters, and
// its client is not authenticated yet. A token that is there twice is none.
func tokenInQuery(query string) (token string, found bool, err error) {
	for start, end := 0, 0; start < len(query); start = end + 1 {
		for end = start; end < len(query) && query[end] != '&'; { // pairs are short: it costs less than to search
			end++
		}
		if first := query[start]; first != TokenParam[0] && first != '%' {
			continue
		}
		pair := query[start:end]
		key, value, _ := strings.Cut(pair, "=")
		switch {
		case !isTokenParam(key):
			continue
		case found:
			return "", true, nil
		case strings.Contains(pair, ";"):
			return "", true, errQuery()
		}
		if token, err = unescape(value); err != nil {
			return "", true, errQuery()
		}
		found = true
	}
	return token, found, nil
}

// isTokenParam reports whether a key, still escaped, is TokenParam.
func isTokenParam(key string) bool {
	if key == TokenParam {
		return true
	}
	// Each escaped character takes two bytes more.
	if n := len(key) - len(TokenParam); n <= 0 || n%2 != 0 || n > 2*len(TokenParam) || !strings.Contains(key, "%") {
		return false
	}
	key, err := url.QueryUnescape(key)
	return err == nil && key == TokenParam
}

func tokenInSubprotocols(offers []string) string {
	for _, offer := range offers {
		for name := range strings.SplitSeq(offer, ",") {
			if escaped, ok := strings.CutPrefix(strings.TrimSpace(name), TokenSubprotocol); ok {
				if token, err := url.PathUnescape(escaped); err == nil {
					return token
				}
			}
		}
	}
	return ""
}
