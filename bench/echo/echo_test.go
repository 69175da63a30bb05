package main

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"scenecast/websocket/websockettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestConformance runs the suite on both kinds of sockets (package socket), with and without compression.
func TestConformance(t *testing.T) {
	for _, portable := range []bool{false, true} {
		for _, deflate := range []bool{false, true} {
			t.Run(fmt.Sprintf("portable %v, deflate %v", portable, deflate), func(t *testing.T) {
				o := options{
					addr: "127.0.0.1:0", deflate: deflate, portable: portable,
					maxMessage: 64 << 10, maxHead: 8 << 10, headTimeout: 500 * time.Millisecond,
				}
				addr := serve(t, o)
				websockettest.Run(t, websockettest.Echo{
					Dial:        func() (net.Conn, error) { return net.Dial("tcp", addr) },
					MaxMessage:  o.maxMessage,
					MaxHead:     o.maxHead,
					HeadTimeout: o.headTimeout,
					Deflate:     deflate,
				})
			})
		}
	}
}

// serve runs an echo until the test ends.
func serve(t *testing.T, o options) (addr string) {
	e, err := open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return e.addr().String()
}
