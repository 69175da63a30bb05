package server

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// rawPage is a page whose bytes the test writes and reads itself.
type rawPage struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

// dialPage opens a WebSocket at a path with a query.
func (m *moves) dialPage(target string, header ...string) *rawPage {
	m.t.Helper()
	p := m.dialHTTP()
	head := "GET " + target + " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + strings.Join(append(header, ""), "\r\n") + "\r\n"
	p.write(head)
	response, err := http.ReadResponse(p.r, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		m.t.Fatalf("handshake: %v, %v", response, err)
	}
	return p
}

func (m *moves) dialHTTP() *rawPage {
	m.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(m.url, "http://"))
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(guard))
	return &rawPage{m.t, c, bufio.NewReader(c)}
}

func (p *rawPage) write(text string) {
	p.t.Helper()
	if _, err := p.Write([]byte(text)); err != nil {
		p.t.Fatal(err)
	}
}

// read is the next text message.
func (p *rawPage) read() string {
	p.t.Helper()
	for {
		head, err := ws.ReadHeader(p.r)
		if err != nil {
			p.t.Fatal(err)
		}
		payload := make([]byte, head.Length)
		if _, err := io.ReadFull(p.r, payload); err != nil {
			p.t.Fatal(err)
		}
		if head.OpCode == ws.OpText {
			return string(payload)
		}
		if head.OpCode == ws.OpClose {
			p.t.Fatalf("the page is closed: %q", payload)
		}
	}
}

func (p *rawPage) expect(parts ...string) {
	p.t.Helper()
	got := p.read()
	for _, part := range parts {
		if !strings.Contains(got, part) {
			p.t.Fatalf("the page gets %s, want %q in it", got, parts)
		}
	}
}

const nativePath = "/v1/connect?token=" + moveToken + "&page=home"

var nativeHeader = "Sec-WebSocket-Protocol: scenecast.v1"

// masked is a client's frame.
func masked(op ws.OpCode, fin bool, payload string) string {
	f := ws.MaskFrame(ws.NewFrame(op, fin, []byte(payload)))
	return string(ws.MustCompileFrame(f))
}

func expectOK(t *testing.T, p *rawPage) {
	t.Helper()
	response, err := http.ReadResponse(p.r, nil)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", response, err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	if response.Close {
		t.Error("the connection is closed")
	}
}

func serveHTTP(t *testing.T, handle http.HandlerFunc) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: handle}
	done := make(chan struct{})
	go func() { _ = s.Serve(l); close(done) }()
	t.Cleanup(func() { _ = s.Shutdown(context.Background()); <-done })
	return "http://" + l.Addr().String()
}
