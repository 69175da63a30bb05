package websockettest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// page is the suite's end of a connection.
type page struct {
	t       *testing.T
	conn    net.Conn
	in      *bufio.Reader
	writing chan struct{} // closed when everything has been sent

	deflate    bool // permessage-deflate was agreed on
	compressed bool // the last frame was
}

// connect makes a connection on which nothing was sent.
func (e Echo) connect(t *testing.T) *page {
	t.Helper()
	conn, err := e.Dial()
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	p := &page{t: t, conn: conn, in: bufio.NewReader(conn), writing: make(chan struct{})}
	close(p.writing)
	return p
}

// The key of RFC 6455, 1.3, and its answer there.
const (
	upgrade = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// The offers that exchanges begin with, and what is agreed on then.
const (
	noOffer      = ""
	deflateOffer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
	agreement    = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
)

// open makes a connection and its handshake, with these header lines.
func (e Echo) open(t *testing.T, offer string) *page {
	t.Helper()
	p := e.connect(t)
	p.send(upgrade + offer + "\r\n")
	want := ""
	if offer != noOffer {
		want = agreement
	}
	p.expectSwitching(want)
	return p
}

// expectSwitching takes the answer to a handshake that is right.
func (p *page) expectSwitching(extensions string) {
	p.t.Helper()
	answer, err := http.ReadResponse(p.in, nil)
	if err != nil {
		p.t.Fatalf("handshake: %v", err)
	}
	_ = answer.Body.Close() // there is none, and what follows is no body
	h := answer.Header
	if answer.StatusCode != http.StatusSwitchingProtocols || !strings.EqualFold(h.Get("Upgrade"), "websocket") ||
		!strings.EqualFold(h.Get("Connection"), "upgrade") || h.Get("Sec-Websocket-Accept") != accept {
		p.t.Fatalf("handshake: %s %q", answer.Status, h)
	}
	if got := strings.Join(h.Values("Sec-Websocket-Extensions"), ", "); got != extensions {
		p.t.Fatalf("handshake: the extensions are %q, want %q", got, extensions)
	}
	p.deflate = extensions != ""
}

func (p *page) send(data string) { p.sendInPieces(data, len(data)) }

// sendInPieces sends while the answers are read: a server may close before it has got everything, so failing is no error.
func (p *page) sendInPieces(data string, piece int) {
	before, done := p.writing, make(chan struct{})
	p.writing = done
	go func() {
		defer close(done)
		<-before
		for len(data) > 0 {
			n := min(piece, len(data))
			if _, err := io.WriteString(p.conn, data[:n]); err != nil {
				return
			}
			data = data[n:]
		}
	}()
}

// leave ends the connection, at once if the server has not.
func (p *page) leave() {
	_ = p.conn.Close()
	<-p.writing
}

// hangUp ends the page's half of the connection, as a server may wait for, and takes the end of the other.
func (p *page) hangUp() {
	p.t.Helper()
	<-p.writing
	if c, ok := p.conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
		p.expectEnd()
	}
}

// expect takes these frames, and says which of them is another.
func (p *page) expect(frames string) {
	p.t.Helper()
	for frames != "" {
		got := p.frame()
		rest, ok := strings.CutPrefix(frames, got)
		if !ok {
			p.t.Fatalf("got the frame %s, want %s", short(got), short(frames))
		}
		frames = rest
	}
}

// expectClose takes a close frame with this code and any reason.
func (p *page) expectClose(code int) {
	p.t.Helper()
	got := p.frame()
	if len(got) < 4 || got[0] != 0x88 || binary.BigEndian.Uint16([]byte(got[2:])) != uint16(code) || !utf8.ValidString(got[4:]) {
		p.t.Fatalf("got the frame %s, want a close frame with the code %d", short(got), code)
	}
}

// expectEnd takes the connection's end, which comes without another byte. It may come as a reset: after a violation, a
// server need not read what the page had on its way.
func (p *page) expectEnd() {
	p.t.Helper()
	b, err := p.in.ReadByte()
	switch {
	case err == nil:
		p.t.Fatalf("got the byte %02x, want the connection closed", b)
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.t.Fatal("the connection was left open")
	}
}

// frame is the next frame, as a server that does not compress would have sent it.
func (p *page) frame() string {
	p.t.Helper()
	head := p.read(2)
	switch head[1] {
	case 126:
		head += p.read(2)
	case 127:
		head += p.read(8)
	}
	size := uint64(head[1])
	if len(head) > 2 {
		size = binary.BigEndian.Uint64([]byte(strings.Repeat("\x00", 10-len(head)) + head[2:]))
	}
	if size > 1<<30 {
		p.t.Fatalf("got a frame with the head % x", head)
	}
	payload := p.read(int(size))
	first := head[0]
	p.compressed = p.deflate && first&0x40 != 0
	if p.compressed {
		return unmasked(first&^0x40, p.inflate(payload))
	}
	return head + payload
}

func (p *page) read(n int) string {
	p.t.Helper()
	b := make([]byte, n)
	if read, err := io.ReadFull(p.in, b); err != nil {
		p.t.Fatalf("%v, after % x; %d bytes more were to come", err, b[:min(read, 100)], n-read)
	}
	return string(b)
}

// short is enough of some bytes to know them by.
func short(bytes string) string {
	if len(bytes) <= 140 {
		return fmt.Sprintf("% x", bytes)
	}
	return fmt.Sprintf("% x… (%d bytes)", bytes[:100], len(bytes))
}
