package server_test

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const signatureV2 = "\r\n\r\n\x00\r\nQUIT\n"

// proxyV2 is a header of version 2: command and family as the specification numbers them, then addresses and TLVs.
func proxyV2(command, family byte, rest string) string {
	return signatureV2 + string([]byte{0x20 | command, family}) + string(binary.BigEndian.AppendUint16(nil, uint16(len(rest)))) + rest
}

// addressesV2 are two addresses and two ports.
func addressesV2(from, to string) string {
	a, b := netip.MustParseAddr(from).AsSlice(), netip.MustParseAddr(to).AsSlice()
	return string(a) + string(b) + "\x12\x67\x01\xbb"
}

// clientOf is the address that a call comes from by this connection, as the log has it, which is written before the answer; or the answer.
func (r *running) clientOf(conn net.Conn) string {
	r.t.Helper()
	before := strings.Count(r.log.String(), `msg=request`)
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n\r\n")
	answer, _ := io.ReadAll(conn)
	if log := r.log.String(); strings.Count(log, `msg=request`) > before {
		_, from, _ := strings.Cut(log[strings.LastIndex(log, `msg=request`):], "client=")
		from, _, _ = strings.Cut(from, " ")
		return from
	}
	return string(answer)
}

var proxyHeaders = []struct {
	name, header string
	from         string // whom a call is from; of a header that is refused, a part of the answer
}{
	{"version 1, IPv4", "PROXY TCP4 198.51.100.7 192.0.2.1 4711 443\r\n", "198.51.100.7"},
	{"version 1, IPv6", "PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n", "2001:db8::7"},
	{"version 1, unknown", "PROXY UNKNOWN\r\n", "203.0.113.9"},
	{"version 1, a proxy of ours behind it", "PROXY TCP4 127.0.0.2 192.0.2.1 4711 443\r\n", "203.0.113.9"},
	{"version 2, IPv4", proxyV2(1, 0x11, addressesV2("198.51.100.7", "192.0.2.1")), "198.51.100.7"},
	{"version 2, IPv6", proxyV2(1, 0x21, addressesV2("2001:db8::7", "2001:db8::1")), "2001:db8::7"},
	{"version 2, with TLVs", proxyV2(1, 0x11, addressesV2("198.51.100.7", "192.0.2.1")+"\x02\x00\x01a\x04\x00\x04pad!"), "198.51.100.7"},
	{"version 2, long", proxyV2(1, 0x11, addressesV2("198.51.100.7", "192.0.2.1")+"\x20\x0f\x00"+strings.Repeat("c", 0xf00)), "198.51.100.7"},
	{"version 2, local", proxyV2(0, 0x00, ""), "203.0.113.9"},
	{"version 2, local, with addresses", proxyV2(0, 0x11, addressesV2("198.51.100.7", "192.0.2.1")), "203.0.113.9"},
	{"version 2, a Unix socket", proxyV2(1, 0x31, strings.Repeat("a\x00", 108)), "203.0.113.9"},
	{"version 1, malformed", "PROXY TCP4 nobody 192.0.2.1 4711 443\r\n", "malformed"},
	{"version 1, without an end", "PROXY " + strings.Repeat("x", 200), "too long"},
	{"version 2, of another version", signatureV2 + "\x31\x11\x00\x0c" + addressesV2("198.51.100.7", "192.0.2.1"), "malformed"},
	{"version 2, too short for its addresses", proxyV2(1, 0x21, addressesV2("198.51.100.7", "192.0.2.1")), "malformed"},
	{"version 2, too long", signatureV2 + "\x21\x11\xff\xff", "too long"},
	{"none", "", "a PROXY header first"},
}

