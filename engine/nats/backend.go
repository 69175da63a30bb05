package nats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/language"
	"scenecast/problem"
)

var _ cluster.Backend = (*Backend)(nil)

// Backend is a log in a JetStream stream, and messages by subjects. Make one with New.
type Backend struct {
	options   Options
	log       *slog.Logger
	self      scenecast.NodeID
	on        cluster.Events
	embedded  embedded                        // the server, unless it is external
	full      atomic.Pointer[problem.Problem] // there is no room for records
	room      room
	reached   *reached // how far the log was read
	temporary string   // a directory to remove; empty: none
	conn      *nats.Conn

	stream, logSubject, liveSubject, allSubject, nodeSubject, hereSubject string

	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	live    chan *nats.Msg // records as they are stored
	wake    chan struct{}  // the follower is to look at the log itself
	states  chan streamState

	appends  appends
	standing standing
	hasRead  atomic.Bool           // what was in the log at the start
	denied   atomic.Pointer[error] // what this user may not, as the server has said on this connection; nil: nothing
	mistakes mistakes              // of settings of nodes, by which they do not find each other

	mu    sync.Mutex
	force epoch // the epoch that new records are of
	down  error // what the follower or the connection has found
}

// streamPrefix is what the names of our streams begin with; the cluster's name follows.
const streamPrefix = "SCENECAST_"

// New makes a backend that has not started.
func New(o Options) (*Backend, error) {
	o = o.withDefaults()
	if n := len(o.Embedded.Peers) + 1; n == 2 || n == 4 || n > 5 {
		return nil, language.Errorf("a cluster of %d nodes: a log needs a majority to go on, so make it three or five", n)
	}
	prefix := "scenecast." + o.Name
	b := &Backend{
		options:     o,
		reached:     new(reached),
		log:         o.Logger,
		stream:      streamPrefix + o.Name,
		logSubject:  prefix + ".log",
		liveSubject: prefix + ".live",
		allSubject:  prefix + ".all",
		nodeSubject: prefix + ".node.",
		hereSubject: prefix + ".here",
		live:        make(chan *nats.Msg, 8192),
		wake:        make(chan struct{}, 1),
		states:      make(chan streamState, 1),
	}
	b.appends = appends{
		prefix:      prefix + ".acks." + nats.NewInbox()[7:] + ".",
		storeFailed: func() { b.room.failed.Store(true) },
		ended:       make(map[uint64]*waitingAppend),
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b, nil
}

// Start implements cluster.Backend.
func (b *Backend) Start(ctx context.Context, self scenecast.NodeID, on cluster.Events) (err error) {
	b.self, b.on = self, on
	defer func() {
		if err != nil {
			_ = b.Close()
		}
	}()
	var how []nats.Option
	if b.options.URL == "" {
		how, err = b.startEmbedded(ctx)
	} else {
		how, err = b.external()
	}
	if err != nil {
		return err
	}
	if err := b.connect(ctx, append(how, b.common()...)); err != nil {
		return err
	}
	if err := b.prepareStream(ctx); err != nil {
		return err
	}
	if err := b.subscribe(); err != nil {
		return err
	}
	if err := b.beginAlone(ctx); err != nil {
		return err
	}
	if _, err := b.lastEntry(ctx); err != nil && b.denied.Load() != nil { // a user who may not read the log would wait for it for ever
		return *b.denied.Load()
	}
	b.running.Go(newFollower(b).run)
	b.lookAtDisk()
	b.running.Go(b.watch)
	return nil
}

// inboxPrefix is what the subjects of answers begin with, so that permissions can name them.
const inboxPrefix = "_INBOX.scenecast"

// common are the options of every connection.
func (b *Backend) common() []nats.Option {
	return []nats.Option{
		nats.Name("scenecast " + strconv.FormatUint(uint64(b.self), 16)),
		nats.NoEcho(),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // a password that is wrong for a while is no reason to give up for ever
		nats.ReconnectWait(200 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.ReconnectBufSize(-1), // what cannot be sent now fails now
		nats.PingInterval(2 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.CustomInboxPrefix(inboxPrefix),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if b.ctx.Err() == nil {
				b.state(language.Errorf("not connected: %w", errors.Join(err, nats.ErrDisconnected)))
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			b.denied.Store(nil) // if it is still so, the server says it again
			b.log.Info("engine: connected to NATS again")
			b.look()
		}),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			subject := ""
			if s != nil {
				subject = s.Subject
			}
			b.log.Warn("nats: an error of the connection", "err", err, "subject", subject)
			if errors.Is(err, nats.ErrPermissionViolation) {
				b.deny(err)
			}
			b.look() // a slow follower has lost records, and reads them again
		}),
	}
}

// subscribe has the connection take what comes: records as they are stored, and messages of other nodes.
func (b *Backend) subscribe() error {
	live, err := b.conn.Subscribe(b.liveSubject, func(m *nats.Msg) {
		select {
		case b.live <- m:
		default:
			b.look() // the follower is far behind: it reads from the log
		}
	})
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	_ = live.SetPendingLimits(-1, 256<<20)
	acks, err := b.conn.Subscribe(b.appends.prefix+"*", b.appends.answered)
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	_ = acks.SetPendingLimits(-1, -1)
	message := func(m *nats.Msg) { b.on.Message(m.Data) }
	if _, err := b.conn.Subscribe(b.hereSubject, func(m *nats.Msg) {
		if b.hasRead.Load() {
			_ = m.Respond(b.epochInForce())
		}
	}); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	for _, subject := range []string{b.allSubject, b.nodeSubject + strconv.FormatUint(uint64(b.self), 16)} {
		s, err := b.conn.Subscribe(subject, message)
		if err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
		_ = s.SetPendingLimits(-1, 64<<20)
	}
	if err := b.conn.Flush(); err != nil { // behind it, the server has said what it has against a subscription
		return fmt.Errorf("subscribe: %w", err)
	}
	if err := b.conn.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
		return denial(err)
	}
	return nil
}

// MaxRecord implements cluster.Backend.
func (b *Backend) MaxRecord() int { return int(b.conn.MaxPayload()) - recordHead - headerBytes }

// headerBytes is room for what NATS adds to a message.
const headerBytes = 512

// Send implements cluster.Backend.
func (b *Backend) Send(_ context.Context, to scenecast.NodeID, message []byte) error {
	if to == 0 {
		return b.conn.Publish(b.allSubject, message)
	}
	return b.conn.Publish(b.nodeSubject+strconv.FormatUint(uint64(to), 16), message)
}

// look has the follower look at the log itself.
func (b *Backend) look() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// state tells of a change of what the backend can do.
func (b *Backend) state(err error) {
	if denied := b.denied.Load(); err == nil && denied != nil {
		err = *denied
	}
	b.mu.Lock()
	changed := (err == nil) != (b.down == nil)
	b.down = err
	b.mu.Unlock()
	if changed {
		b.on.State(err)
	}
}

// Close implements cluster.Backend.
func (b *Backend) Close() error {
	if b.conn != nil {
		b.passLeadership()
	}
	b.cancel()
	if b.conn != nil {
		_ = b.conn.FlushTimeout(500 * time.Millisecond)
		b.conn.Close()
	}
	b.running.Wait()
	b.stopEmbedded()
	return nil
}
