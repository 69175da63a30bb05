package listener

import (
	"io"
	"log/slog"
	"net/netip"
	"testing"

	"scenecast"
	"scenecast/admission"
	"scenecast/auth"
	"scenecast/label"
	"scenecast/protocol/tutorial"
	"scenecast/socket"
)

// BenchmarkGreet is what the door does for a page with five labels: read the request, let it in, make the answer.
func BenchmarkGreet(b *testing.B) {
	pages := new(auth.PageTokens)
	pages.Add("123456", auth.Page{App: scenecast.DefaultApp})
	desk := &admission.Authenticator{Pages: pages, Rules: func(string) label.Rules { return label.Rules{Limits: label.DefaultLimits} }}
	s := &Server{refused: newRefusals(), options: Options{
		Upgrades: map[string]Upgrade{"/": {Gate: tutorial.New(tutorial.Options{Authenticator: desk})}},
		MaxHead:  16 << 10,
		Logger:   slog.New(slog.NewTextHandler(io.Discard, nil)),
	}}
	d := newDoor(s)
	head := []byte("GET /?group=r-17&locale=zh&page=home&run=abcdefgh&token=123456&user=r-1234 HTTP/1.1\r\nHost: 127.0.0.1:9502\r\n" +
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	from := netip.MustParseAddrPort("127.0.0.1:5555")
	b.ReportAllocs()
	for b.Loop() {
		if g := d.Handshake(head, from); g.Action != socket.Accept {
			b.Fatalf("%+v", g)
		}
	}
}
