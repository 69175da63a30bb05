package redis

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/language"
	"scenecast/problem"
	"scenecast/redisclient"
)

var _ cluster.Backend = (*Backend)(nil)

// Backend is a log in a stream of Redis, and messages in others. Make one with New.
type Backend struct {
	options Options
	log     *slog.Logger
	keys    keys
	self    scenecast.NodeID
	on      cluster.Events
	servers *servers

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup

	reading, appending, sending *link

	appends  appends
	sends    sends
	messages chan []byte   // that have come, and are to be told
	deposed  chan struct{} // the Sentinels have named another master

	read      atomic.Uint64                   // the highest number that was read
	retention retention                       // which entries are too old
	full      atomic.Pointer[problem.Problem] // there is no room for records
	report    report                          // for LogInfo

	mu    sync.Mutex
	down  error    // why the log cannot be read and written
	codes []string // of the answers that have said why, since it cannot
}

// New makes a backend that has not started.
func New(o Options) *Backend {
	o = o.withDefaults()
	b := &Backend{
		options:  o,
		log:      o.Logger,
		keys:     keysOf(o.Tag),
		appends:  appends{wake: make(chan struct{}, 1)},
		sends:    sends{wake: make(chan struct{}, 1)},
		messages: make(chan []byte, maxMessages),
		deposed:  make(chan struct{}, 1),
	}
	b.retention = retention{maxAge: o.MaxAge, maxBytes: o.MaxBytes}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// maxMessages bounds the messages that have come and are not told yet. What is more is dropped: the engine is too slow.
const maxMessages = 8192

// Start implements cluster.Backend. It waits for a Redis that cannot be reached, loads its data, or fails over; what waiting does not
// mend, such as a wrong password, is an error.
func (b *Backend) Start(ctx context.Context, self scenecast.NodeID, on cluster.Events) (err error) {
	b.self, b.on = self, on
	defer func() {
		if err != nil {
			_ = b.Close()
		}
	}()
	if err := b.connect(ctx); err != nil {
		return err
	}
	for _, l := range []**link{&b.reading, &b.appending, &b.sending} {
		*l = newLink(b.servers, b.keys.log)
	}
	b.running.Go(b.keepLeaving)
	f := newFollower(b)
	if err := b.untilUp(ctx, f.begin); err != nil {
		return err
	}
	b.on.State(nil)
	b.running.Go(f.run)
	b.running.Go(b.keepAppending)
	b.running.Go(b.keepSending)
	b.running.Go(b.tellMessages)
	return nil
}

// connect finds the servers.
func (b *Backend) connect(ctx context.Context) error {
	return b.untilUp(ctx, func() (err error) {
		s, err := connectServers(ctx, b.options.Client, func() {
			select {
			case b.deposed <- struct{}{}:
			default:
			}
		})
		if err == nil {
			b.servers = s
		}
		return err
	})
}

// keepLeaving has links leave a master that was replaced.
func (b *Backend) keepLeaving() {
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-b.deposed:
		}
		for _, l := range []*link{b.reading, b.appending, b.sending} {
			l.leave()
		}
	}
}

// untilUp tries until Redis is up, or says what waiting does not mend.
func (b *Backend) untilUp(ctx context.Context, try func() error) error {
	told := time.Now()
	for {
		err := try()
		switch {
		case err == nil:
			return nil
		case isFinal(err):
			return err
		}
		b.on.State(language.Errorf("waiting for Redis: %w", err))
		if time.Since(told) > 3*time.Second {
			told = time.Now()
			b.log.Warn("engine: waiting for Redis", "err", err)
		}
		select {
		case <-ctx.Done():
			return language.Errorf("wait for Redis: %w", errors.Join(ctx.Err(), err))
		case <-time.After(reopenAfter):
		}
	}
}

// isFinal reports whether an error is one that an operator has to mend.
func isFinal(err error) bool {
	if errors.Is(err, errForeign) || errors.Is(err, errOld) {
		return true
	}
	text := err.Error()
	return slices.ContainsFunc([]string{
		"WRONGPASS", "NOAUTH", "NOPERM", "can't run this command", "invalid password", "without any password configured", // who we are
		"unknown command", "DB index is out of range", "does not tell its replication ID", "No such master", "WRONGTYPE", "cluster support disabled", // where
		"x509: ", "tls: ", "remote error: ", // by what
	}, func(words string) bool { return strings.Contains(text, words) })
}

// MaxRecord implements cluster.Backend. Redis itself takes 512 MB.
func (b *Backend) MaxRecord() int { return 32 << 20 }

// CheckRoom implements cluster.Backend.
func (b *Backend) CheckRoom() error {
	if p := b.full.Load(); p != nil {
		return p
	}
	return nil
}

// noteRoom notes what a command that writes has met.
func (b *Backend) noteRoom(err error) {
	was := b.full.Load() != nil
	switch full := isFull(err); {
	case full && !was:
		b.log.Error("engine: Redis has reached its maxmemory and takes no writes; publishes are refused until it does", "err", err)
		b.full.Store(problem.New(problem.InsufficientStorage, "Redis, which keeps the log, has reached its maxmemory and takes no writes"))
	case err == nil && was:
		b.log.Info("engine: Redis takes writes again")
		b.full.Store(nil)
	}
}

// state tells of a change of what the backend can do, and of each answer that says why it cannot: a password that was changed shows as a
// closed connection first.
func (b *Backend) state(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	code := redisclient.Code(err)
	isNew := code != "" && !slices.Contains(b.codes, code)
	if (err == nil) != (b.down == nil) || isNew {
		b.on.State(err)
	}
	switch {
	case err == nil:
		b.codes = nil
	case isNew:
		b.codes = append(b.codes, code)
		if b.down != nil {
			b.log.Error("engine: Redis refuses what it is asked", "err", err)
		}
	}
	b.down = err
}

// tellMessages tells messages apart from records, so that an engine which sends an answer does not keep the log waiting.
func (b *Backend) tellMessages() {
	for {
		select {
		case <-b.ctx.Done():
			return
		case m := <-b.messages:
			b.on.Message(m)
		}
	}
}

// Close implements cluster.Backend.
func (b *Backend) Close() error {
	b.cancel()
	for _, l := range []*link{b.reading, b.appending, b.sending} {
		if l != nil {
			l.close()
		}
	}
	b.running.Wait()
	b.appends.end()
	if b.servers != nil {
		b.servers.close()
	}
	return nil
}
