// Package registry keeps a Redis hash of who is connected: a field for each connection of every node, named by the connection's ID,
// whose value is JSON (docs/registry.md). It is where the tutorial's PHP code looks pages up, and works with every engine: a Registry
// observes a hub (hub.Observer), and is one node's part of the hash.
//
// The loops hand changes over and go on; they are written to Redis in batches, within some 50 ms. While Redis is away nothing waits and
// nothing piles up; when it is back, and when it has lost something, the node's fields are written anew and those that are too many
// deleted. A node that is gone has no lease any more, by which another one knows that its fields are to go; if there is no other,
// the hash itself expires.
package registry

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"scenecast"
	"scenecast/hub"
	"scenecast/label"
)

var (
	_ hub.Observer = (*Registry)(nil)
	_ hub.Adopter  = (*Registry)(nil)
)

// Options say where the hash is, and whose part of it a registry keeps.
type Options struct {
	// Connect makes a client of Redis, which the registry closes. It may fail, and is tried again. Calls of the client must end within a
	// second or so, whatever Redis does.
	Connect func() (rueidis.Client, error)

	// Key of the hash. Other keys of the registry begin with it or, where it has no hash tag, with it in braces. If it has braces at all,
	// they are one hash tag.
	Key string

	Node scenecast.NodeID

	// Succeeds says that another process has kept this node's part before, which may have left fields behind.
	Succeeds bool

	// Logger defaults to slog.Default(). One line tells that Redis cannot be used, one that it can be again.
	Logger *slog.Logger

	timing timing // for tests; zero: defaultTiming
}

// Registry keeps one node's part of the hash. Make one with New, then call Start and, once, Close; what it is told as an observer may
// come concurrently, and before Start.
type Registry struct {
	o      Options
	node   string
	log    *slog.Logger
	keys   keys
	timing timing

	mu     sync.Mutex
	events []event     // what the loops have handed over
	due    *time.Timer // fires when they are to be written

	client   atomic.Pointer[rueidis.Client] // nil: none could be made yet
	up       atomic.Bool
	live     atomic.Int64 // connections that have not ended
	rebuilds atomic.Int64

	stopping chan struct{}      // Close was called
	abort    context.CancelFunc // of whatever is under way
	running  sync.WaitGroup
}

// timing is how often things are done.
type timing struct {
	gather time.Duration // changes of so long are written together
	renew  time.Duration // a lease is renewed at the latest after
	lease  time.Duration // a lease is in force for
	hash   time.Duration // the hash outlives the newest write or renewal by
	reap   time.Duration // a node looks so often for others that are gone, or whether nobody does
	reaper time.Duration // who reaps does so for at least
	retry  time.Duration // the first pause before Redis is tried again
}

// A node that is gone has lost its lease after 8 s, and the one that reaps notices within a second. So its fields are gone within 15 s
// also where deleting them takes some seconds, or where another node has to take over the reaping first.
var defaultTiming = timing{
	gather: 40 * time.Millisecond,
	renew:  2 * time.Second,
	lease:  8 * time.Second,
	hash:   12 * time.Second,
	reap:   time.Second,
	reaper: 3 * time.Second,
	retry:  100 * time.Millisecond,
}

// New makes a registry. It takes note of what it is told, and writes nothing until Start.
func New(o Options) *Registry {
	r := &Registry{
		o:        o,
		node:     strconv.FormatUint(uint64(o.Node), 10),
		log:      o.Logger,
		keys:     keysOf(o.Key),
		timing:   o.timing,
		stopping: make(chan struct{}),
	}
	if r.log == nil {
		r.log = slog.Default()
	}
	if r.timing == (timing{}) {
		r.timing = defaultTiming
	}
	r.due = time.NewTimer(r.timing.gather)
	return r
}

// Start begins to write, at once. Redis need not be there yet.
func (r *Registry) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	r.abort = cancel
	r.running.Go(func() { r.write(ctx) })
	r.running.Go(func() { r.reap(ctx) })
}

// Close is called when the hub's connections have ended. It writes what is left to be written, as long as ctx lasts, gives up the node's
// lease, and returns when nothing of the registry runs any more.
func (r *Registry) Close(ctx context.Context) {
	stop := context.AfterFunc(ctx, r.abort)
	defer stop()
	close(r.stopping)
	r.running.Wait()
	r.abort()
	if c := r.client.Load(); c != nil {
		(*c).Close()
	}
}

// Abandon is Close where another process keeps the node's part from now on: nothing is written any more, and the fields and the lease stay.
func (r *Registry) Abandon() {
	r.abort()
	close(r.stopping)
	r.running.Wait()
	if c := r.client.Load(); c != nil {
		(*c).Close()
	}
}

// Stats are a registry's figures.
type Stats struct {
	Up          bool  // Redis has everything but what is on its way
	Connections int   // that the hash has, or is to have, of this node
	Rebuilds    int64 // how often the node's fields were written anew
}

// Stats may be called concurrently.
func (r *Registry) Stats() Stats {
	return Stats{Up: r.up.Load(), Connections: int(r.live.Load()), Rebuilds: r.rebuilds.Load()}
}

// event is what the loops hand over of one change.
type event struct {
	connection      // its labels as they are now
	ended      bool // then it has an ID only
}

// Joined implements hub.Observer.
func (r *Registry) Joined(c hub.Member) { r.handOver(event{connection: connectionOf(c)}) }

// Adopted implements hub.Adopter: the field is written anew.
func (r *Registry) Adopted(c hub.Member) { r.Joined(c) }

// Relabelled implements hub.Observer.
func (r *Registry) Relabelled(c hub.Member, _ label.Set) {
	r.handOver(event{connection: connectionOf(c)})
}

// Left implements hub.Observer.
func (r *Registry) Left(c hub.Member, _ scenecast.Ending) {
	r.handOver(event{connection: connection{id: c.ID()}, ended: true})
}

func connectionOf(c hub.Member) connection {
	return connection{id: c.ID(), app: c.App(), labels: c.Labels(), since: time.Now()}
}

// handOver is all that a loop does: it adds to a list that is emptied soon, whatever Redis does. To arm a timer is cheaper than to wake
// a goroutine.
func (r *Registry) handOver(e event) {
	r.mu.Lock()
	r.events = append(r.events, e)
	first := len(r.events) == 1
	r.mu.Unlock()
	if first {
		r.due.Reset(r.timing.gather)
	}
}
