package listener

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"
)

// ProxyProtocol says whose PROXY headers are believed: what a proxy writes before a connection's first bytes to say whom it passes on
// (haproxy.org, proxy-protocol.txt). Whoever is believed says where pages come from. A value is not changed.
type ProxyProtocol struct {
	Trusts   func(peer netip.Addr) bool // a header of this address is believed; that of a peer on a Unix socket always is
	Required bool                       // whoever is believed must send one
}

// The headers: one line of version 1, or binary of version 2.
var (
	proxyV1 = []byte("PROXY ")
	proxyV2 = []byte("\r\n\r\n\x00\r\nQUIT\n")
)

const (
	maxProxyV1    = 107     // bytes of version 1, by the specification
	proxyV2Fixed  = 16      // bytes of version 2, up to its addresses
	maxProxyV2    = 4 << 10 // … and behind that, where a certificate of a client is the longest that is known
	unknownClient = "@"     // Request.RemoteAddr of a peer on a Unix socket, as net/http has it
	settingProxy  = "limits.proxy_protocol"
)

// proxyHeader is what was found at the beginning of a connection.
type proxyHeader struct {
	more   bool           // it is not whole yet
	length int            // 0: there is none
	from   netip.AddrPort // whom the connection is from; of a peer on a Unix socket that is not known, the zero value
}

// readProxyHeader reads what a connection of a peer (the zero value: on a Unix socket) begins with. An error refuses the connection.
func (s *Server) readProxyHeader(b []byte, peer netip.AddrPort) (proxyHeader, error) {
	h := proxyHeader{from: peer}
	policy := s.options.ProxyProtocol()
	if len(b) == 0 || policy == nil && b[0] != proxyV1[0] && b[0] != proxyV2[0] {
		h.more = len(b) == 0
		return h, nil // by far the most
	}
	length, begun := proxyHeaderLength(b)
	trusted := policy != nil && policy.trusts(peer)
	switch {
	case !begun && trusted && policy.Required:
		return h, fmt.Errorf("a proxy that is trusted sends a PROXY header first, and here is none (setting: %s)", settingProxy)
	case !begun:
		return h, nil
	case length == 0 && policy == nil:
		return h, nil // what it is, is not for sure; net/http answers it
	case length == 0:
		h.more = true
		return h, nil
	case policy == nil:
		return h, fmt.Errorf("a PROXY header is taken only where %s is on", settingProxy)
	case !trusted:
		return h, fmt.Errorf("a PROXY header is taken from limits.trusted_proxies only (setting: %s)", settingProxy)
	case length < 0:
		return h, fmt.Errorf("the PROXY header is too long (setting: %s)", settingProxy)
	case len(b) < length:
		h.more = true
		return h, nil
	}
	from, err := parseProxyHeader(b[:length])
	if err != nil {
		return h, fmt.Errorf("the PROXY header is malformed: %w (setting: %s)", err, settingProxy)
	}
	h.length = length
	if from.IsValid() {
		h.from = from
	}
	return h, nil
}

// proxyHeaderLength is how long the header is that a connection begins with: 0 where too little has come to know, negative where it is too
// long. Begun is false where there is none.
func proxyHeaderLength(b []byte) (length int, begun bool) {
	switch {
	case bytes.HasPrefix(b, proxyV2):
		if len(b) < proxyV2Fixed {
			return 0, true
		}
		rest := int(binary.BigEndian.Uint16(b[proxyV2Fixed-2:]))
		if rest > maxProxyV2 {
			return -1, true
		}
		return proxyV2Fixed + rest, true
	case bytes.HasPrefix(b, proxyV1):
		end := bytes.IndexByte(b[:min(len(b), maxProxyV1)], '\n')
		switch {
		case end >= 0:
			return end + 1, true
		case len(b) >= maxProxyV1:
			return -1, true
		}
		return 0, true
	}
	return 0, bytes.HasPrefix(proxyV2, b) || bytes.HasPrefix(proxyV1, b)
}

