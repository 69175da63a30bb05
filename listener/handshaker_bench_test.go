package listener

import (
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"scenecast"
	"scenecast/admission"
	"scenecast/auth"
	"scenecast/label"
	"scenecast/protocol/tutorial"
	"scenecast/socket"
)

// benchmarked is a handshaker whose pages have the token 123456.
func benchmarked() *handshaker {
	pages := new(auth.PageTokens)
	pages.Add("123456", auth.Page{App: scenecast.DefaultApp})
	authenticator := &admission.Authenticator{Pages: pages, Rules: func(string) label.Rules { return label.Rules{Limits: label.DefaultLimits} }}
	return newHandshaker(&Server{draining: make(chan struct{}), options: Options{
		Origins:   func() *Origins { return NewOrigins(nil, nil) },
		Endpoints: []Endpoint{{Match: Path("/"), Admitter: tutorial.New(tutorial.Options{Authenticator: authenticator})}},
		MaxHead:   16 << 10,
		Logger:    slog.New(slog.NewTextHandler(io.Discard, nil)),
	}})
}

const benchmarkedLines = " HTTP/1.1\r\nHost: 127.0.0.1:9502\r\n" +
	"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// BenchmarkHandshake is the handshake of a page with five labels: read the head, admit the page, make the response.
func BenchmarkHandshake(b *testing.B) {
	handshaker := benchmarked()
	head := []byte("GET /?group=r-17&locale=zh&page=home&run=abcdefgh&token=123456&user=r-1234" + benchmarkedLines)
	from := netip.MustParseAddrPort("127.0.0.1:5555")
	b.ReportAllocs()
	for b.Loop() {
		if h := handshaker.Handshake(head, from, always); h.Action != socket.Accept {
			b.Fatalf("%+v", h)
		}
	}
}

// BenchmarkWrongToken is what a loop does for a client without the token whose head is as long as a head may be.
func BenchmarkWrongToken(b *testing.B) {
	handshaker := benchmarked()
	head := []byte("GET /?token=wrong" + strings.Repeat("&a", 7800) + benchmarkedLines)
	from := netip.MustParseAddrPort("127.0.0.1:5555")
	b.ReportAllocs()
	for b.Loop() {
		if h := handshaker.Handshake(head, from, always); h.Action != socket.Hijack {
			b.Fatalf("%+v", h)
		}
	}
}
