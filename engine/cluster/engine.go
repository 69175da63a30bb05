package cluster

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/engine/tail"
	"scenecast/language"
)

var (
	_ scenecast.Engine        = (*Engine)(nil)
	_ scenecast.HealthChecker = (*Engine)(nil)
	_ scenecast.NodeLister    = (*Engine)(nil)
	_ Events                  = (*events)(nil)
)

// Options configure an engine.
type Options struct {
	ID      scenecast.NodeID // of this run of this process
	Name    string           // of the node, for people: the same over restarts. May be empty
	Version string           // what runs, for people. May be empty

	// Connections is how many pages this node has, for the others to know. Nil: none.
	Connections func() int
	// Condition is how this node is, for the others to know: it is asked at each beat. Nil: that is not told.
	Condition func() scenecast.Condition

	Tail tail.Options    // of what this node keeps of the log
	Keys tail.KeyOptions // of the idempotency keys that are remembered

	AnswerTimeout    time.Duration // a node that has not answered for this long is late, and nobody waits for it. Defaults to 500 ms.
	ForgetAfter      time.Duration // a node that has been silent for this long is gone. Defaults to 3.5 s.
	BeatEvery        time.Duration // how often a node says that it is there. Defaults to 1 s.
	UnavailableAfter time.Duration // without a record that was appended, publishes fail at once. Defaults to 1.5 s.
	AppendAgain      time.Duration // how long an origin can append a record again that the log has lost. Defaults to 15 s.
	MaxQueued        int           // bytes of pushes that wait to be appended. Defaults to 64 MiB.

	// Now is the node's clock. Defaults to time.Now.
	Now    func() time.Time
	Logger *slog.Logger // defaults to slog.Default()
}

