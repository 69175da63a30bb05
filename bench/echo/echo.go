package main

import (
	"context"
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

type options struct {
	addr        string
	deflate     bool
	portable    bool
	maxMessage  int           // bytes of a message
	maxHead     int           // bytes of a request's head
	headTimeout time.Duration // for a request's head to come in
	closeWait   time.Duration // for the answer to a close frame; 0: the engine's default
}

// echo is a port and its loops.
type echo struct {
	loops    []*socket.Loop
	listener *listener.Server
	served   chan error
}

// start opens the port and echoes until stop.
func start(ctx context.Context, o options) (*echo, error) {
	s := &echo{served: make(chan error, 1)}
	for range runtime.GOMAXPROCS(0) {
		loop, err := socket.NewLoop(socket.Options{
			MaxMessage:   o.maxMessage,
			PingEvery:    -1,
			OutboxBytes:  4 * o.maxMessage,
			OutboxFrames: 1 << 16,
			HeadTimeout:  o.headTimeout,
			CloseWait:    o.closeWait,
			Portable:     o.portable,
		})
		if err != nil {
			s.stopLoops(ctx)
			return nil, err
		}
		loop.Start(shard{loop})
		s.loops = append(s.loops, loop)
	}
	var err error
	s.listener, err = listener.Listen(ctx, listener.Options{
		Addr:        o.addr,
		Handler:     http.HandlerFunc(notWebSocket),
		Endpoints:   []listener.Endpoint{{Match: listener.Path("/"), Admitter: admitAll{}, Refuse: refuse}},
		Loops:       s.loops,
		Deflate:     o.deflate,
		SendBuffer:  1 << 20, // a push server keeps it small; here it would only slow large messages down
		MaxHead:     o.maxHead,
		HeadTimeout: o.headTimeout,
		Logger:      slog.Default(),
	})
	if err != nil {
		s.stopLoops(ctx)
		return nil, err
	}
	go func() { s.served <- s.listener.Serve() }()
	return s, nil
}

func (s *echo) addr() net.Addr { return s.listener.Addr() }

// stop closes the port, and what is still open after a second.
func (s *echo) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s.listener.Shutdown(ctx)
	s.stopLoops(ctx)
	return <-s.served
}

func (s *echo) stopLoops(ctx context.Context) {
	for _, loop := range s.loops {
		loop.Shutdown(ctx)
	}
}

// shard is the pages of one loop.
type shard struct{ loop *socket.Loop }

var _ socket.Handler = shard{}

// Opened implements socket.Handler.
func (shard) Opened(scenecast.Slot, scenecast.Admission) {}

// Received implements socket.Handler. The answer goes the way of pushes, which are compressed.
func (s shard) Received(slot scenecast.Slot, m scenecast.Inbound) {
	frame := websocket.BinaryFrame(m.Data)
	if m.Text {
		frame = websocket.TextFrame(m.Data)
	}
	s.loop.SendShared(slot, &scenecast.Frame{Data: frame})
}

// Closed implements socket.Handler.
func (shard) Closed(scenecast.Slot, scenecast.Ending) {}

// admitAll admits every page.
type admitAll struct{}

// Admit implements listener.Admitter.
func (admitAll) Admit(*http.Request) (scenecast.Admission, error) { return scenecast.Admission{}, nil }

// notWebSocket answers whatever does not ask for an upgrade.
func notWebSocket(w http.ResponseWriter, r *http.Request) {
	refuse(w, r, problem.New(problem.UpgradeRequired, "this port speaks WebSocket, on the path /"))
}

func refuse(w http.ResponseWriter, _ *http.Request, err error) {
	p := problem.Of(err)
	switch p.Kind {
	case problem.MethodNotAllowed:
		w.Header().Set("Allow", http.MethodGet)
	case problem.UpgradeRequired:
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Sec-WebSocket-Version", "13")
	}
	http.Error(w, p.Error(), p.Kind.Status())
}