// parseProxyHeader reads a whole header. The zero value: it says no IP address, so the connection is the proxy's own, as its health checks
// are (LOCAL), or from somewhere that has none.
func parseProxyHeader(b []byte) (from netip.AddrPort, err error) {
	r := bufio.NewReaderSize(bytes.NewReader(b), len(b))
	header, err := proxyproto.Read(r)
	if err != nil {
		return from, err
	}
	if r.Buffered() > 0 {
		return from, errors.New("it is longer than what it says")
	}
	if address, ok := header.SourceAddr.(*net.TCPAddr); ok && !header.Command.IsLocal() {
		from = address.AddrPort()
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	}
	return from, nil
}

// remoteAddr is a client's address as net/http has it.
func remoteAddr(from netip.AddrPort) string {
	if !from.IsValid() {
		return unknownClient
	}
	return from.String()
}

// peerOf is the address at the other end of a connection; the zero value: it is on a Unix socket.
func peerOf(c net.Conn) netip.AddrPort {
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		peer := tcp.AddrPort()
		return netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	}
	return netip.AddrPort{}
}

// refuseProxyHeader answers a connection whose PROXY header cannot be taken, and closes it. It waits for the client, a second at most.
func (s *Server) refuseProxyHeader(c net.Conn, err error) {
	defer c.Close()
	s.refusedConnections.Info("connection refused", "client", ipOf(c.RemoteAddr()), "why", err.Error())
	answerAndClose(c, errorResponse(400, err.Error()))
}

// awaitProxyHeader reads the header of a connection that net/http is to serve, and returns what is behind it. With an error, the connection
// has been answered.
func (s *Server) awaitProxyHeader(c net.Conn) (net.Conn, error) {
	peer := peerOf(c)
	_ = c.SetReadDeadline(time.Now().Add(s.options.HeadTimeout))
	buffer := make([]byte, 0, 512)
	for {
		h, err := s.readProxyHeader(buffer, peer)
		if err != nil {
			s.refuseProxyHeader(c, err)
			return nil, err
		}
		if !h.more {
			_ = c.SetReadDeadline(time.Time{})
			return &prefixConn{Conn: c, prefix: buffer[h.length:], remote: h.remote(peer)}, nil
		}
		if len(buffer) == cap(buffer) {
			buffer = append(make([]byte, 0, 2*cap(buffer)), buffer...)
		}
		n, err := c.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if n == 0 && err != nil {
			_ = c.Close()
			return nil, err
		}
	}
}

// proxyHeaderAgain is what the proxy would say of a connection that it has said something of before: the connection begins anew in another
// process. Nil: the peer says nothing.
func (s *Server) proxyHeaderAgain(peer netip.AddrPort, from net.Addr) []byte {
	policy := s.options.ProxyProtocol()
	if policy == nil || !policy.trusts(peer) {
		return nil
	}
	client, ok := from.(*net.TCPAddr)
	if !ok || !client.AddrPort().IsValid() {
		return []byte("PROXY UNKNOWN\r\n")
	}
	ip, family := client.AddrPort().Addr().Unmap().WithZone(""), "TCP6"
	if ip.Is4() {
		family = "TCP4"
	}
	return fmt.Appendf(nil, "PROXY %s %s %s %d %d\r\n", family, ip, ip, client.Port, client.Port) // nobody asks for the destination
}

// trusts reports whether a peer may send a header.
func (p *ProxyProtocol) trusts(peer netip.AddrPort) bool {
	return !peer.IsValid() || p.Trusts(peer.Addr().Unmap().WithZone(""))
}

// remote is the address that the connection is to have; nil: its own.
func (h proxyHeader) remote(peer netip.AddrPort) net.Addr {
	if h.from == peer {
		return nil
	}
	return net.TCPAddrFromAddrPort(h.from)
}
