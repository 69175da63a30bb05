// Package freeport reserves TCP ports of 127.0.0.1 for servers that tests and benchmarks start.
//
// The port that the kernel chooses for a listener on port 0 is free only while that listener is open: between its end and the start of
// the server, any process may get the port for a listener of its own, or as the source of an outgoing connection. A port of this package
// is below those that the kernel gives away (ip_local_port_range, ip(7)), and is reserved until it is released, also between two runs of
// the same server.
//
// A reservation is a UDP socket of the same number, which only one process can bind. It is in no server's way, it holds for all processes
// that share the loopback device, and the kernel ends it with the process.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
)

// Ports that are reserved where the system does not tell which ones it gives away: those that no common system does. Linux's begin at
// 32768, and those of RFC 6335, section 6, at 49152.
const lowest, highest = 10000, 32767

// fewest is how many ports there must be below those that the kernel gives away. Where there are fewer, they are not kept to.
const fewest = 1000

// Port is a reserved port.
type Port struct {
	number int
	locks  []net.PacketConn
}

// Reserve reserves a port, and with it those that are so much above it: a server may derive further ones from the port that it is told.
// Nobody listens on any of them. Whoever calls must release the port when the server is not to run again. It may be called concurrently.
func Reserve(above ...int) (*Port, error) {
	text, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	return reserve(lowest, last(string(text)), above)
}

// last is the last port that may be reserved, by the text of ip_local_port_range.
func last(text string) int {
	var first int
	if _, err := fmt.Sscan(text, &first); err != nil || first < lowest+fewest {
		return highest
	}
	return first - 1
}

// reserve reserves one of these ports. It begins at any of them, so that a port which has just been released is seldom the next one.
func reserve(from, to int, above []int) (*Port, error) {
	for _, n := range above {
		to = min(to, to-n)
	}
	count := max(0, to-from+1)
	err := errors.New("there are none")
	for i, start := 0, rand.IntN(max(1, count)); i < count; i++ {
		p := &Port{number: from + (start+i)%count}
		if err = p.lock(append([]int{0}, above...)); err == nil {
			return p, nil
		}
		p.Release()
	}
	return nil, fmt.Errorf("no port between %d and %d is free: %w", from, to, err)
}

// lock reserves the ports that are so much above this one.
func (p *Port) lock(above []int) error {
	for _, n := range above {
		addr := address(p.number + n)
		lock, err := net.ListenPacket("udp4", addr)
		if err != nil {
			return err
		}
		p.locks = append(p.locks, lock)
		l, err := net.Listen("tcp4", addr)
		if err != nil {
			return err
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// Addr is host:port.
func (p *Port) Addr() string { return address(p.number) }

// Number is that of the port, in decimal.
func (p *Port) Number() string { return strconv.Itoa(p.number) }

// Release ends the reservation. It may be called again.
func (p *Port) Release() {
	for _, lock := range p.locks {
		_ = lock.Close()
	}
	p.locks = nil
}

// test is a *testing.T, *testing.B or *testing.F.
type test interface {
	Helper()
	Cleanup(f func())
	Fatal(args ...any)
}

// For is Reserve for a test, which fails where there is none. The port is released when the test has ended, after whatever the test cleans
// up later on.
func For(t test, above ...int) *Port {
	t.Helper()
	p, err := Reserve(above...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Release)
	return p
}

// Addrs are the addresses, as host:port, of so many ports that are reserved for a test.
func Addrs(t test, n int) (addrs []string) {
	t.Helper()
	for range n {
		addrs = append(addrs, For(t).Addr())
	}
	return addrs
}

// Addr is the address, as host:port, of a port that is reserved for a test.
func Addr(t test) string {
	t.Helper()
	return For(t).Addr()
}