// TestProxyProtocol: who a connection is from, by each header, whole and in pieces, on each kind of port.
func TestProxyProtocol(t *testing.T) {
	settings := map[string]string{"limits.proxy_protocol": "required", "limits.trusted_proxies": "127.0.0.0/8"}
	plain := start(t, settings, nil)
	secured, pool := secure(t, settings)
	for _, c := range proxyHeaders {
		for _, size := range []int{1 << 20, 1, 7} {
			name := fmt.Sprintf("%s, %d bytes at a time", c.name, size)
			if got := plain.clientOf(plain.proxied(c.header, size)); !strings.Contains(got, c.from) {
				t.Errorf("%s: %q, want %q", name, got, c.from)
			}
			conn := secured.proxied(c.header, size)
			overTLS := tls.Client(conn, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
			_ = conn.SetDeadline(time.Now().Add(patience))
			err := overTLS.Handshake()
			if strings.Contains(c.from, ".") || strings.Contains(c.from, ":") {
				if err != nil {
					t.Errorf("%s, over TLS: %v", name, err)
				} else if got := secured.clientOf(overTLS); got != c.from {
					t.Errorf("%s, over TLS: %q, want %q", name, got, c.from)
				}
			} else if err == nil {
				t.Errorf("%s, over TLS: it is taken", name)
			}
		}
	}
	awaitThat(t, "a line about a header", func() bool {
		return strings.Contains(plain.log.String(), `msg="connection refused" client=127.0.0.1 why="the PROXY header is malformed`)
	})
}

// proxied opens a connection that begins so, in pieces.
func (r *running) proxied(header string, size int) net.Conn {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	if len(header) > 1000 && size < 1000 {
		size = 1000
	}
	for header != "" {
		n := min(size, len(header))
		if _, err := io.WriteString(conn, header[:n]); err != nil {
			return conn // it has been refused
		}
		header = header[n:]
	}
	return conn
}

// TestProxyProtocolOfPages: pages count by the addresses that the header says, and what follows it is theirs.
func TestProxyProtocolOfPages(t *testing.T) {
	s := start(t, map[string]string{"limits.proxy_protocol": "required", "limits.trusted_proxies": "127.0.0.1", "limits.per_address": "1"}, nil)
	visit := func(from, request string) (net.Conn, *http.Response) {
		t.Helper()
		conn, in := s.raw("PROXY TCP4 " + from + " 192.0.2.1 4711 443\r\n" + request)
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		return conn, response
	}
	stream := "GET /v1/events?token=" + pageToken + " HTTP/1.1\r\nHost: x\r\n\r\n"
	for from, want := range map[string]int{"198.51.100.7": 101, "198.51.100.8": 101} {
		if _, r := visit(from, upgrade("/?token="+pageToken)+maskedFrame(0x81, "heartbeat")); r.StatusCode != want {
			t.Errorf("a page of %s: %s", from, r.Status)
		}
	}
	if _, r := visit("198.51.100.7", upgrade("/?token="+pageToken)); r.StatusCode != 429 {
		t.Errorf("a second page of an address: %s", r.Status)
	}
	if _, r := visit("198.51.100.9", stream); r.StatusCode != 200 || r.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Errorf("a stream: %s", r.Status)
	}
	s.awaitConnections(3)
}

// TestProxyProtocolOfOthers: a header of somebody who is not trusted is refused in words, and so is one where none is taken; others come in
// without one.
func TestProxyProtocolOfOthers(t *testing.T) {
	const header = "PROXY TCP4 198.51.100.7 192.0.2.1 4711 443\r\n"
	others := start(t, map[string]string{"limits.proxy_protocol": "required", "limits.trusted_proxies": "192.0.2.1"}, nil)
	if got := others.clientOf(others.proxied(header, 1<<20)); !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, "limits.trusted_proxies") {
		t.Errorf("a header of somebody else: %q", got)
	}
	if got := others.clientOf(others.proxied("", 1)); got != "127.0.0.1" {
		t.Errorf("somebody else: %q", got)
	}
	optional := start(t, map[string]string{"limits.proxy_protocol": "optional", "limits.trusted_proxies": "127.0.0.1"}, nil)
	for h, want := range map[string]string{header: "198.51.100.7", "": "203.0.113.9"} {
		if got := optional.clientOf(optional.proxied(h, 1<<20)); got != want {
			t.Errorf("optional, behind %q: %q, want %q", h, got, want)
		}
	}
	if status, answer := optional.call("POST", "/v1/push", apiKey, "", `{"to":"*","message":1}`); status != 200 { // PO begins as PROXY does not
		t.Errorf("a call without a header: %d %s", status, answer)
	}
	off := start(t, map[string]string{"limits.trusted_proxies": "127.0.0.1"}, nil)
	if got := off.clientOf(off.proxied(header, 1<<20)); !strings.HasPrefix(got, "HTTP/1.1 400 ") || !*portable && !strings.Contains(got, "limits.proxy_protocol") {
		t.Errorf("where it is off: %q", got)
	}
}

