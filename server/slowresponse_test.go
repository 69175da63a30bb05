package server_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// bigPage answers with so many bytes, and counts the responses that were taken whole and those that were not.
type bigPage struct {
	body         []byte
	whole, ended atomic.Int64
}

func (p *bigPage) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	_, err := w.Write(p.body)
	if err == nil {
		p.whole.Add(1)
	}
	p.ended.Add(1)
}

// withBigPage runs a server with a page of two megabytes at /big.
func withBigPage(t *testing.T, settings map[string]string) (*running, *bigPage) {
	t.Helper()
	page := &bigPage{body: bytes.Repeat([]byte("x"), 2<<20)}
	return startWith(t, settings, func(o *options) { o.Pages = map[string]http.Handler{"/big": page} }), page
}

// askBig asks for it on a connection with a small buffer, and reads nothing.
func (r *running) askBig() net.Conn {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	_ = conn.(*net.TCPConn).SetReadBuffer(16 << 10)
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		r.t.Fatal(err)
	}
	return conn
}

// TestStalledResponse: a client that takes nothing of its response loses it in time.
func TestStalledResponse(t *testing.T) {
	s, page := withBigPage(t, map[string]string{"http.write_timeout": "300ms"})
	s.askBig()
	awaitThat(t, "the response to be given up", func() bool { return page.ended.Load() == 1 })
	if page.whole.Load() != 0 {
		t.Error("the client is said to have taken it")
	}
}

// TestSlowResponse: a client that reads slowly, and steadily, gets all of it, however long that takes.
func TestSlowResponse(t *testing.T) {
	t.Parallel()
	s, page := withBigPage(t, map[string]string{"http.write_timeout": "1s", "drain": "1h"})
	conn := s.askBig()
	got := 0
	buf := make([]byte, 48<<10)
	for {
		n, err := conn.Read(buf)
		got += n
		if err != nil {
			break
		}
		time.Sleep(30 * time.Millisecond) // which is what the client is like
	}
	if got < len(page.body) || page.whole.Load() != 1 {
		t.Errorf("the client got %d bytes of %d", got, len(page.body))
	}
}

// TestStalledResponsesTogether: clients that ask for much and read nothing cannot fill the memory; who reads is not affected.
func TestStalledResponsesTogether(t *testing.T) {
	s, page := withBigPage(t, map[string]string{"http.write_timeout": "1h"})
	const clients, fit = 50, 32 // 64 MiB
	for range clients {
		s.askBig()
	}
	awaitThat(t, "the first ones to be given up", func() bool { return page.ended.Load() == clients-fit })
	conn := s.askBig()
	if n, err := io.Copy(io.Discard, conn); n < int64(len(page.body)) || err != nil {
		t.Errorf("a client that reads got %d bytes, %v", n, err)
	}
	if page.whole.Load() != 1 {
		t.Errorf("%d responses were taken whole", page.whole.Load())
	}
}

// TestHTTP2StalledResponse: over HTTP/2 a client can stall one response and take others on the same connection.
func TestHTTP2StalledResponse(t *testing.T) {
	t.Parallel()
	cert, key, pool := selfSigned(t)
	s, page := withBigPage(t, map[string]string{"tls.cert": cert, "tls.key": key, "http.write_timeout": inTime})
	client := http2Client(t, pool)
	client.Transport.(*http.Transport).HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10}
	stalled, err := client.Get("https://" + s.addr + "/big")
	if err != nil {
		t.Fatal(err)
	}
	defer stalled.Body.Close()
	awaitThat(t, "the response to be given up", func() bool { return page.ended.Load() == 1 })
	if n, err := io.Copy(io.Discard, stalled.Body); err == nil || page.whole.Load() != 0 {
		t.Errorf("the client got %d bytes, %v", n, err)
	}
	whole, err := client.Get("https://" + s.addr + "/big")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, whole.Body); n != int64(len(page.body)) || err != nil || whole.ProtoMajor != 2 {
		t.Errorf("the client got %d bytes, %v", n, err)
	}
	_ = whole.Body.Close()
}
