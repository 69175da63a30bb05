package listener

import (
	"net/http"
	"testing"
)

// TestOrigins: which sites' pages may connect, and which of them may send credentials along.
func TestOrigins(t *testing.T) {
	listed := []string{"https://a.example", "https://*.b.example", "http://*.c.example:8080", "capacitor://localhost"}
	for _, c := range []struct {
		name         string
		allowed      []string
		origin, host string
		want         string // Access-Control-Allow-Origin; empty: refused
		credentials  string
	}{
		{"any site", []string{"*"}, "https://evil.example", "push.example", "*", ""},
		{"no browser", listed, "", "push.example", "-", ""},
		{"listed", listed, "https://a.example", "push.example", "https://a.example", "true"},
		{"listed, of an app", listed, "capacitor://localhost", "push.example", "capacitor://localhost", "true"},
		{"listed with another scheme", listed, "http://a.example", "push.example", "", ""},
		{"a site that begins as a listed one", listed, "https://a.example.evil.example", "push.example", "", ""},
		{"a subdomain", listed, "https://www.b.example", "push.example", "https://www.b.example", "true"},
		{"a subdomain of a subdomain", listed, "https://x.www.b.example", "push.example", "https://x.www.b.example", "true"},
		{"the domain itself", listed, "https://b.example", "push.example", "", ""},
		{"a domain that ends alike", listed, "https://evilb.example", "push.example", "", ""},
		{"a subdomain with an empty name", listed, "https://.b.example", "push.example", "", ""},
		{"a subdomain with a port", listed, "https://www.b.example:8443", "push.example", "", ""},
		{"a subdomain with the listed port", listed, "http://www.c.example:8080", "push.example", "http://www.c.example:8080", "true"},
		{"a subdomain without the listed port", listed, "http://www.c.example", "push.example", "", ""},
		{"a sandboxed page", listed, "null", "push.example", "", ""},
		{"a sandboxed page, listed", append([]string{"null"}, listed...), "null", "push.example", "null", ""},
		{"its own", nil, "http://push.example", "push.example", "http://push.example", "true"},
		{"its own, in another case", nil, "http://push.example", "Push.Example", "http://push.example", "true"},
		{"its own, behind TLS", nil, "https://push.example", "push.example", "https://push.example", "true"},
		{"its own, the default port in Host", nil, "https://push.example", "push.example:443", "https://push.example", "true"},
		{"its own, the default port of HTTP in Host", nil, "http://push.example", "push.example:80", "http://push.example", "true"},
		{"its own, the default port in Origin", nil, "https://push.example:443", "push.example", "https://push.example:443", "true"},
		{"its own, an IPv6 address", nil, "https://[2001:db8::1]", "[2001:db8::1]:443", "https://[2001:db8::1]", "true"},
		{"the default port of another scheme", nil, "http://push.example", "push.example:443", "", ""},
		{"another port", nil, "https://push.example:8443", "push.example", "", ""},
	} {
		p := newOriginPolicy(c.allowed)
		r := &http.Request{Host: c.host, Header: http.Header{}}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		response := http.Header{}
		p.setHeaders(r, response)
		if err := p.check(r); (err == nil) != (c.want != "") {
			t.Errorf("%s: %v", c.name, err)
		}
		want := c.want
		if want == "-" {
			want = ""
		}
		if got := response.Get("Access-Control-Allow-Origin"); got != want || response.Get("Access-Control-Allow-Credentials") != c.credentials {
			t.Errorf("%s: %v, want %q, credentials %q", c.name, response, want, c.credentials)
		}
		if vary := response.Get("Vary") == "Origin"; vary == (c.want == "*") {
			t.Errorf("%s: %v", c.name, response)
		}
	}
}
