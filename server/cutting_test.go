package server_test

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// cutter is a TCP proxy that cuts every connection after a random time, in one of the ways in which networks do. Connections go to one
// target after the other, as by a load balancer that knows nothing of who comes back.
type cutter struct {
	listener net.Listener
	targets  []string
	next     atomic.Int64
	after    [2]time.Duration // at least, at most
	stall    time.Duration    // how long a connection that stalls may go on to do so
	healthy  atomic.Bool      // cuts no more
	cuts     [3]atomic.Int64  // by way
	wg       sync.WaitGroup

	mu   sync.Mutex
	open map[net.Conn]struct{}
}

// The ways of a cut.
const (
	byReset      = iota // both ends are told at once
	byStalling          // nothing goes through any more, and nobody is told for a while
	byTruncating        // a part of what has come goes through, most likely of a frame, and then the end of the stream
)

func newCutter(t *testing.T, targets []string, atLeast, atMost time.Duration) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{listener: l, targets: targets, after: [2]time.Duration{atLeast, atMost}, stall: atLeast, open: make(map[net.Conn]struct{})}
	c.wg.Go(func() {
		for {
			page, err := l.Accept()
			if err != nil {
				return
			}
			c.wg.Go(func() { c.carry(page.(*net.TCPConn)) })
		}
	})
	t.Cleanup(c.close)
	return c
}

func (c *cutter) close() {
	c.listener.Close()
	c.mu.Lock()
	for conn := range c.open {
		conn.Close()
	}
	c.mu.Unlock()
	c.wg.Wait()
}

// carry takes bytes from one end to the other until it cuts.
func (c *cutter) carry(page *net.TCPConn) {
	conn, err := net.Dial("tcp", c.targets[int(c.next.Add(1))%len(c.targets)])
	if err != nil {
		page.Close()
		return
	}
	server := conn.(*net.TCPConn)
	c.mu.Lock()
	c.open[page], c.open[server] = struct{}{}, struct{}{}
	c.mu.Unlock()
	way := rand.IntN(3)
	cut := make(chan struct{})
	var ends sync.WaitGroup
	for _, d := range [2][2]*net.TCPConn{{page, server}, {server, page}} {
		ends.Go(func() { c.copy(d[1], d[0], way, cut) })
	}
	ended := make(chan struct{})
	go func() {
		ends.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(c.after[0] + rand.N(c.after[1]-c.after[0])):
		if !c.healthy.Load() {
			c.cuts[way].Add(1)
			close(cut)
			if way == byStalling {
				time.Sleep(rand.N(c.stall))
			}
			if way != byTruncating {
				_ = page.SetLinger(0)
				_ = server.SetLinger(0)
				page.Close()
				server.Close()
			}
		}
	}
	<-ended
	page.Close()
	server.Close()
	c.mu.Lock()
	delete(c.open, page)
	delete(c.open, server)
	c.mu.Unlock()
}

// copy is one direction.
func (c *cutter) copy(to, from *net.TCPConn, way int, cut <-chan struct{}) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		select {
		case <-cut:
			if way == byTruncating {
				_, _ = to.Write(b[:n/2])
				return
			}
			_, _ = io.Copy(io.Discard, from) // until both are closed
			return
		default:
		}
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
