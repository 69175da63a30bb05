package client_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"scenecast"
	"scenecast/client"
	"scenecast/config"
	"scenecast/redisclient/redistest"
	"scenecast/server"
)

// switchboard forwards connections to the server that is current, as a load balancer does.
type switchboard struct {
	net.Listener
	current atomic.Value // its address
	copies  sync.WaitGroup
}

func newSwitchboard(t *testing.T) *switchboard {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &switchboard{Listener: l}
	s.copies.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.copies.Go(func() { s.forward(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		s.copies.Wait()
	})
	return s
}

func (s *switchboard) forward(c net.Conn) {
	defer c.Close()
	to, err := net.Dial("tcp", s.current.Load().(string))
	if err != nil {
		return // the client finds its connection closed
	}
	defer to.Close()
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{c, to}, {to, c}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			done <- struct{}{}
		}()
	}
	<-done
	_ = c.Close()
	_ = to.Close()
	<-done
}

// node starts a server that the test stops itself.
func node(t *testing.T, settings map[string]string) (address string, stop func()) {
	t.Helper()
	flags := map[string]string{
		"listen": "127.0.0.1:0", "drain": "0s",
		"client_tokens": "[{token: " + pageToken + "}]", "api_keys": "[{name: backend, key: " + backendKey + "}]",
	}
	for key, value := range settings {
		flags[key] = value
	}
	c, err := config.Load(config.Sources{Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(t.Context(), server.Options{Config: c, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return s.Addr().String(), stop
}

// TestNodes: a page behind a load balancer moves over three nodes that stop one after the other, and gets each push once and in order.
func TestNodes(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	settings := map[string]string{"engine": "redis", "redis.url": redis.URL(), "cluster.name": "client"}
	balancer := newSwitchboard(t)
	var addresses []string
	var stops []func()
	for range 3 {
		address, stop := node(t, settings)
		addresses, stops = append(addresses, address), append(stops, stop)
	}
	balancer.current.Store(addresses[0])
	p := run(t, client.PageOptions{URL: "http://" + balancer.Addr().String(), Labels: client.Labels{"page": {"home"}}})
	welcomed := func() {
		t.Helper()
		for {
			switch told := within(t, p.told).(type) {
			case client.Welcome:
				return
			case client.Gap:
				t.Fatalf("the page was told of a gap: %+v", told)
			}
		}
	}
	welcomed()
	b := client.Backend{URL: "http://" + addresses[2], Key: backendKey}
	n := 0
	push := func() {
		t.Helper()
		n++
		var err error
		for begun := time.Now(); time.Since(begun) < patience; time.Sleep(10 * time.Millisecond) { // until the node is ready
			if _, err = b.Push(t.Context(), client.PushRequest{ID: fmt.Sprint("push-", n), To: client.Labels{"page": {"home"}}, Message: n}); err == nil {
				return
			}
		}
		t.Fatal(err)
	}
	for i, stop := range stops[:2] {
		push()
		p.expect(fmt.Sprint(n))
		balancer.current.Store(addresses[i+1])
		stop()
		push()
		push()
		welcomed()
		push()
		p.expect(fmt.Sprint(n-2), fmt.Sprint(n-1), fmt.Sprint(n))
	}
	select {
	case extra := <-p.pushes:
		t.Errorf("a push came twice: %s", extra.Data)
	default:
	}
}

// TestRestart: a server that has begun another log is told of as a gap, and the page goes on with its labels.
func TestRestart(t *testing.T) {
	balancer := newSwitchboard(t)
	address, stop := node(t, nil)
	balancer.current.Store(address)
	p := run(t, client.PageOptions{URL: "http://" + balancer.Addr().String(), Labels: client.Labels{"page": {"home"}}})
	expectTold[client.Welcome](p)
	if err := p.Set(t.Context(), client.Labels{"page": {"list"}}); err != nil {
		t.Fatal(err)
	}
	b := newBackend(t, "http://"+balancer.Addr().String())
	b.push("*", "1")
	p.expect("1")
	stop()
	address, _ = node(t, nil)
	balancer.current.Store(address)
	for {
		if g, is := within(t, p.told).(client.Gap); is {
			if g.Reason != "epoch" || g.Position == (scenecast.Position{}) {
				t.Errorf("the gap is %+v", g)
			}
			break
		}
	}
	b.push(`page == "list"`, "2")
	p.expect("2")
}