// TestSlowProxyHeader has the time that a request's head has.
func TestSlowProxyHeader(t *testing.T) {
	t.Parallel()
	settings := map[string]string{"limits.proxy_protocol": "required", "limits.trusted_proxies": "127.0.0.1", "http.head_timeout": inTime, "drain": "1h"}
	plain := start(t, settings, nil)
	secured, _ := secure(t, settings)
	var waiting sync.WaitGroup
	for _, s := range []*running{plain, secured} {
		for _, begun := range []string{"", "PRO", signatureV2[:5]} {
			conn := s.proxied(begun, 1<<20)
			_ = conn.SetDeadline(time.Now().Add(patience))
			waiting.Go(func() {
				if _, err := io.Copy(io.Discard, conn); err != nil {
					t.Errorf("%q: %v", begun, err)
				}
			})
		}
	}
	waiting.Wait()
	settings["http.head_timeout"] = "1h"
	waits := start(t, settings, nil)
	_ = waits.proxied("PROX", 1)
	waits.end() // a stop does not wait for it
}

// TestUnixSocket: pages, streams and calls come by a socket in the file system, whose permissions are those that were set; it is gone with
// the server, and one that a dead server left behind is replaced.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.sock")
	dead, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = dead.Close()
	settings := map[string]string{"listen": "unix:" + path, "socket_mode": "0640", "limits.per_address": "1", "limits.proxy_protocol": "optional"}
	s := start(t, settings, nil)
	if file, err := os.Stat(path); err != nil || file.Mode() != os.ModeSocket|0o640 {
		t.Errorf("the socket is %v, %v", file.Mode(), err)
	}
	dial := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(patience))
		return conn
	}
	for begin, want := range map[string]string{"": "203.0.113.9", "PROXY TCP4 198.51.100.7 192.0.2.1 4711 443\r\n": "198.51.100.7"} {
		conn := dial()
		_, _ = io.WriteString(conn, begin)
		if got := s.clientOf(conn); got != want {
			t.Errorf("behind %q a call is from %q, want %q", begin, got, want)
		}
	}
	visit := func(from string) (net.Conn, *bufio.Reader, *http.Response) {
		t.Helper()
		conn := dial()
		_, _ = io.WriteString(conn, strings.TrimSuffix(upgrade("/?page=home&token="+pageToken), "\r\n")+"X-Forwarded-For: "+from+"\r\n\r\n")
		in := bufio.NewReader(conn)
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		return conn, in, response
	}
	_, in, first := visit("198.51.100.1")
	_, _, second := visit("198.51.100.1")
	_, _, other := visit("198.51.100.2")
	if first.StatusCode != 101 || second.StatusCode != 429 || other.StatusCode != 101 {
		t.Errorf("pages are answered %s, %s, %s", first.Status, second.Status, other.Status)
	}
	expectBytes(t, in, textFrame(`{"code":200,"message":"打开swoole服务成功"}`))
	conn := dial()
	body := `{"to":{"page":"home"},"message":"by a socket"}`
	fmt.Fprintf(conn, "POST /v1/push HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", apiKey, len(body), body)
	if answer, _ := io.ReadAll(conn); !strings.Contains(string(answer), `"matched":2,"queued":2`) {
		t.Errorf("a push is answered %s", answer)
	}
	expectBytes(t, in, textFrame(`"by a socket"`))

	second2 := func() error {
		_, err := newRunning(t, settings, func(*options) {})
		return err
	}
	if err := second2(); err == nil || !strings.Contains(err.Error(), "another server listens on it") {
		t.Errorf("a second server: %v", err)
	}
	s.end()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
	if err := os.WriteFile(path, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := second2(); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("a file at the path: %v", err)
	}
}
