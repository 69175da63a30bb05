package server

import (
	"context"
	"net"
	"net/netip"
	"os"
)

// listenInherited opens a port, or goes on with the one that another process has opened at this address.
func listenInherited(ctx context.Context, addr string, inherited *os.File) (net.Listener, error) {
	if inherited != nil {
		l, err := net.FileListener(inherited)
		if err == nil && isAt(l.Addr(), addr) {
			return l, nil
		}
		if err == nil {
			_ = l.Close()
		}
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", addr)
}

// isAt reports whether a port that is open is the one that the settings name. Another host of the same port is another address: who writes
// 127.0.0.1 in the place of 0.0.0.0 wants nobody else to reach it.
func isAt(open net.Addr, wanted string) bool {
	at, ok1 := open.(*net.TCPAddr)
	to, err := net.ResolveTCPAddr("tcp", wanted)
	if !ok1 || err != nil || to.Port != 0 && to.Port != at.Port {
		return false
	}
	return hostIP(at) == hostIP(to)
}

// hostIP is the address without its port. The unspecified ones of IPv4 and of IPv6, and none at all, are one, as net.Listen has them.
func hostIP(a *net.TCPAddr) netip.Addr {
	ip := a.AddrPort().Addr().Unmap()
	if ip.IsUnspecified() {
		return netip.Addr{}
	}
	return ip
}
