// Echo returns every message to the page that has sent it, over the connection engine of Scenecast and with nothing of the
// push server around it, so that a conformance client can be pointed at the engine:
//
//	go run ./bench/echo --addr 127.0.0.1:9009 --deflate
//	wstest -m fuzzingclient -s fuzzingclient.json    # Autobahn, whose "servers" has ws://127.0.0.1:9009
//
// It is no part of the product. Its limits are wide, because Autobahn's messages are large, and it sends no pings.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	o := options{maxMessage: 16 << 20, maxHead: 16 << 10, headTimeout: 10 * time.Second}
	flag.StringVar(&o.addr, "addr", "127.0.0.1:9009", "host:port to listen on")
	flag.BoolVar(&o.deflate, "deflate", false, "agree to permessage-deflate")
	flag.BoolVar(&o.portable, "portable", false, "goroutines for every connection, as on systems without event loops")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "echo takes no arguments, and got %q\n", flag.Args())
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	s, err := start(ctx, o)
	if err != nil {
		return err
	}
	fmt.Printf("echo on ws://%s/\n", s.addr())
	<-ctx.Done()
	return s.stop()
}
