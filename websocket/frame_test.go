package websocket_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"scenecast/problem"
	"scenecast/websocket"
)

func TestFrames(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, c := range []struct {
		name      string
		got, want []byte
	}{
		{"RFC 6455, 5.7: Hello", websocket.TextFrame([]byte("Hello")), []byte("\x81\x05Hello")},
		{"16-bit length", websocket.TextFrame([]byte(long)), []byte("\x81\x7e\x01\x2c" + long)},
		{"binary", websocket.BinaryFrame([]byte("\xff")), []byte("\x82\x01\xff")},
		{"ping", websocket.PingFrame(), []byte("\x89\x00")},
		{"pong", websocket.PongFrame([]byte("abc")), []byte("\x8a\x03abc")},
		{"close", websocket.CloseFrame(1000, "bye"), []byte("\x88\x05\x03\xe8bye")},
		{"close without a code", websocket.CloseFrame(0, ""), []byte("\x88\x00")},
	} {
		if !bytes.Equal(c.got, c.want) {
			t.Errorf("%s: % x, want % x", c.name, c.got, c.want)
		}
	}
}

// TestLongReason: a control frame has at most 125 bytes, and its text is UTF-8 to the end.
func TestLongReason(t *testing.T) {
	for n := 115; n < 130; n++ {
		frame := websocket.CloseFrame(1000, strings.Repeat("x", n)+"你好你好")
		reason := frame[4:]
		if len(frame) > 2+125 || len(reason) < 118 || !utf8.Valid(reason) {
			t.Errorf("reason of %d bytes and Chinese: frame of %d bytes, reason %q", n, len(frame), reason)
		}
	}
	if frame := websocket.CloseFrame(1000, "\xff"); !utf8.Valid(frame[4:]) {
		t.Errorf("a reason that is no text was sent as it is: %q", frame)
	}
}

func upgradeRequest() *http.Request {
	return &http.Request{
		Method: "GET", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Connection":             {"keep-alive, Upgrade"},
			"Upgrade":                {"WebSocket"},
			"Sec-Websocket-Version":  {"13"},
			"Sec-Websocket-Key":      {"dGhlIHNhbXBsZSBub25jZQ=="},
			"Sec-Websocket-Protocol": {"superchat, chat"},
		},
	}
}

func TestHandshake(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		kind   problem.Kind
	}{
		{"as it should be", func(*http.Request) {}, ""},
		{"another subprotocol", header("Sec-WebSocket-Protocol", "superchat"), problem.Invalid},
		{"POST", func(r *http.Request) { r.Method = "POST" }, problem.MethodNotAllowed},
		{"HTTP/1.0", func(r *http.Request) { r.ProtoMinor = 0 }, problem.Invalid},
		{"a proxy that drops Connection", header("Connection", "close"), problem.Invalid},
		{"version 8", header("Sec-WebSocket-Version", "8"), problem.UpgradeRequired},
		{"no version", header("Sec-WebSocket-Version", ""), problem.UpgradeRequired},
		{"no key", header("Sec-WebSocket-Key", ""), problem.Invalid},
		{"a short key", header("Sec-WebSocket-Key", "dGhl"), problem.Invalid},
		{"a key that is no base64", header("Sec-WebSocket-Key", "!!!!IHNhbXBsZSBub25jZQ=="), problem.Invalid},
	} {
		r := upgradeRequest()
		c.change(r)
		var kind problem.Kind
		if err := websocket.CheckHandshake(r, "chat"); err != nil {
			kind = problem.Of(err).Kind
		}
		if kind != c.kind || !websocket.IsUpgrade(r) {
			t.Errorf("%s: problem %q, want %q", c.name, kind, c.kind)
		}
	}
	if websocket.IsUpgrade(&http.Request{Header: http.Header{}}) {
		t.Error("a request without Upgrade is taken for one")
	}
}

// TestSwitchingProtocols uses the example of RFC 6455, 1.3.
func TestSwitchingProtocols(t *testing.T) {
	const want = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
	if got := string(websocket.SwitchingProtocols(upgradeRequest(), "", "")); got != want+"\r\n" {
		t.Errorf("got %q", got)
	}
	if got := string(websocket.SwitchingProtocols(upgradeRequest(), "chat", "")); got != want+"Sec-WebSocket-Protocol: chat\r\n\r\n" {
		t.Errorf("with a subprotocol: got %q", got)
	}
	if got := string(websocket.SwitchingProtocols(upgradeRequest(), "", "x")); got != want+"Sec-WebSocket-Extensions: x\r\n\r\n" {
		t.Errorf("with an extension: got %q", got)
	}
}
