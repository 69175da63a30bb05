package admission

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are networks whose word about where a request comes from is taken.
type Proxies []netip.Prefix

// Origin is the address that a request comes from: that of the connection or, where that is a proxy's, the last one in
// X-Forwarded-For that is not. What stands before it, anybody may have written. A peer without an IP address, on a Unix socket, is a
// proxy: who may open the socket is for its permissions to say. The zero address: it cannot be told.
func (p Proxies) Origin(r *http.Request) netip.Addr {
	var from netip.Addr
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		from = peer.Addr().Unmap().WithZone("")
		if !p.Contain(from) {
			return from
		}
	}
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, text := range slices.Backward(forwarded) {
		next, ok := parseForwarded(strings.TrimSpace(text))
		if !ok {
			break // so the proxy that has passed it on is what is known
		}
		if from = next; !p.Contain(from) {
			break
		}
	}
	return from
}

// Passed reports whether a proxy whose word is taken has passed a request on: its peer is one, or is on a Unix socket.
func (p Proxies) Passed(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err != nil || p.Contain(peer.Addr().Unmap().WithZone(""))
}

// Contain reports whether an address is one of a proxy.
func (p Proxies) Contain(a netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(a) })
}

// parseForwarded reads an address. Some proxies write its port, too, and some an IPv6 address in brackets without one.
func parseForwarded(text string) (netip.Addr, bool) {
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
		text = strings.TrimSuffix(inner, "]")
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return a.Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddrPort(text)
	return a.Addr().Unmap().WithZone(""), err == nil
}