func (o Options) withDefaults() Options {
	o.AnswerTimeout = cmp.Or(o.AnswerTimeout, 500*time.Millisecond)
	o.ForgetAfter = cmp.Or(o.ForgetAfter, 3500*time.Millisecond)
	o.BeatEvery = cmp.Or(o.BeatEvery, time.Second)
	o.UnavailableAfter = cmp.Or(o.UnavailableAfter, 1500*time.Millisecond)
	o.AppendAgain = cmp.Or(o.AppendAgain, 15*time.Second)
	o.MaxQueued = cmp.Or(o.MaxQueued, 64<<20)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Connections == nil {
		o.Connections = func() int { return 0 }
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Engine is one node's part of the cluster. Its methods may be called concurrently.
type Engine struct {
	options Options
	backend Backend
	logger  *slog.Logger

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	began    time.Time     // what this node's messages count from
	messages atomic.Uint64 // that this node has sent
	counts   counts
	begin    time.Time // when the engine was made

	spawning sync.Mutex
	ending   bool
	running  sync.WaitGroup

	mu     sync.Mutex // guards all that follows, and keeps what the node is given in order
	node   scenecast.Node
	closed bool
	live   chan struct{} // closed when what was in the log at the start has been read
	isLive bool

	// What the log is to this node.
	tail       *tail.Log
	keys       *tail.Keys
	texts      audiences
	seen       map[scenecast.NodeID]*seen
	origins    []scenecast.NodeID   // in the order of their first record
	epochBegin uint64               // the number behind which the epoch's records are
	epochRead  time.Time            // when the epoch's beginning was read; zero: at the start
	cameAgain  time.Time            // when a record was read the last time that was appended again soon after that
	unsettled  []uint64             // the epochs that have begun one after the other while none was settled, up to the newest
	unread     map[uint64]time.Time // epochs that pages come from and this node does not know, and since when
	newer      bool                 // the log has a record of a newer version

	// What this node appends.
	records   uint64                    // that it has made
	open      *ownRecord                // takes what is submitted; nil: nothing has been
	queue     []*ownRecord              // wait to be appended, in order
	queued    int                       // bytes of open and queue
	appending int                       // records on their way
	kept      map[uint64]*ownRecord     // by the record's own number: those that may be appended again, or are waited for
	inFlight  map[*ownRecord]struct{}   // of those, the ones on their way
	inOrder   []*ownRecord              // … and the ones that the log took and may lose, in the order in which it did
	keptBytes int                       // of these
	byKey     map[tail.Name]*submission // submitted, and not yet read back
	appended  time.Time                 // when a record was appended last
	others    others                    // records of other nodes that this one may append again
	safe      uint64                    // the number in the log of this node's newest record that is known to be safe
	safer     chan struct{}             // closed when that is higher; nil: nobody waits
	down      bool                      // records do not get through
	state     error                     // of the backend

	members members
	asks    map[uint64]*ask
	askNo   uint64
	waiting []waitingAsk

	reports    reports
	broadcasts broadcasts

	taking sync.RWMutex // is held while something is taken that the backend tells, and guards moving.journal; before mu
	muted  atomic.Bool  // nothing is sent: another process is this node
	moving moving
	routes routes
	readTo uint64 // the newest number of the log that was read
}

// New makes an engine on a backend that has not started.
func New(b Backend, o Options) *Engine {
	o = o.withDefaults()
	e := &Engine{
		options:  o,
		backend:  b,
		began:    time.Now(),
		logger:   o.Logger,
		live:     make(chan struct{}),
		tail:     tail.NewLog(o.Tail),
		keys:     tail.NewKeys(o.Keys),
		seen:     make(map[scenecast.NodeID]*seen),
		kept:     make(map[uint64]*ownRecord),
		inFlight: make(map[*ownRecord]struct{}),
		unread:   make(map[uint64]time.Time),
		others:   others{byName: make(map[recordName]*otherRecord), returned: make(map[scenecast.NodeID]struct{})},
		byKey:    make(map[tail.Name]*submission),
		members:  members{byID: make(map[scenecast.NodeID]*member), senders: make(map[scenecast.NodeID]*sender)},
		asks:     make(map[uint64]*ask),
		begin:    o.Now(),
	}
	e.reports.init(e)
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e
}

// helloWait is how long a node that starts waits for the others to say that they are there.
const helloWait = 250 * time.Millisecond

// Start implements scenecast.Engine. It returns when the node has read what is in the log and knows the other nodes; behind Standby it gives
// the engine its node alone.
func (e *Engine) Start(ctx context.Context, node scenecast.Node) error {
	e.mu.Lock()
	e.node = node
	if e.moving.isMoved { // it goes on at Go
		e.isLive = true
		close(e.live)
		e.mu.Unlock()
		e.muted.Store(false)
		return nil
	}
	e.mu.Unlock()
	if err := e.backend.Start(ctx, e.options.ID, (*events)(e)); err != nil {
		return language.Errorf("start the backend: %w", err)
	}
	select {
	case <-e.live:
	case <-ctx.Done():
		return language.Errorf("read the log: %w", ctx.Err())
	}
	e.beat(beatHello)
	e.spawn(e.keepBeating)
	select {
	case <-time.After(helloWait):
	case <-ctx.Done():
	}
	return nil
}

// Close implements scenecast.Engine.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	started := e.isLive
	e.mu.Unlock()
	if started {
		e.flush()
		e.beat(beatBye)
	}
	e.cancel()
	e.spawning.Lock()
	e.ending = true
	e.spawning.Unlock()
	err := e.backend.Close()
	e.running.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	for o := range e.inFlight {
		if o.retry != nil {
			o.retry.Stop()
		}
	}
	if e.others.timer != nil {
		e.others.timer.Stop()
	}
	for id := range e.members.byID {
		e.waitNoMore(id)
	}
	e.endMoved()
	for _, o := range e.kept {
		e.failAll(o, scenecast.ErrUncertain)
		e.stopWaitingForAppend(o)
	}
	for _, o := range append(e.queue, e.open) {
		if o != nil {
			e.failAll(o, scenecast.ErrUnavailable)
		}
	}
	return err
}

// flush waits until what was submitted has been appended and read back, as long as records get through.
func (e *Engine) flush() {
	deadline := time.Now().Add(e.options.UnavailableAfter)
	for time.Now().Before(deadline) {
		e.mu.Lock()
		done := e.open == nil && len(e.queue) == 0 && e.appending == 0 && !e.awaitsRecords() || e.down
		e.mu.Unlock()
		if done {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// awaitsRecords, with mu held, reports whether records with pushes that somebody may wait for are to be read back, and this node reads.
func (e *Engine) awaitsRecords() bool {
	if e.state != nil || e.muted.Load() {
		return false
	}
	for _, o := range e.kept {
		if o.left > 0 && !o.read && !slices.ContainsFunc(o.pushes, func(s *submission) bool { return s.isUncertain }) {
			return true
		}
	}
	return false
}

// CheckHealth implements scenecast.HealthChecker. A node whose pushes would be refused is not healthy, also if only for lack of room.
func (e *Engine) CheckHealth(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return scenecast.ErrClosed
	case e.newer:
		return errNewer
	case !e.isLive && e.state != nil:
		return language.Errorf("the engine is starting: %w", e.state)
	case !e.isLive:
		return language.NewError("the log is still being read")
	case e.backend.CheckRoom() != nil:
		return e.backend.CheckRoom()
	case e.state != nil:
		return language.Errorf("the engine's backend: %w", e.state)
	case e.down:
		return language.NewError("the engine's backend takes no records")
	}
	return nil
}

// setDown, with mu held, notes whether records get through.
func (e *Engine) setDown(down bool, why error) {
	if e.down == down {
		return
	}
	e.down = down
	if !down {
		e.logger.Info("engine: records get through again")
		return
	}
	e.logger.Error("engine: records do not get through; publishes are refused until they do", "err", why)
	e.failQueued()
}

// spawn runs a goroutine that Close waits for. False: Close waits already, and it does not run.
func (e *Engine) spawn(f func()) bool {
	e.spawning.Lock()
	defer e.spawning.Unlock()
	if !e.ending {
		e.running.Go(f)
	}
	return !e.ending
}
