package nats

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"scenecast/language"
)

// embedded is the server in this process. It is another one after it was started again.
type embedded struct {
	options *server.Options
	running atomic.Pointer[server.Server] // nil: none was started
}

// InProcessConn implements nats.InProcessConnProvider: the connection goes to the server that runs now.
func (e *embedded) InProcessConn() (net.Conn, error) {
	s := e.running.Load()
	if s == nil {
		return nil, nats.ErrNoServers
	}
	return s.InProcessConn()
}

// startEmbedded starts the server, and returns how this process connects to it. The server has no port unless there are other nodes.
func (b *Backend) startEmbedded(ctx context.Context) ([]nats.Option, error) {
	e := &b.options.Embedded
	dir := e.Dir
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "scenecast-log-"); err != nil {
			return nil, err
		}
		b.temporary = dir
	} else {
		r, err := openReached(dir)
		if err != nil {
			return nil, err
		}
		b.reached = r
		if err := checkDirectory(dir, e.isClustered()); err != nil {
			return nil, err
		}
	}
	password := rand.Text()
	o := &server.Options{
		ServerName:         "scenecast",
		Host:               "127.0.0.1",
		Port:               server.RANDOM_PORT,
		Username:           "scenecast",
		Password:           password,
		JetStream:          true,
		StoreDir:           filepath.Join(dir, "nats"),
		JetStreamMaxMemory: 1 << 30,
		JetStreamMaxStore:  4 * max(b.options.MaxBytes, 1<<28),
		SyncAlways:         e.SyncAlways,
		NoSigs:             true,
		NoSystemAccount:    false,
		MaxPayload:         maxPayload,
		MaxPending:         256 << 20,
		DontListen:         !e.isClustered(), // a server in a cluster does not connect to others unless it listens
	}
	if e.isClustered() {
		host, port, err := splitAddr(e.Listen)
		if err != nil {
			return nil, fmt.Errorf("cluster.listen: %w", err)
		}
		l, err := net.Listen("tcp", e.Listen) // the server itself only logs it, and is then waited for
		if err != nil {
			return nil, fmt.Errorf("cluster.listen: %w", err)
		}
		_ = l.Close()
		o.ServerName = e.Node
		o.Cluster = server.ClusterOpts{
			Name: b.options.Name, Host: host, Port: port,
			Username: "scenecast", Password: e.Secret,
			TLSConfig: e.TLS, TLSTimeout: 5,
			Advertise: e.advertise,
			PoolSize:  -1, // one connection to each node: what a cluster of ours says fits one
		}
		// This node is among the routes, too: how many there are says how large a majority is.
		for _, peer := range append([]string{e.Listen}, e.Peers...) {
			o.Routes = append(o.Routes, &url.URL{Scheme: "nats", User: url.UserPassword("scenecast", e.Secret), Host: peer})
		}
		if !e.SlowElections {
			electFast()
		}
	}
	b.embedded.options = o
	if err := b.runEmbedded(ctx); err != nil {
		return nil, err
	}
	return []nats.Option{nats.InProcessServer(&b.embedded), nats.UserInfo("scenecast", password)}, nil
}

// runEmbedded starts the server with its options, and returns when it has started.
func (b *Backend) runEmbedded(ctx context.Context) error {
	o := b.embedded.options.Clone()
	s, err := server.NewServer(o)
	if err != nil {
		return language.Errorf("embedded NATS: %w", err)
	}
	log := &serverLog{b.log, &b.mistakes, make(chan string, 1)}
	s.SetLoggerV2(log, false, false, false)
	again := b.embedded.running.Load() != nil
	if !again {
		b.embedded.running.Store(s)
	}
	started := make(chan struct{})
	go func() {
		defer close(started)
		s.Start()
	}()
	err = b.awaitStarted(ctx, s, log.fatal)
	<-started // a server that is shut down while it starts goes on to write in its directory, which another process may have by then
	if err != nil {
		s.Shutdown()
		s.WaitForShutdown()
		return err
	}
	if again { // what is connected to the old one comes to this one now
		b.awaitCurrent(s)
		b.embedded.running.Store(s)
	}
	return nil
}

// awaitStarted waits until a server has started. That has no limit: one that was killed reads its whole log. What a server cannot start
// without it says itself, as fatal.
func (b *Backend) awaitStarted(ctx context.Context, s *server.Server, fatal <-chan string) error {
	for w := (waiting{}); !s.ReadyForConnections(startPause); {
		select {
		case text := <-fatal:
			return language.Errorf("%sembedded NATS: %s", settingOf(text), text)
		default:
		}
		why := language.Errorf("waiting for the embedded NATS, which reads its log in %s (data_dir)", b.embedded.options.StoreDir)
		if err := b.waitFor(ctx, &w, why); err != nil {
			return err
		}
	}
	return nil
}

// awaitCurrent waits until a server that was started again knows what the other nodes know, as far as they can be reached: until then it
// may say that there is no log.
func (b *Backend) awaitCurrent(s *server.Server) {
	for begun := time.Now(); b.options.Embedded.isClustered() && !s.JetStreamIsCurrent() && time.Since(begun) < 10*time.Second && b.ctx.Err() == nil; {
		time.Sleep(20 * time.Millisecond)
	}
}

// maxPayload is the largest message of the embedded server, and so bounds a push: 8 MiB, the most that NATS recommends.
const maxPayload = 8 << 20

func splitAddr(addr string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	return host, port, err
}

// passWithin bounds how long a node waits until another one leads the log.
const passWithin = time.Second

// passLeadership has another node lead the log before this one's copy stops, and waits until one does. Otherwise nothing is appended until the
// others have noticed and elected one.
func (b *Backend) passLeadership() {
	server := b.embedded.running.Load()
	if log, _, _ := b.LogInfo(); server == nil || !log.Leads || server.NumRoutes() == 0 { // nobody is there who could
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, passWithin)
	defer cancel()
	if _, err := b.conn.RequestWithContext(ctx, "$JS.API.STREAM.LEADER.STEPDOWN."+b.stream, nil); err != nil {
		return
	}
	for ctx.Err() == nil {
		if log, err := b.streamInfo(ctx); err == nil && log.Leader != "" && log.Leader != server.Name() {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// endEmbedded stops the server, if there is one.
func (b *Backend) endEmbedded() {
	if s := b.embedded.running.Load(); s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}

// stopEmbedded stops the server, and removes what it has written where that was for this process alone.
func (b *Backend) stopEmbedded() {
	b.endEmbedded()
	b.reached.close()
	if b.temporary != "" {
		_ = os.RemoveAll(b.temporary)
	}
}
