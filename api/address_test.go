package api_test

import (
	"net/http/httptest"
	"testing"
)

// TestAddress: where a request counts as coming from, and by what; a Unix socket has no peer.
func TestAddress(t *testing.T) {
	for peer, want := range map[string]string{
		"10.0.0.9:43122":          `{"address":"203.0.113.7","peer":"10.0.0.9:43122","forwarded":["192.0.2.1","203.0.113.7, 10.0.0.8"]}`,
		"[::ffff:10.0.0.9]:43122": `{"address":"203.0.113.7","peer":"10.0.0.9:43122","forwarded":["192.0.2.1","203.0.113.7, 10.0.0.8"]}`,
		"[2001:db8::9]:43122":     `{"address":"203.0.113.7","peer":"[2001:db8::9]:43122","forwarded":["192.0.2.1","203.0.113.7, 10.0.0.8"]}`,
		"@":                       `{"address":"203.0.113.7","forwarded":["192.0.2.1","203.0.113.7, 10.0.0.8"]}`,
	} {
		r := httptest.NewRequest("GET", "/v1/address", nil)
		r.RemoteAddr = peer
		r.Header.Set("Authorization", "Bearer read")
		r.Header["X-Forwarded-For"] = []string{"192.0.2.1", "203.0.113.7, 10.0.0.8"}
		w := httptest.NewRecorder()
		newFixture(t).ServeHTTP(w, r)
		checkAnswer(t, peer, w, 200, want)
	}
}
