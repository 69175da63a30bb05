package listener

import (
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

// admitAll admits every request but those with the parameter refused, and keeps the last one's host and target.
type admitAll struct{ asked string }

func (a *admitAll) Admit(r *http.Request) (scenecast.Admission, error) {
	a.asked = r.Host + " " + r.URL.RequestURI()
	if r.URL.Query().Has("refused") {
		return scenecast.Admission{}, problem.New(problem.Unauthorized, "no")
	}
	return scenecast.Admission{}, nil
}

func fuzzedHandshaker() (*handshaker, *admitAll) {
	admitter := new(admitAll)
	return newHandshaker(&Server{draining: make(chan struct{}), options: Options{
		Origins:       func() *Origins { return NewOrigins(nil, nil) },
		ProxyProtocol: func() *ProxyProtocol { return nil },
		Endpoints: []Endpoint{
			{Match: Path("/"), Admitter: admitter},
			{Match: Path("/close"), Admitter: admitter, CloseCode: func(error) (scenecast.CloseCode, string) { return scenecast.CloseUnauthorized, "no" }},
			{Match: Path("/v1/events"), Transport: EventStream, Admitter: admitter, ContentType: "text/event-stream"},
		},
		Deflate: true,
		MaxHead: 600,
		Logger:  slog.New(slog.NewTextHandler(io.Discard, nil)),
	}}), admitter
}

const upgradeLines = "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// heads are requests, and what becomes of them when they have come whole.
var heads = []struct {
	sent   string
	action socket.Action
}{
	{"GET /?page=home HTTP/1.1\r\n" + upgradeLines + "\r\n", socket.Accept},
	{"GET / HTTP/1.1\r\n" + upgradeLines + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n\x81\x80\x00\x00\x00\x00\r\n\r\n", socket.Accept},
	{"GET / HTTP/1.1\r\n" + upgradeLines + "\r\n\n\n", socket.Accept},
	{"GET /close?refused HTTP/1.1\r\n" + upgradeLines + "\r\n", socket.Reject},
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
	// What net/http refuses, it is to refuse.
	{"GET / HTTP/2.0\r\n" + upgradeLines + "\r\n", socket.Hijack},
	{"GET /v1/events HTTP/0.9\r\nHost: x\r\n\r\n", socket.Hijack},
	{"GET /v1/events HTTP/1.1\r\nHost: u@x\r\n\r\n", socket.Hijack},
	{"GET /v1/events HTTP/1.1\r\nHost: a b\r\n\r\n", socket.Hijack},
	{"GET /v1/events HTTP/1.1\r\nHost: \xff\r\n\r\n", socket.Hijack},
	{"GET http://x/v1/events HTTP/1.1\r\n\r\n", socket.Hijack},
	{"GET / HTTP/1.1\r\n" + upgradeLines + "X-Name : v\r\n\r\n", socket.Hijack},
	{"GET / HTTP/1.1\r\n" + upgradeLines + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", socket.Hijack},
	{"GET / HTTP/1.1\r\n" + upgradeLines + "Expect: fries\r\n\r\n", socket.Hijack},
	{"GET /v1/events HTTP/1.1\r\n X: v\r\nHost: x\r\n\r\n", socket.Hijack},
	{"GET / HTTP/1.1\r\nHost: x\r\n", socket.NeedMore},
	{"GET / HTTP/1.1\r\n" + upgradeLines, socket.NeedMore},
	{"", socket.NeedMore},
	{"GE", socket.NeedMore},
}

func TestHandshake(t *testing.T) {
	handshaker, _ := fuzzedHandshaker()
	for _, h := range heads {
		if got := handshaker.Handshake([]byte(h.sent), netip.AddrPort{}, always); got.Action != h.action {
			t.Errorf("%q: action %d, want %d", h.sent, got.Action, h.action)
		}
	}
}

// FuzzHandshake: however a request comes in pieces, the same page is admitted, or none; a head that may still become a page's is
// waited for, and one that net/http would answer already is not; nothing behind the head is taken for a part of it.
func FuzzHandshake(f *testing.F) {
	for _, h := range heads {
		f.Add([]byte(h.sent))
		f.Add([]byte(h.sent[:len(h.sent)/2]))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		h, admitter := fuzzedHandshaker()
		whole := h.Handshake(sent, netip.AddrPort{}, always)
		asked := admitter.asked
		decided := false
		for n := range len(sent) + 1 {
			got := h.Handshake(bytes.Clone(sent[:n]), netip.AddrPort{}, always)
			switch {
			case got.Action == socket.NeedMore && decided:
				t.Fatalf("%q is decided, and %q is not", sent[:n-1], sent[:n])
			case got.Action == socket.NeedMore && n == len(sent) && whole.Action != socket.NeedMore:
				t.Fatalf("%q: once it needs more, once %d", sent, whole.Action)
			case got.Action == socket.NeedMore && n == len(sent) && askNetHTTP(t, sent).taken:
				t.Fatalf("%q needs more, and net/http has its handler answer", sent)
			case got.Action == socket.NeedMore:
				continue
			case got.Action != whole.Action:
				t.Fatalf("%q: action %d, and of all of %q %d", sent[:n], got.Action, sent, whole.Action)
			}
			decided = true
			if got.Action == socket.Hijack {
				return // from here on it is net/http's
			}
			if got.Head != whole.Head || got.Head > n || admitter.asked != asked || !bytes.Equal(got.Response, whole.Response) {
				t.Fatalf("%q: %+v of %s, and of all of %q %+v of %s", sent[:n], got, admitter.asked, sent, whole, asked)
			}
			if n == len(sent) {
				compareWithNetHTTP(t, sent, got.Head, admitter.asked)
			}
		}
	})
}

// compareWithNetHTTP: what a loop decides itself, net/http would have given to its handler: not one byte of the head earlier, as
// the same request, and with the same bytes behind it.
func compareWithNetHTTP(t *testing.T, sent []byte, head int, asked string) {
	t.Helper()
	if want := askNetHTTP(t, sent); !want.taken || want.asked != asked || want.head != head {
		t.Fatalf("%q: a head of %d bytes, for %s; net/http: %+v", sent, head, asked, want)
	}
	if early := askNetHTTP(t, sent[:head-1]); early.taken {
		t.Fatalf("%q: a head of %d bytes; net/http takes %+v", sent, head, early)
	}
}

// always lets every page join.
func always() bool { return true }
