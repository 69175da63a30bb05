package listener

import (
	"bufio"
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/pires/go-proxyproto"
)

// FuzzProxyHeader: what a connection begins with is decided alike whole and in pieces; of a header that is taken, nothing is left over and
// nothing behind it is eaten; and it says what the library reads from the stream.
func FuzzProxyHeader(f *testing.F) {
	for _, b := range []string{
		"", "P", "PROXY", "PROXY TCP4 198.51.100.7 192.0.2.1 4711 443\r\nGET / HTTP/1.1\r\n", "PROXY TCP6 2001:db8::7 ::1 1 2\r\n", "PROXY UNKNOWN\r\n",
		"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\nrest", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", "PROXY \r\n", "POST / HTTP/1.1\r\n", "\r\n\r\n\x00\r\nQUIT\n",
		"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x07\xc0\x00\x02\x01\x12\x67\x01\xbbrest", "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00GET",
		"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x10\xc6\x33\x64\x07\xc0\x00\x02\x01\x12\x67\x01\xbb\x04\x00\x01a", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff", "\r\n\r\nGET",
	} {
		f.Add([]byte(b), true)
	}
	peer := netip.MustParseAddrPort("192.0.2.9:80")
	f.Fuzz(func(t *testing.T, b []byte, required bool) {
		s := &Server{options: Options{ProxyProtocol: func() *ProxyProtocol {
			return &ProxyProtocol{Trusts: func(netip.Addr) bool { return true }, Required: required}
		}}}
		whole, err := s.readProxyHeader(b, peer)
		if whole.length > len(b) || whole.length > proxyV2Fixed+maxProxyV2 {
			t.Fatalf("%q: a header of %d bytes", b, whole.length)
		}
		decided := proxyHeader{more: true}
		var early error
		for n := 0; n <= len(b) && decided.more && early == nil; n++ {
			decided, early = s.readProxyHeader(b[:n], peer)
		}
		if decided != whole || (early == nil) != (err == nil) {
			t.Errorf("%q: %+v, %v; in pieces %+v, %v", b, whole, err, decided, early)
		}
		if err != nil || whole.length == 0 {
			return
		}
		in := bufio.NewReaderSize(bytes.NewReader(b), max(16, len(b)))
		header, err := proxyproto.Read(in)
		if err != nil || in.Buffered() != len(b)-whole.length {
			t.Fatalf("%q: taken with %d bytes, and the library says %v and leaves %d", b, whole.length, err, in.Buffered())
		}
		want := peer
		if from, ok := header.SourceAddr.(*net.TCPAddr); ok && header.Command.IsProxy() {
			want = netip.AddrPortFrom(from.AddrPort().Addr().Unmap(), from.AddrPort().Port())
		}
		if whole.from != want {
			t.Errorf("%q: from %v, want %v", b, whole.from, want)
		}
	})
}
