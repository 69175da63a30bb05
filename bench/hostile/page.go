package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// wire is what a page speaks.
type wire struct{ path, subprotocol string }

var (
	native   = wire{"/v1/connect", "scenecast.v1"}
	tutorial = wire{"/", ""}
)

// The opcodes of RFC 6455, 5.2.
const (
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xA
)

const dialTimeout = 30 * time.Second

// page is a WebSocket whose bytes are written by hand.
type page struct {
	conn net.Conn
	in   *bufio.Reader
}

// connect makes a TCP connection, with TLS where the server has it. A window of 0 leaves the receive buffer to the system.
func connect(ctx context.Context, a address, window int) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	conn, err := d.DialContext(ctx, "tcp", a.Host)
	if err != nil {
		return nil, err
	}
	if window > 0 {
		if err := conn.(*net.TCPConn).SetReadBuffer(window); err != nil {
			conn.Close()
			return nil, err
		}
	}
	if a.Root == nil {
		return conn, nil
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.Root)
	secure := tls.Client(conn, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", NextProtos: []string{"http/1.1"}})
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// upgrade is a request for a page.
func (a address) upgrade(w wire, query string) string {
	head := "GET " + w.path + "?" + query + " HTTP/1.1\r\nHost: " + a.Host + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	if w.subprotocol != "" {
		head += "Sec-WebSocket-Protocol: " + w.subprotocol + "\r\n"
	}
	return head + "\r\n"
}

// dial opens a page with these labels, as in "page=home&user=42".
func dial(ctx context.Context, a address, w wire, labels string) (*page, error) {
	return dialNarrow(ctx, a, w, labels, 0)
}

// dialNarrow opens a page for which the kernel keeps only so many bytes.
func dialNarrow(ctx context.Context, a address, w wire, labels string, window int) (*page, error) {
	conn, err := connect(ctx, a, window)
	if err != nil {
		return nil, err
	}
	p := newPage(conn)
	_ = conn.SetDeadline(time.Now().Add(dialTimeout))
	if err := p.open(a.upgrade(w, "token="+a.Token+"&"+labels)); err != nil {
		conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	return p, nil
}

func newPage(c net.Conn) *page { return &page{conn: c, in: bufio.NewReaderSize(c, 1<<10)} }

// open makes the request for the page.
func (p *page) open(request string) error {
	if _, err := io.WriteString(p.conn, request); err != nil {
		return err
	}
	r, err := http.ReadResponse(p.in, nil)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("the page is refused: %s", r.Status)
	}
	return nil
}

func (p *page) close() { p.conn.Close() }

// reset ends the connection by RST, with no handshake of any kind.
func (p *page) reset() {
	if tcp, ok := p.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	p.conn.Close()
}

// discard reads whatever comes, and answers nothing.
func (p *page) discard() { _, _ = io.Copy(io.Discard, p.conn) }

// frame is one frame of the server.
type frame struct {
	op      byte
	payload []byte
}

// closing says a close frame in words.
func (f frame) closing() string {
	if len(f.payload) < 2 {
		return "closed without a code"
	}
	return fmt.Sprintf("closed with %d: %s", binary.BigEndian.Uint16(f.payload), f.payload[2:])
}

// read reads the next frame but pings, which it answers.
func (p *page) read() (frame, error) {
	for {
		f, err := p.readFrame()
		if err != nil || f.op != opPing {
			return f, err
		}
		if _, err := p.conn.Write(masked(0x80|opPong, f.payload)); err != nil {
			return f, err
		}
	}
}

func (p *page) readFrame() (frame, error) {
	var head [10]byte
	if _, err := io.ReadFull(p.in, head[:2]); err != nil {
		return frame{}, err
	}
	length := uint64(head[1])
	switch length {
	case 126:
		if _, err := io.ReadFull(p.in, head[2:4]); err != nil {
			return frame{}, err
		}
		length = uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		if _, err := io.ReadFull(p.in, head[2:10]); err != nil {
			return frame{}, err
		}
		length = binary.BigEndian.Uint64(head[2:])
	}
	if length > 16<<20 {
		return frame{}, errors.New("a frame over 16 MiB")
	}
	f := frame{head[0] & 0x0F, make([]byte, length)}
	_, err := io.ReadFull(p.in, f.payload)
	return f, err
}

// text is a page's text message in one frame.
func text(s string) []byte { return masked(0x80|opText, []byte(s)) }

// masked is a frame that a client sends, with a mask of zeros, which leaves the payload as it is.
func masked(first byte, payload []byte) []byte {
	head := []byte{first, 0x80 | byte(min(len(payload), 126))}
	switch n := len(payload); {
	case n > 0xFFFF:
		head[1] = 0x80 | 127
		head = binary.BigEndian.AppendUint64(head, uint64(n))
	case n > 125:
		head = binary.BigEndian.AppendUint16(head, uint16(n))
	}
	return append(append(head, 0, 0, 0, 0), payload...)
}

// join repeats bytes for one write.
func join(n int, one func(i int) []byte) []byte {
	var b strings.Builder
	for i := range n {
		b.Write(one(i))
	}
	return []byte(b.String())
}

// until has reads and writes fail when the context ends.
func (p *page) until(ctx context.Context) {
	context.AfterFunc(ctx, func() { _ = p.conn.SetDeadline(time.Unix(1, 0)) })
}
