package e2e_test

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// lid is the network between a laptop and the server. While it is shut nothing goes through, and nobody is told.
type lid struct {
	listener net.Listener

	mu      sync.Mutex
	target  string // of connections that come
	open    *sync.Cond
	shut    bool
	carried []net.Conn // both ends of every connection since it was last shut
	wg      sync.WaitGroup
}

// putLid has a server's pages come through a lid, and returns the server as they see it.
func putLid(b *backend) (*lid, *backend) {
	b.t.Helper()
	listener, err := net.Listen("tcp", anyPort)
	if err != nil {
		b.t.Fatal(err)
	}
	l := &lid{listener: listener, target: b.addr}
	l.open = sync.NewCond(&l.mu)
	l.wg.Go(func() {
		for {
			page, err := listener.Accept()
			if err != nil {
				return
			}
			l.wg.Go(func() { l.carry(page) })
		}
	})
	b.t.Cleanup(func() {
		listener.Close()
		l.lift()
		l.lose(0, 1)
		l.wg.Wait()
	})
	through := &backend{Server: b.Server, t: b.t, addr: listener.Addr().String(), stop: b.stop}
	return l, through
}

func (l *lid) carry(page net.Conn) {
	defer page.Close()
	l.pass()
	l.mu.Lock()
	target := l.target
	l.mu.Unlock()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	l.mu.Lock()
	l.carried = append(l.carried, page, server)
	l.mu.Unlock()
	var ends sync.WaitGroup
	ends.Go(func() { l.copy(server, page) })
	ends.Go(func() { l.copy(page, server) })
	ends.Wait()
}

func (l *lid) copy(to, from net.Conn) {
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		if l.pass() {
			_, _ = io.Copy(io.Discard, from) // what was on its way is lost, and the connection with it
			return
		}
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			to.Close()
			return
		}
	}
}

// pass waits while the lid is shut, and reports whether it was.
func (l *lid) pass() (was bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.shut {
		was = true
		l.open.Wait()
	}
	return was
}

func (l *lid) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shut = true
}

// move has connections that come go to another server.
func (l *lid) move(target string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.target = target
}

func (l *lid) lift() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shut = false
	l.open.Broadcast()
}

// lose has ends of what was carried learn that the connections are lost: 0 the pages', 1 the server's.
func (l *lid) lose(ends ...int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, conn := range l.carried {
		for _, end := range ends {
			if i%2 == end {
				conn.Close()
			}
		}
	}
}

// hastenUntilLoss has the page's timers be faster until its connection is lost, so that it soon knows of one that is silent. The next one has the
// time that a busy machine takes.
func (b *tab) hastenUntilLoss(speed float64) {
	b.t.Helper()
	b.run(fmt.Sprintf(`{ const stop = scenecast.on("close", () => { e2e.speed = 1; stop(); }); e2e.speed = %g; }`, speed))
}

// TestLaptopLid shuts the lid on a page. The first ten pushes are sent to a connection that nobody knows to be dead, the others
// to nobody. When the lid is open again, the page shows all of them, once and in order.
func TestLaptopLid(t *testing.T) {
	t.Parallel()
	b := serve(t, anyPort)
	l, through := putLid(b)
	home := openScene(t, through, "home", profile{})
	home.run(`e2e.record()`)
	b.push(`page == "home"`, `"before"`, 1)
	home.waitFor(`e2e.messages`, []string{"before"})

	want := []any{"before"}
	pushes := func(matched int) {
		for range 10 {
			b.push(`page == "home"`, fmt.Sprint(len(want)), matched)
			b.push(`page == "list"`, `"for another page"`, 0)
			want = append(want, len(want))
		}
	}
	setOffline(home, true)
	l.close()
	pushes(1)
	l.lose(1)
	b.awaitConnections(0)
	pushes(0)
	home.expect(`e2e.messages`, []string{"before"})

	l.lift()
	home.hastenUntilLoss(10)
	setOffline(home, false) // asks the old connection, which is silent
	home.waitFor(`e2e.messages`, want)
	b.push("*", `"after"`, 1)
	home.waitFor(`e2e.messages`, append(want, "after"))
	home.expect(`[e2e.welcomed, e2e.losses.length]`, []any{2, 1})
}

// TestLaptopLidOverNodes shuts the lid on a page again and again, with three nodes: each time the page comes back to another node than it
// left, and what it has missed was pushed to the third. It shows all of it, once and in order.
func TestLaptopLidOverNodes(t *testing.T) {
	t.Parallel()
	nodes := serveNodes(t, nil)
	l, through := putLid(nodes[0])
	home := openScene(t, through, "home", profile{})
	home.run(`e2e.record(); e2e.gaps = []; scenecast.on("gap", (gap) => e2e.gaps.push(gap))`)
	nodes[1].push(`page == "home"`, `"before"`, 1)
	home.waitFor(`e2e.messages`, []string{"before"})

	want := []any{"before"}
	for round := range 4 {
		from, to, other := nodes[round%3], nodes[(round+1)%3], nodes[(round+2)%3]
		pushes := func(matched int) {
			for range 10 {
				other.push(`page == "home"`, fmt.Sprint(len(want)), matched)
				other.push(`page == "list"`, `"for another page"`, 0)
				want = append(want, len(want))
			}
		}
		from.expectConnections(1)
		setOffline(home, true)
		l.close()
		pushes(1)
		l.lose(1)
		from.awaitConnections(0)
		pushes(0)
		l.move(to.addr)
		l.lift()
		home.hastenUntilLoss(10)
		setOffline(home, false) // asks the old connection, which is silent
		home.waitFor(`e2e.messages`, want)
		to.expectConnections(1)
	}
	nodes[0].push("*", `"after"`, 1)
	home.waitFor(`e2e.messages`, append(want, "after"))
	home.expect(`[e2e.welcomed, e2e.losses.length, e2e.gaps]`, []any{5, 4, []any{}})
}
