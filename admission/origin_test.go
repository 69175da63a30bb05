package admission_test

import (
	"net/http"
	"net/netip"
	"testing"

	"scenecast/admission"
)

func TestOrigin(t *testing.T) {
	proxies := admission.Proxies{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		proxies   admission.Proxies
		peer      string
		forwarded []string
		want      string
	}{
		{nil, "192.0.2.1:80", nil, "192.0.2.1"},
		{nil, "[2001:db8::1%eth0]:80", nil, "2001:db8::1"},
		{nil, "[::ffff:192.0.2.1]:80", nil, "192.0.2.1"},
		{nil, "pipe", nil, "invalid IP"},
		{nil, "192.0.2.1:80", []string{"198.51.100.7"}, "192.0.2.1"},
		{proxies, "192.0.2.1:80", []string{"198.51.100.7"}, "192.0.2.1"}, // anybody can write that
		{proxies, "127.0.0.1:80", nil, "127.0.0.1"},
		{proxies, "127.0.0.1:80", []string{""}, "127.0.0.1"},
		{proxies, "127.0.0.1:80", []string{"198.51.100.7"}, "198.51.100.7"},
		{proxies, "[::ffff:127.0.0.1]:80", []string{"198.51.100.7"}, "198.51.100.7"},
		{proxies, "127.0.0.1:80", []string{"10.9.9.9, 198.51.100.7"}, "198.51.100.7"}, // the first one is the visitor's own claim
		{proxies, "127.0.0.1:80", []string{"10.9.9.9", "198.51.100.7 , 127.0.0.2"}, "198.51.100.7"},
		{proxies, "127.0.0.1:80", []string{"10.9.9.9", "198.51.100.7", "127.0.0.2, fd00::1"}, "198.51.100.7"},
		{proxies, "127.0.0.1:80", []string{"127.0.0.3, 127.0.0.2"}, "127.0.0.3"},
		{proxies, "127.0.0.1:80", []string{"198.51.100.7:4711"}, "198.51.100.7"},
		{proxies, "127.0.0.1:80", []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		{proxies, "127.0.0.1:80", []string{"2001:db8::1"}, "2001:db8::1"},
		{proxies, "127.0.0.1:80", []string{"[2001:db8::1]"}, "2001:db8::1"},
		{proxies, "127.0.0.1:80", []string{"10.9.9.9, [2001:db8::1] , [fd00::1]"}, "2001:db8::1"},
		{proxies, "127.0.0.1:80", []string{"[2001:db8::1"}, "127.0.0.1"},
		{proxies, "127.0.0.1:80", []string{"unknown"}, "127.0.0.1"},
		{proxies, "127.0.0.1:80", []string{"198.51.100.7, unknown, 127.0.0.2"}, "127.0.0.2"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.forwarded}}
		if got := c.proxies.Origin(r).String(); got != c.want {
			t.Errorf("from %s for %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}
