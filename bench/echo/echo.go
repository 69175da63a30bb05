package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"time"

	"scenecast"
	"scenecast/listener"
	"scenecast/problem"
	"scenecast/socket"
	"scenecast/websocket"
)

// options are the echo's.
type options struct {
	addr        string
	deflate     bool
	portable    bool
	maxMessage  int
	maxHead     int
	headTimeout time.Duration
}

// echo is a server of the engine's own parts, the port and the loops, without a hub: each message goes back as it came.
type echo struct {
	port  *listener.Server
	loops []*socket.Loop
}

// open opens the port; run then serves.
func open(ctx context.Context, o options) (*echo, error) {
	e := new(echo)
	for range runtime.GOMAXPROCS(0) {
		loop, err := socket.NewLoop(socket.Options{
			MaxMessage:   o.maxMessage,
			PingEvery:    -1,
			OutboxBytes:  max(1<<20, 4*o.maxMessage),
			OutboxFrames: 64 << 10, // a client may send many messages before it reads
			HeadTimeout:  o.headTimeout,
			Portable:     o.portable,
		})
		if err != nil {
			e.stop(ctx)
			return nil, err
		}
		loop.Start(&shard{loop})
		e.loops = append(e.loops, loop)
	}
	var err error
	e.port, err = listener.Listen(ctx, listener.Options{
		Addr:        o.addr,
		Handler:     http.NotFoundHandler(),
		Upgrades:    map[string]listener.Upgrade{"/": {Gate: gate{}, Refuse: refuse}},
		Loops:       e.loops,
		Deflate:     o.deflate,
		HeadTimeout: o.headTimeout,
		BodyTimeout: o.headTimeout,
		IdleTimeout: time.Minute,
		MaxHead:     o.maxHead,
		Logger:      slog.New(slog.DiscardHandler), // clients of a conformance suite do nothing but break off
	})
	if err != nil {
		e.stop(ctx)
		return nil, err
	}
	return e, nil
}

func (e *echo) addr() net.Addr { return e.port.Addr() }

// run serves until ctx ends, and returns when nothing is left.
func (e *echo) run(ctx context.Context) error {
	serving := make(chan error, 1)
	go func() { serving <- e.port.Serve() }()
	var failed error
	select {
	case failed = <-serving:
		serving <- nil
	case <-ctx.Done():
	}
	now, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := e.port.Shutdown(now)
	e.stop(now)
	return errors.Join(failed, err, <-serving)
}

func (e *echo) stop(ctx context.Context) {
	cut, cancel := context.WithCancel(ctx)
	cancel()
	for _, loop := range e.loops {
		loop.Shutdown(cut)
	}
}

// gate lets everybody in.
type gate struct{}

// Admit implements scenecast.Gate.
func (gate) Admit(*http.Request) (scenecast.Admission, error) { return scenecast.Admission{}, nil }

// refuse answers a request that is no handshake.
func refuse(w http.ResponseWriter, _ *http.Request, err error) {
	p := problem.Of(err)
	w.Header().Set("Allow", http.MethodGet)
	w.Header().Set("Upgrade", "websocket")
	w.Header().Set("Sec-WebSocket-Version", "13")
	w.WriteHeader(p.Kind.Status())
	fmt.Fprintln(w, p)
}

// shard sends back what it is told.
type shard struct{ loop *socket.Loop }

var _ scenecast.Shard = (*shard)(nil)

// Opened implements scenecast.Shard.
func (s *shard) Opened(scenecast.Slot, scenecast.Admission) {}

// Received implements scenecast.Shard. The message is shared, as a push is, so that it is compressed where that was agreed on.
func (s *shard) Received(slot scenecast.Slot, m scenecast.Inbound) {
	frame := websocket.BinaryFrame
	if m.Text {
		frame = websocket.TextFrame
	}
	s.loop.Share(slot, &scenecast.Frame{Data: frame(m.Data)})
}

// Closed implements scenecast.Shard.
func (s *shard) Closed(scenecast.Slot) {}
