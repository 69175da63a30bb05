package load

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// pageShards is among how many locks the pages of goroutines are dealt out.
const pageShards = 16

// goroutines is the transport that works everywhere: a goroutine and a small buffer for each page.
type goroutines struct {
	address netip.AddrPort
	tls     *tls.Config // nil: none
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func newGoroutines(address netip.AddrPort, security *tls.Config) *goroutines {
	ctx, cancel := context.WithCancel(context.Background())
	return &goroutines{address: address, tls: security, ctx: ctx, cancel: cancel}
}

func (g *goroutines) open(p *page, request []byte, source netip.Addr) error {
	g.running.Go(func() {
		err := g.live(p, request, source)
		p.shard.mu.Lock()
		defer p.shard.mu.Unlock()
		p.stage = gone
		p.fleet.lost(p, err)
	})
	return nil
}

// live is a page's life, from its connection to its end.
func (g *goroutines) live(p *page, request []byte, source netip.Addr) error {
	c, err := connect(g.ctx, g.address, source, g.tls)
	if err != nil {
		return noPorts(err)
	}
	defer c.Close()
	defer context.AfterFunc(g.ctx, func() { c.Close() })()
	p.shard.mu.Lock()
	p.stage = asking
	p.shard.mu.Unlock()
	if _, err := c.Write(request); err != nil {
		return err
	}
	buf := make([]byte, 4<<10)
	for {
		n, err := c.Read(buf)
		replies, fault := p.heard(buf[:n], time.Since(p.fleet.clock))
		switch {
		case fault != nil:
			return fault
		case errors.Is(err, io.EOF):
			return errHangUp
		case err != nil:
			return err
		}
		if len(replies) > 0 {
			if _, err := c.Write(replies); err != nil {
				return err
			}
		}
	}
}

// heard feeds the page, and takes its replies out.
func (p *page) heard(data []byte, now time.Duration) (replies []byte, err error) {
	p.shard.mu.Lock()
	defer p.shard.mu.Unlock()
	err = p.feed(data, now)
	replies, p.replies = p.replies, nil
	return replies, err
}

// connect makes a connection, with TLS where security is not nil.
func connect(ctx context.Context, to netip.AddrPort, source netip.Addr, security *tls.Config) (net.Conn, error) {
	d := net.Dialer{KeepAlive: -1}
	if source.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	}
	if security == nil {
		return d.DialContext(ctx, "tcp", to.String())
	}
	secure := tls.Dialer{NetDialer: &d, Config: security}
	return secure.DialContext(ctx, "tcp", to.String())
}

func (g *goroutines) close() {
	g.cancel()
	g.running.Wait()
}
