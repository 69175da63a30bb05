//go:build !linux

package load

import "net/netip"

// newPlain makes the fleet's pages, and their transport where there is no TLS.
func newPlain(f *fleet, pages int, address netip.AddrPort) (transport, error) {
	f.newPages(pages, pageShards)
	return newGoroutines(address, nil), nil
}
