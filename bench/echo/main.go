// Command echo sends back every WebSocket message that it gets, over Scenecast's port and event loops, so that a conformance
// client can be pointed at them:
//
//	go run ./bench/echo --addr 127.0.0.1:9009 [--deflate] [--portable]
//
// Its own test runs the cases of websocket/websockettest against it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o := options{maxHead: 16 << 10, headTimeout: 10 * time.Second}
	f := flag.NewFlagSet("echo", flag.ContinueOnError)
	f.StringVar(&o.addr, "addr", "127.0.0.1:9009", "address to listen on")
	f.BoolVar(&o.deflate, "deflate", false, "agree to permessage-deflate")
	f.BoolVar(&o.portable, "portable", false, "give every socket goroutines, as on systems other than Linux")
	f.IntVar(&o.maxMessage, "max-message", 16<<20, "bytes of a message; longer ones are refused with 1009")
	if err := f.Parse(args); err != nil {
		return err
	}
	e, err := open(ctx, o)
	if err != nil {
		return err
	}
	fmt.Printf("echo on ws://%v/\n", e.addr())
	return e.run(ctx)
}
