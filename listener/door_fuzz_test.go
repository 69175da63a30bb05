package listener

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"scenecast"
	"scenecast/problem"
	"scenecast/socket"
)

// everybody is a gate that writes down whom it has let in.
type everybody struct{ target string }

func (g *everybody) Admit(r *http.Request) (scenecast.Admission, error) {
	g.target = r.URL.RequestURI()
	if r.URL.Query().Has("refused") {
		return scenecast.Admission{}, problem.New(problem.Unauthorized, "no")
	}
	return scenecast.Admission{}, nil
}

func fuzzedDoor() (*door, *everybody) {
	gate := new(everybody)
	return newDoor(&Server{refused: newRefusals(), options: Options{
		Upgrades: map[string]Upgrade{
			"/":     {Gate: gate},
			"/away": {Gate: gate, CloseCode: func(error) (scenecast.CloseCode, string) { return scenecast.CloseUnauthorized, "no" }},
		},
		Streams: map[string]Stream{"/v1/events": {Gate: gate, Media: "text/event-stream"}},
		Deflate: true,
		MaxHead: 600,
		Logger:  slog.New(slog.NewTextHandler(io.Discard, nil)),
	}}), gate
}

const upgradeLines = "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// heads are requests, and what becomes of them when they have come whole.
var heads = []struct {
	said    string
	verdict socket.Action
}{
	{"GET /?page=home HTTP/1.1\r\n" + upgradeLines + "\r\n", socket.Accept},
	{"GET / HTTP/1.1\r\n" + upgradeLines + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n\x81\x80\x00\x00\x00\x00\r\n\r\n", socket.Accept},
	{"GET / HTTP/1.1\r\n" + upgradeLines + "\r\n\n\n", socket.Accept},
	{"GET /away?refused HTTP/1.1\r\n" + upgradeLines + "\r\n", socket.Reject},
	{"GET /?refused HTTP/1.1\r\n" + upgradeLines + "\r\n", socket.Hijack},
	{"GET /?page=home HTTP/1.1\r\n" + upgradeLines + "X: " + strings.Repeat("x", 600) + "\r\n\r\n", socket.Hijack},
	{"GET / HTTP/1.1\r\n" + upgradeLines + "Content-Length: 5\r\n\r\nhello", socket.Hijack},
	{"GET / HTTP/1.1\r\n" + upgradeLines + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", socket.Hijack},
	{"GET / HTTP/1.1\r\n" + strings.Replace(upgradeLines, "Host: x\r\n", "", 1) + "\r\n", socket.Hijack},
	{"GET / HTTP/1.0\r\n" + upgradeLines + "\r\n", socket.Hijack},
	{"GET / HTTP/1.1\r\n" + strings.Replace(upgradeLines, "13", "8", 1) + "\r\n", socket.Hijack},
	{"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n" + upgradeLines + "\r\n", socket.Hijack},
	{"POST / HTTP/1.1\r\n", socket.Hijack},
	{"GEX", socket.Hijack},
	{"\x16\x03\x01", socket.Hijack},
	// Where lines end in LF alone, or in a mix, the head ends where net/http says, and nothing behind it is swallowed.
	{"GET / HTTP/1.1\n" + strings.ReplaceAll(upgradeLines, "\r", "") + "\n", socket.Hijack},
	{"GET / HTTP/1.1\n" + strings.ReplaceAll(upgradeLines, "\r", "") + "\n\x81\x80\x00\x00\x00\x00\r\n\r\n", socket.Hijack},
	{"GET / HTTP/1.1\r\n" + upgradeLines[:len(upgradeLines)-2] + "\n\r\nframes\r\n\r\n", socket.Hijack},
	{"GET / HTTP/1.1\n" + upgradeLines + "\r\n", socket.Accept},
	{"GET /v1/events?page=home HTTP/1.1\r\nHost: x\r\n\r\n", socket.Accept},
	{"GET /v1/events HTTP/1.0\r\nHost: x\r\nLast-Event-ID: a-1\r\n\r\nwhatever it says\r\n\r\n", socket.Accept},
	{"GET /v1/events HTTP/1.0\r\n\r\n", socket.Hijack},
	{"GET /v1/events?refused HTTP/1.1\r\nHost: x\r\n\r\n", socket.Hijack},
	{"GET /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1", socket.Hijack},
	{"HEAD /v1/events HTTP/1.1\r\nHost: x\r\n\r\n", socket.Hijack},
	{"GET / HTTP/1.1\r\nHost: x\r\n", socket.NeedMore},
	{"GET / HTTP/1.1\r\n" + upgradeLines, socket.NeedMore},
	{"", socket.NeedMore},
	{"GE", socket.NeedMore},
}

func TestGreet(t *testing.T) {
	d, _ := fuzzedDoor()
	for _, h := range heads {
		if g := d.Handshake([]byte(h.said), netip.AddrPort{}); g.Action != h.verdict {
			t.Errorf("%q: verdict %d, want %d", h.said, g.Action, h.verdict)
		}
	}
}

// FuzzGreet: however a request comes in pieces, the same page is let in, or none; one that may still become a page is heard
// out, and one that net/http would answer already is not; nothing behind the head is taken for a part of it.
func FuzzGreet(f *testing.F) {
	for _, h := range heads {
		f.Add([]byte(h.said))
		f.Add([]byte(h.said[:len(h.said)/2]))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		d, gate := fuzzedDoor()
		whole := d.Handshake(said, netip.AddrPort{})
		target := gate.target
		decided := false
		for n := range len(said) + 1 {
			g := d.Handshake(bytes.Clone(said[:n]), netip.AddrPort{})
			switch {
			case g.Action == socket.NeedMore && decided:
				t.Fatalf("%q is decided, and %q is not", said[:n-1], said[:n])
			case g.Action == socket.NeedMore && n == len(said) && whole.Action != socket.NeedMore:
				t.Fatalf("%q: once heard out, once %d", said, whole.Action)
			case g.Action == socket.NeedMore && isWhole(said[:n]):
				t.Fatalf("%q is heard out, and net/http would answer", said[:n])
			case g.Action == socket.NeedMore:
				continue
			case g.Action != whole.Action:
				t.Fatalf("%q: verdict %d, and of all of %q %d", said[:n], g.Action, said, whole.Action)
			}
			decided = true
			if g.Action == socket.Hijack {
				return // from here on it is net/http's
			}
			if g.Head != whole.Head || g.Head > n || gate.target != target || !bytes.Equal(g.Response, whole.Response) {
				t.Fatalf("%q: %+v of %s, and of all of %q %+v of %s", said[:n], g, gate.target, said, whole, target)
			}
			if !isWhole(said[:g.Head]) || isWhole(said[:g.Head-1]) {
				t.Fatalf("%q: net/http has the head end elsewhere than behind %d bytes", said, g.Head)
			}
		}
	})
}

// isWhole reports whether net/http finds a whole head in this.
func isWhole(said []byte) bool {
	_, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(said)))
	return err == nil
}
