package server_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"scenecast/auth"
)

// TestRefusalsAreTold: who is refused stands in the log and in the figures: pages of all wires, keys and triggers. Nothing of what
// they have shown does.
func TestRefusalsAreTold(t *testing.T) {
	s := start(t, map[string]string{"limits.trusted_proxies": "127.0.0.0/8"}, nil)
	const wrong = "wrong-secret-that-somebody-tries"
	forwarded := "X-Forwarded-For: 203.0.113.7\r\n\r\n"
	for _, request := range []string{
		upgrade("/?token=" + wrong),
		upgrade("/v1/connect?token=" + wrong),
		"GET /v1/events?token=" + wrong + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + wrong + "\r\n\r\n",
		"GET /?func=pushHomeLogic&token=" + wrong + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /?func=nope&token=" + apiKey + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /v1/connections HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + wrong + "\r\n\r\n",
		"GET /v1/connections HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + pushKey + "\r\n\r\n",
		httpCall("POST", "/v1/triggers/nope", "{}"),
	} {
		request = strings.Replace(request, "\r\n\r\n", "\r\n"+forwarded, 1)
		if strings.HasPrefix(request, "GET /v1/connect?") {
			request = strings.Replace(request, forwarded, "Sec-WebSocket-Protocol: scenecast.v1\r\n"+forwarded, 1)
		}
		_, in := s.raw(request)
		if _, err := http.ReadResponse(in, nil); err != nil {
			t.Fatalf("%q: %v", request, err)
		}
	}
	for _, want := range []string{
		`level=INFO msg="page refused" method=GET path=/ client=203.0.113.7 kind=unauthorized why="token: the page's token is missing or wrong`,
		`msg="page refused" method=GET path=/v1/connect client=203.0.113.7 kind=unauthorized`,
		`msg="page refused" method=GET path=/v1/events client=203.0.113.7 kind=unauthorized`,
		`level=INFO msg="call refused" method=GET path=/ client=203.0.113.7 kind=unauthorized`,
		`msg="call refused" method=GET path=/ client=203.0.113.7 kind=not_found`,
		`msg="call refused" method=GET path=/v1/connections client=203.0.113.7 kind=unauthorized`,
		`msg="call refused" method=GET path=/v1/connections client=203.0.113.7 kind=forbidden`,
		`msg="call refused" method=POST path=/v1/triggers/nope client=203.0.113.7 kind=not_found`,
	} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, s.log)
		}
	}
	if strings.Contains(s.log.String(), wrong) {
		t.Errorf("the log holds what somebody tries:\n%s", s.log)
	}
	s.expectMetrics(map[string]string{
		`scenecast_refused_total{reason="unauthorized"}`:       "4",
		`scenecast_calls_refused_total{reason="unauthorized"}`: "2",
		`scenecast_calls_refused_total{reason="forbidden"}`:    "1",
		`scenecast_calls_refused_total{reason="not_found"}`:    "2",
	})
}

// brokenTokens is an authenticator that cannot tell.
type brokenTokens struct{}

func (brokenTokens) AuthenticatePage(context.Context, string) (auth.Page, error) {
	return auth.Page{}, errors.New("the database is down: secret detail")
}

// TestBrokenAuthenticator: on every wire the log tells why, the page that it may come back, and nobody more.
func TestBrokenAuthenticator(t *testing.T) {
	s := startWith(t, nil, func(o *options) { o.PageAuthenticator = brokenTokens{} })
	if got := s.goodbye(s.native("token=other")); got != "1011 internal error" {
		t.Errorf("the native wire: %s", got)
	}
	_, in := s.raw(upgrade("/?token=other"))
	if response, err := http.ReadResponse(in, nil); err != nil || response.StatusCode != 500 || strings.Contains(readAll(t, response), "database") {
		t.Errorf("the tutorial's wire: %+v, %v", response, err)
	}
	if event := s.events("token=other").next(); !strings.HasPrefix(event, "retry: ") || !strings.HasSuffix(event, `{"type":"close","code":1011,"reason":"internal error"}`) {
		t.Errorf("a stream: %q", event)
	}
	if n := strings.Count(s.log.String(), "level=ERROR"); n != 3 || strings.Count(s.log.String(), "the database is down") != 3 {
		t.Errorf("%d errors in the log:\n%s", n, s.log)
	}
}

// TestFloodOfRefusals fills no log, and is counted whole.
func TestFloodOfRefusals(t *testing.T) {
	s := start(t, nil, nil)
	const attempts = 100
	for range attempts {
		s.call("GET", "/v1/events?token=wrong", "", "", "")
	}
	if lines := strings.Count(s.log.String(), `msg="page refused"`); lines == 0 || lines > attempts/2 {
		t.Errorf("%d lines for %d attempts", lines, attempts)
	}
	s.expectMetrics(map[string]string{`scenecast_refused_total{reason="unauthorized"}`: "100"})
}
