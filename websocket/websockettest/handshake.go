package websockettest

import (
	"net/http"
	"strings"
	"testing"
)

// handshakes is RFC 6455, chapter 4.
func (e Echo) handshakes(t *testing.T) {
	instead := func(old, new string) string {
		if !strings.Contains(upgrade, old) {
			panic("the request has no " + old)
		}
		return strings.Replace(upgrade, old, new, 1)
	}
	for _, c := range []struct{ name, request string }{
		{"4.1 as it should be", upgrade},
		{"4.1 names in capitals", strings.NewReplacer("Upgrade:", "UPGRADE:", "Sec-WebSocket-Key:", "SEC-WEBSOCKET-KEY:").Replace(upgrade)},
		{"4.1 names in small letters", strings.NewReplacer("Upgrade:", "upgrade:", "Sec-WebSocket", "sec-websocket", "Connection:", "connection:").Replace(upgrade)},
		{"4.2.1 values in capitals", instead("Upgrade: websocket\r\nConnection: Upgrade", "Upgrade: WebSocket\r\nConnection: UPGRADE")},
		{"4.2.1 several connection options", instead("Connection: Upgrade", "Connection: keep-alive, Upgrade")},
		{"4.2.1 several lines of them", instead("Connection: Upgrade", "Connection: keep-alive\r\nConnection: Upgrade")},
		{"4.2.1 another protocol to upgrade to", instead("Upgrade: websocket", "Upgrade: h2c, websocket")},
		{"4.1 an origin and cookies", upgrade + "Origin: http://localhost\r\nCookie: a=b; c=d\r\n"},
		{"4.1 a query", instead("GET / ", "GET /?page=home ")},
		{"9.1 an unknown extension", upgrade + "Sec-WebSocket-Extensions: x-telepathy; distance=3\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, piece := range []int{1 << 20, 7} {
				p := e.connect(t)
				p.sendInPieces(c.request+"\r\n"+masked(0x81, "Hello"), piece) // the first frame need not wait for the answer
				p.expectSwitching("")
				p.expect("\x81\x05Hello")
				p.leave()
			}
		})
	}

	for _, c := range []struct {
		name, request string
		status        int
		header        string // that the answer must have
	}{
		{"4.2.1 POST", instead("GET", "POST"), http.StatusMethodNotAllowed, "Allow"},
		{"4.2.1 HTTP/1.0", instead("HTTP/1.1", "HTTP/1.0"), http.StatusBadRequest, ""},
		{"4.2.1 no connection option", instead("Connection: Upgrade\r\n", ""), http.StatusBadRequest, ""},
		{"4.2.1 no host", instead("Host: localhost\r\n", ""), http.StatusBadRequest, ""},
		{"4.2.1 no key", instead("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), http.StatusBadRequest, ""},
		{"4.2.1 a short key", instead("dGhlIHNhbXBsZSBub25jZQ==", "dGhl"), http.StatusBadRequest, ""},
		{"4.2.1 a long key", instead("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZSBhbmQgbW9yZQ=="), http.StatusBadRequest, ""},
		{"4.2.1 a key that is no base64", instead("dGhlIHNhbXBsZSBub25jZQ==", "!!!!!!!!!!!!!!!!!!!!!!=="), http.StatusBadRequest, ""},
		{"4.4 no version", instead("Sec-WebSocket-Version: 13\r\n", ""), http.StatusUpgradeRequired, "Sec-Websocket-Version"},
		{"4.4 an old version", instead("Version: 13", "Version: 8"), http.StatusUpgradeRequired, "Sec-Websocket-Version"},
		{"4.4 a version yet to come", instead("Version: 13", "Version: 14"), http.StatusUpgradeRequired, "Sec-Websocket-Version"},
		{"10.4 a head over the limit", upgrade + "X-Long: " + strings.Repeat("x", e.MaxHead+16<<10) + "\r\n", http.StatusRequestHeaderFieldsTooLarge, ""},
		{"a head that is no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", http.StatusBadRequest, ""},
	} {
		t.Run(c.name, func(t *testing.T) { e.refused(t, c.request+"\r\n", c.status, c.header) })
	}
	if e.HeadTimeout > 0 {
		t.Run("10.4 a head that does not end", func(t *testing.T) { e.refused(t, upgrade, http.StatusRequestTimeout, "") })
	}
}

// refused sends a request that must be answered with this status, in whatever words.
func (e Echo) refused(t *testing.T, request string, status int, header string) {
	p := e.connect(t)
	defer p.leave()
	p.send(request)
	answer, err := http.ReadResponse(p.in, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != status || header != "" && answer.Header.Get(header) == "" {
		t.Errorf("%s %q, want %d with the header %q", answer.Status, answer.Header, status, header)
	}
}
