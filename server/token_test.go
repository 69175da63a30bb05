package server_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestTokens: a page's token may come in a header, in a subprotocol, or in the cookie that the configuration names, on every wire.
func TestTokens(t *testing.T) {
	s := start(t, map[string]string{"http.token_cookie": "push_session", "http.allowed_origins": "https://www.example.com"}, nil)
	withLines := func(request string, lines ...string) string {
		return strings.TrimSuffix(request, "\r\n") + strings.Join(append(lines, "\r\n"), "\r\n")
	}
	tutorial := func(lines ...string) string { return withLines(upgrade("/?page=home"), lines...) }
	native := func(lines ...string) string {
		return withLines(upgrade("/v1/connect?page=home"), append(lines, "Sec-WebSocket-Protocol: scenecast.v1")...)
	}
	events := func(lines ...string) string {
		return withLines("GET /v1/events?page=home HTTP/1.1\r\nHost: x\r\n\r\n", lines...)
	}
	const (
		bearer      = "Authorization: Bearer " + pageToken
		subprotocol = "Sec-WebSocket-Protocol: scenecast.token." + pageToken
		cookie      = "Cookie: a=b; push_session=" + pageToken
		listed      = "Origin: https://www.example.com"
		strange     = "Origin: https://evil.example"
	)
	for _, c := range []struct {
		name, request string
		status        int
		subprotocol   string
	}{
		{"the tutorial's wire, a header", tutorial(bearer), 101, ""},
		{"the tutorial's wire, a subprotocol", tutorial(subprotocol), 101, "scenecast.token." + pageToken},
		{"the tutorial's wire, a subprotocol beside another", tutorial("Sec-WebSocket-Protocol: push", subprotocol), 101, "push"},
		{"the tutorial's wire, a cookie", tutorial(cookie), 101, ""},
		{"the tutorial's wire, nothing", tutorial(), 401, ""},
		{"the native wire, a header", native(bearer), 101, "scenecast.v1"},
		{"the native wire, a subprotocol", native(subprotocol), 101, "scenecast.v1"},
		{"the native wire, a cookie", native(cookie), 101, "scenecast.v1"},
		{"a stream, a header", events(bearer), 200, ""},
		{"a stream, a cookie", events(cookie), 200, ""},
		{"a stream, nothing", events(), 401, ""},
		{"a stream, a cookie of a listed site's page", events(cookie, listed), 200, ""},
		{"a stream, a cookie of a strange site's page", events(cookie, strange), 403, ""},
		{"the tutorial's wire, a cookie of a strange site's page", tutorial(cookie, strange), 403, ""},
	} {
		conn, in := s.raw(c.request)
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if response.StatusCode != c.status || response.Header.Get("Sec-WebSocket-Protocol") != c.subprotocol {
			t.Errorf("%s: %+v, want %d", c.name, response, c.status)
		}
		if response.StatusCode == 401 && response.Header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: no scheme that works: %v", c.name, response.Header)
		}
		_ = conn.Close()
	}
	s.awaitConnections(0)
}

// TestOfferedSubprotocol: browsers close a WebSocket whose offers the server passes over.
func TestOfferedSubprotocol(t *testing.T) {
	s := start(t, nil, nil)
	for offers, want := range map[string]string{
		"": "", "chat": "chat", "chat, superchat": "chat", " chat ,b": "chat", "a b": "", "a/b, c": "", ",": "", "\tchat": "chat",
	} {
		lines := "Sec-WebSocket-Protocol: " + offers + "\r\n\r\n"
		if offers == "" {
			lines = "\r\n"
		}
		_, in := s.raw(strings.TrimSuffix(upgrade("/?token="+pageToken), "\r\n") + lines)
		response, err := http.ReadResponse(in, nil)
		if err != nil || response.StatusCode != 101 || response.Header.Get("Sec-WebSocket-Protocol") != want {
			t.Errorf("%q: %+v, %v, want %q", offers, response, err, want)
		}
	}
}
