package container

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

// Network is a network of containers, which this process reaches as well. All methods may be called concurrently.
type Network struct {
	id, subnet string

	mu    sync.Mutex
	hosts int
	names map[string]net.IP // in lower case, with the dot at the end
	dns   []net.PacketConn
}

// NewNetwork makes one; the caller must close it. It needs root. One process has one network at a time.
func NewNetwork() (*Network, error) {
	pid := os.Getpid()
	n := &Network{id: fmt.Sprint(pid % 10000), subnet: fmt.Sprintf("10.%d.%d.", 150+pid%50, pid/50%250), names: make(map[string]net.IP)}
	for _, args := range [][]string{
		{"link", "add", n.bridge(), "type", "bridge"},
		{"addr", "add", n.subnet + "254/24", "dev", n.bridge()},
		{"link", "set", n.bridge(), "up"},
	} {
		if err := ip(args...); err != nil {
			n.Close()
			return nil, err
		}
	}
	return n, nil
}

func (n *Network) bridge() string { return "scd" + n.id }

// Addr is this process's own address in it.
func (n *Network) Addr() string { return n.subnet + "254" }

// Close removes it.
func (n *Network) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.dns {
		_ = c.Close()
	}
	for i := 1; i <= n.hosts; i++ {
		_ = ip("netns", "del", n.namespace(i))
	}
	_ = ip("link", "del", n.bridge())
}

func (n *Network) namespace(host int) string { return fmt.Sprintf("scd%s-%d", n.id, host) }

// add makes a network namespace with an address.
func (n *Network) add() (namespace, addr string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts++
	namespace, addr = n.namespace(n.hosts), fmt.Sprint(n.subnet, n.hosts)
	here, there := fmt.Sprintf("scd%sh%d", n.id, n.hosts), fmt.Sprintf("scd%st%d", n.id, n.hosts)
	for _, args := range [][]string{
		{"netns", "add", namespace},
		{"link", "add", here, "type", "veth", "peer", "name", there},
		{"link", "set", there, "netns", namespace},
		{"link", "set", here, "master", n.bridge(), "up"},
		{"-n", namespace, "addr", "add", addr + "/24", "dev", there},
		{"-n", namespace, "link", "set", there, "up"},
		{"-n", namespace, "link", "set", "lo", "up"},
		{"-n", namespace, "route", "add", "default", "via", n.Addr()},
	} {
		if err := ip(args...); err != nil {
			return "", "", err
		}
	}
	return namespace, addr, nil
}

// Name has its name servers answer a name with an address. A name is absolute: it has its domain.
func (n *Network) Name(name, addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names[strings.ToLower(strings.TrimSuffix(name, "."))+"."] = net.ParseIP(addr).To4()
}

// ServeNames runs a name server at an address of this process.
func (n *Network) ServeNames(addr string) error {
	conn, err := net.ListenPacket("udp4", addr)
	if err != nil {
		return err
	}
	n.serveNames(conn)
	return nil
}

// serveNamesIn runs a name server at an address of a namespace.
func (n *Network) serveNamesIn(namespace, addr string) error {
	file, err := os.Open("/run/netns/" + namespace)
	if err != nil {
		return err
	}
	defer file.Close()
	var conn net.PacketConn
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			conn, err = net.ListenPacket("udp4", addr)
		}
		done <- err
	}()
	if err := <-done; err != nil {
		return fmt.Errorf("a name server in %s: %w", namespace, err)
	}
	n.serveNames(conn)
	return nil
}

func (n *Network) serveNames(conn net.PacketConn) {
	n.mu.Lock()
	n.dns = append(n.dns, conn)
	n.mu.Unlock()
	go func() {
		buf := make([]byte, 1500)
		for {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer, err := n.answer(buf[:size]); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
}

// answer answers a query: of type A with the address, of others with nothing, of names that are not known with NXDOMAIN.
func (n *Network) answer(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	if len(m.Questions) != 1 {
		return nil, fmt.Errorf("%d questions", len(m.Questions))
	}
	question := m.Questions[0]
	reply := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true, RecursionDesired: m.RecursionDesired}, Questions: m.Questions}
	n.mu.Lock()
	addr := n.names[strings.ToLower(question.Name.String())]
	n.mu.Unlock()
	switch {
	case addr == nil:
		reply.RCode = dnsmessage.RCodeNameError
	case question.Type == dnsmessage.TypeA:
		reply.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 1},
			Body:   &dnsmessage.AResource{A: [4]byte(addr)},
		}}
	}
	return reply.Pack()
}

func ip(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %q: %w: %s", args, err, out)
	}
	return nil
}
