package load

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"time"

	"scenecast/language"
)

// portsPerSource is how many connections to one server leave from one address. Linux has some 28,000 ports for them
// (net.ipv4.ip_local_port_range), but tries all even ones before the first odd one: the connections after 14,000 take a
// millisecond each.
const portsPerSource = 10_000

// sources are the addresses that pages connect from.
type sources struct {
	each int // pages from one address: 127.0.0.1, then 127.0.0.2, …; 0: the system chooses
}

// newSources spreads many pages on loopback, where Linux lets a program use every address of 127.0.0.0/8.
func newSources(pages int, target netip.Addr) sources {
	if runtime.GOOS == "linux" && target.Is4() && target.IsLoopback() && pages > portsPerSource {
		return sources{each: portsPerSource}
	}
	return sources{}
}

// of is the address that a page connects from; invalid where the system chooses.
func (s sources) of(page int) netip.Addr {
	if s.each == 0 {
		return netip.Addr{}
	}
	n := page/s.each + 1
	return netip.AddrFrom4([4]byte{127, byte(n >> 16), byte(n >> 8), byte(n)})
}

// reach finds out which of a host's addresses answers.
func reach(hostport string, patience time.Duration) (netip.AddrPort, error) {
	c, err := net.DialTimeout("tcp", hostport, patience)
	if err != nil {
		return netip.AddrPort{}, language.Errorf("no server answers: %w", err)
	}
	defer c.Close()
	address := c.RemoteAddr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(address.Addr().Unmap(), address.Port()), nil
}

var errNoPorts = language.NewError("this system has no more ports towards that address: use fewer --pages, or bench from several machines")

// noPorts says in words that the system has run out of ports.
func noPorts(err error) error {
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		return errNoPorts
	}
	return err
}
