package enginetest

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Network is a node's way to the other nodes and to the log. Its methods may be called concurrently.
type Network interface {
	// Cut ends what is connected, and lets nothing connect; false: no more.
	Cut(bool)
	// Stall lets nothing through, and tells nobody; false: what has waited goes on.
	Stall(bool)
	// Delay has everything take so much longer.
	Delay(time.Duration)
}

// Proxies are a Network of several ways.
type Proxies []*Proxy

// Cut implements Network.
func (n Proxies) Cut(cut bool) {
	for _, p := range n {
		p.Cut(cut)
	}
}

// Stall implements Network.
func (n Proxies) Stall(stalled bool) {
	for _, p := range n {
		p.Stall(stalled)
	}
}

// Delay implements Network.
func (n Proxies) Delay(d time.Duration) {
	for _, p := range n {
		p.Delay(d)
	}
}

// Proxy is a TCP proxy, which is a Network. It neither loses nor reorders any bytes of a connection that lives.
type Proxy struct {
	listener net.Listener
	target   string
	delay    atomic.Int64
	carried  atomic.Int64
	wg       sync.WaitGroup

	mu      sync.Mutex
	going   *sync.Cond
	cut     bool
	stalled bool
	open    map[net.Conn]struct{}
}

// NewProxy makes a proxy in front of a target, until the test ends.
func NewProxy(t *testing.T, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, target: target, open: make(map[net.Conn]struct{})}
	p.going = sync.NewCond(&p.mu)
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.carry(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.Stall(false)
		p.Cut(true)
		p.wg.Wait()
	})
	return p
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Carried is how many bytes have gone through.
func (p *Proxy) Carried() int64 { return p.carried.Load() }

// Delay implements Network.
func (p *Proxy) Delay(d time.Duration) { p.delay.Store(int64(d)) }

// Stall implements Network.
func (p *Proxy) Stall(stalled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalled = stalled
	p.going.Broadcast()
}

// Cut implements Network.
func (p *Proxy) Cut(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut = cut; cut {
		for c := range p.open {
			c.Close()
		}
	}
}

// keep notes a connection, which a cut ends. False: it is cut already.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[c] = struct{}{}
	return !p.cut
}

func (p *Proxy) close(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
	c.Close()
}

func (p *Proxy) carry(near net.Conn) {
	defer p.close(near)
	if !p.keep(near) {
		return
	}
	far, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer p.close(far)
	if !p.keep(far) {
		return
	}
	var ends sync.WaitGroup
	ends.Go(func() { p.copy(near, far) })
	ends.Go(func() { p.copy(far, near) })
	ends.Wait()
}

func (p *Proxy) copy(to, from net.Conn) {
	defer to.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		p.mu.Lock()
		for p.stalled {
			p.going.Wait()
		}
		p.mu.Unlock()
		time.Sleep(time.Duration(p.delay.Load()))
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
			p.carried.Add(int64(n))
		}
		if err != nil {
			return
		}
	}
}
