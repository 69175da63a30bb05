package config

import (
	"strings"
	"testing"
)

// TestOrigins: what a browser sends is taken as it is; of the rest, the right form is told where there is one.
func TestOrigins(t *testing.T) {
	for text, right := range map[string]string{
		"*":                          "*",
		"null":                       "null",
		"https://example.com":        "https://example.com",
		"https://a_b.example.com.":   "https://a_b.example.com.",
		"http://localhost:8080":      "http://localhost:8080",
		"http://127.0.0.1":           "http://127.0.0.1",
		"http://[::1]:8080":          "http://[::1]:8080",
		"https://*.example.com":      "https://*.example.com",
		"https://*.example.com:8443": "https://*.example.com:8443",
		"http://*.localhost":         "http://*.localhost",
		"https://xn--bcher-kva.de":   "https://xn--bcher-kva.de",
		"capacitor://localhost":      "capacitor://localhost",
		"chrome-extension://abcdef":  "chrome-extension://abcdef",
		"moz-extension://1-2-3":      "moz-extension://1-2-3",
		"https://1.example":          "https://1.example",
		"wss://example.com":          "https://example.com",
		"ws://example.com:9502/v1":   "http://example.com:9502",
		"wss://*.example.com":        "https://*.example.com",
		"example.com":                "https://example.com",
		"*.example.com":              "https://*.example.com",
		"localhost:8080":             "https://localhost:8080",
		"https://example.com/":       "https://example.com",
		"https://example.com/a?b#c":  "https://example.com",
		"https://u:p@example.com":    "https://example.com",
		"HTTPS://Example.COM":        "https://example.com",
		"https://example.com:443":    "https://example.com",
		"http://example.com:080":     "http://example.com",
		"http://example.com:443":     "http://example.com:443",
		"https://example.com:":       "https://example.com",
		"https://bücher.de":          "https://xn--bcher-kva.de",
		"https://*.BÜCHER.de":        "https://*.xn--bcher-kva.de",
		"https://例子。测试":              "https://xn--fsqu00a.xn--0zwm56d",
		"http://[0:0::0:1]":          "http://[::1]",
		"http://[::FFFF:127.0.0.1]":  "http://[::ffff:7f00:1]",
		"http://[1:0:0:2::3]":        "http://[1:0:0:2::3]",
		"file:///home/x":             `"null"`,
		"data://x":                   `"null"`,
		"https://*":                  "",
		"https://*.":                 "",
		"https://*example.com":       "",
		"https://a.*.example.com":    "",
		"https://*.*.example.com":    "",
		"https://*.127.0.0.1":        "",
		"https://*.[::1]":            "",
		"*://example.com":            "",
		"chrome-extension://*":       "",
		"https://x:99999":            "",
		"https://x:0":                "",
		"https://x:8o":               "",
		"https://x:-1":               "",
		"http://127.1":               "",
		"http://1.2.3.256":           "",
		"http://0x7f.1":              "",
		"http://[::1":                "",
		"http://[::1%25eth0]":        "",
		"http://[127.0.0.1]":         "",
		"http://::1":                 "",
		"https://a..example":         "",
		"https://.example":           "",
		"https://a b":                "",
		"https://%41.example":        "",
		"https://":                   "",
		"https:///a":                 "",
		"://example.com":             "",
		"":                           "",
		" https://example.com":       "",
		"https://example.com,":       "",
		"https://\x00":               "",
		"https://\xff":               "",
	} {
		got, err := parseOrigin(text)
		switch {
		case right == text:
			if err != nil || got != text {
				t.Errorf("%q: %q, %v, want it taken", text, got, err)
			}
		case right == "":
			if err == nil || !strings.HasSuffix(err.Error(), ` is no origin that a browser sends; write it as https://www.example.com, https://*.example.com, "null" or "*"`) {
				t.Errorf("%q: %q, %v, want it refused", text, got, err)
			}
		default:
			if err == nil || !strings.HasSuffix(err.Error(), " is no origin that a browser sends; write it as "+right) {
				t.Errorf("%q: %q, %v, want the form %s", text, got, err, right)
			}
		}
	}
}

// FuzzOrigin: the form that is told is taken.
func FuzzOrigin(f *testing.F) {
	for _, seed := range []string{"*", "null", "wss://x", "https://x:99999", "https://bücher.de:0443/", "http://[::ffff:1.2.3.4]:1", "*.B.", "file:///", "https://1.2.3.4.", "ſ://K"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		right := canonicalOrigin(text)
		if right == "" {
			return
		}
		if _, err := parseOrigin(strings.Trim(right, `"`)); err != nil {
			t.Errorf("for %q, %v", text, err)
		}
	})
}
