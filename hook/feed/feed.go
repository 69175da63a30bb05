// Package feed is what backends listen to: events of all nodes, live, and for a while also those that they have missed.
//
// A node keeps its own events while anybody in the cluster listens, and for a while longer; while nobody does, nothing is kept and nothing is
// sent between nodes. Streams are at any node. A node with streams tells the others every few seconds which apps they are of, and those send
// it what happens there. A stream that opens asks each node for what it wants from the past, and begins when all have answered: what a node
// sends before its answer is in the answer, and what it sends behind it is not, so there is no hole and no double.
//
// A node stamps its events with rising times, in µs. A stream that comes back says up to which it has got those of each node (Cursor). An event
// that is sent to other nodes says which one of its app was before it, and each second a node says which is the newest: where a stream has not
// got that one, it is told that it has missed some, whether they were lost on the way or not sent.
package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/hook"
	"scenecast/hook/event"
	"scenecast/problem"
)

// Options configure a feed.
type Options struct {
	Node      scenecast.NodeID
	Keep      time.Duration             // how long events are kept, and for how long after the last stream of their app
	MaxEvents int                       // that are kept, of one app
	MaxBytes  int64                     // … and what they take, about
	Broadcast func(message []byte)      // sends a message to all other nodes, and does not wait. Nil: there are no others.
	Nodes     func() []scenecast.NodeID // those that the engine knows. It is needed where there is Broadcast.
	Logger    *slog.Logger
}

const (
	beatEvery   = time.Second             // how often nodes tell what their streams are about, and how far they have come
	lease       = 5 * time.Second         // for how long a node sends events to others that have not said so again
	sendEvery   = 25 * time.Millisecond   // events for other nodes wait so long for others
	joinTime    = 10 * time.Second        // for other nodes to get to know one that has started
	answerWait  = 1500 * time.Millisecond // for nodes that a stream has asked
	maxStreams  = 100                     // of one node
	setting     = "feed"                  // the settings that decide
	maxOutgoing = 20_000                  // events that wait to be sent to other nodes
)

// Feed is a node's part. Safe for concurrent use.
type Feed struct {
	o       Options
	started int64 // in µs
	stop    context.CancelFunc
	done    sync.WaitGroup
	flush   chan struct{} // holds a signal while events wait to be sent
	answers chan struct{} // … while asks are to be answered
	active  atomic.Bool   // somebody may want events
	pushes  pushes

	pushListeners atomic.Int32 // streams that listen for pushes

	sending sync.Mutex // held while events and answers are sent, so that they keep their order; before mu

	mu        sync.Mutex
	closed    bool
	paused    bool  // nothing is sent: another process is to be this node
	last      int64 // the newest stamp
	apps      map[string]*appFeed
	streams   map[*Stream]struct{}
	asked     uint64    // counts streams
	joining   time.Time // until then events of all apps are kept: other nodes' streams do not know this one yet; zero: it has not started
	asks      []asked
	out       []outgoing
	nodes     map[scenecast.NodeID]bool // those that the engine knew at the last beat; true: it has said that it goes
	lost      int64                     // when a node was last seen that is gone, with what it kept, in µs
	overtaken int64                     // streams that were cut because they read too slowly
}

var _ hook.Sink = (*Feed)(nil)

// appFeed is what is known of an app that somebody listens to, or has listened to.
type appFeed struct {
	ring
	newest   int64                          // the stamp of the newest event, sent or not; before the first one, when they began to be kept
	local    int                            // streams here
	wantedBy map[scenecast.NodeID]time.Time // other nodes with streams, and until when they want events
	until    time.Time                      // events are kept until then, where there are no streams
}

// New makes a feed. Close ends it.
func New(o Options) *Feed {
	ctx, stop := context.WithCancel(context.Background())
	f := &Feed{
		o: o, started: time.Now().UnixMicro(), stop: stop, flush: make(chan struct{}, 1), answers: make(chan struct{}, 1),
		apps: make(map[string]*appFeed), streams: make(map[*Stream]struct{}), nodes: make(map[scenecast.NodeID]bool),
	}
	f.pushes.more = make(chan struct{}, 1)
	f.active.Store(o.Broadcast != nil)
	f.done.Go(func() { f.run(ctx) })
	return f
}

// Start tells the feed that the engine has started, and other nodes get to know this one.
func (f *Feed) Start() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.joining.IsZero() { // otherwise it was restored
		f.joining = time.Now().Add(joinTime)
	}
}

// isJoining, with mu held, reports whether there may be streams of other nodes that do not know this one yet.
func (f *Feed) isJoining() bool {
	return f.o.Broadcast != nil && (f.joining.IsZero() || time.Now().Before(f.joining))
}

// Close ends the streams in words, once they have got what has happened so far, and sends other nodes what is theirs. A second call does nothing.
func (f *Feed) Close() {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return
	}
	f.closed = true
	for s := range f.streams {
		s.end(errClosing)
	}
	f.mu.Unlock()
	f.stop()
	f.done.Wait()
	f.sending.Lock()
	defer f.sending.Unlock()
	f.mu.Lock()
	if f.paused { // another process is this node, which goes on
		f.mu.Unlock()
		return
	}
	out := f.takeOut()
	newest := f.newest()
	f.mu.Unlock()
	f.sendOut(out)
	f.send(message{Bye: true, Newest: newest})
}

var errClosing = problem.New(problem.Unavailable, "the server is going away; come back")

// Wants implements hook.Sink: events of apps that nobody listens to, and nobody has listened to lately, are not made.
func (f *Feed) Wants(app string, _ event.Type) bool {
	if !f.active.Load() {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.apps[app] != nil || f.isJoining()
}

// Emit implements hook.Sink.
func (f *Feed) Emit(e event.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	app := f.apps[e.Data.App]
	if app == nil && f.isJoining() {
		app = f.keep(e.Data.App)
	}
	if app == nil {
		return
	}
	i := item{node: f.o.Node, stamp: f.stamp(), event: e}
	app.add(i, f.o)
	f.tellStreams(&i, 0)
	before := app.newest
	app.newest = i.stamp
	if len(app.wantedBy) == 0 || f.closed {
		return
	}
	if len(f.out) < maxOutgoing {
		f.out = append(f.out, outgoing{before, i})
	}
	signal(f.flush)
}

// stamp, with mu held, is a time that is later than any before.
func (f *Feed) stamp() int64 {
	f.last = max(f.last+1, time.Now().UnixMicro())
	return f.last
}

// tellStreams, with mu held, tells the streams of an event's app, of whatever node it is. Before it was the one with the other stamp.
func (f *Feed) tellStreams(i *item, before int64) {
	t := telling{item: i}
	for s := range f.streams {
		if s.o.App == i.event.Data.App {
			s.live(&t, before)
		}
	}
}

// keep, with mu held, has the events of an app be kept from now on, and returns what is known of it.
func (f *Feed) keep(name string) *appFeed {
	app := f.apps[name]
	if app == nil {
		app = &appFeed{ring: ring{began: f.stamp()}, wantedBy: make(map[scenecast.NodeID]time.Time)}
		f.apps[name] = app
		f.active.Store(true)
		if f.isJoining() {
			app.began = f.started
		}
		app.newest = app.began
	}
	app.until = time.Now().Add(f.o.Keep)
	return app
}

// run does what is due.
func (f *Feed) run(ctx context.Context) {
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			f.beat()
		case <-f.answers:
			f.answerAll()
		case <-f.pushes.more:
			f.tellPushes()
		case <-f.flush:
			select {
			case <-ctx.Done():
				return
			case <-time.After(sendEvery):
				f.sendEvents()
			}
		}
	}
}

// beat renews what other nodes know, and forgets what is over.
func (f *Feed) beat() {
	now := time.Now()
	f.sending.Lock()
	defer f.sending.Unlock()
	f.mu.Lock()
	if !f.joining.IsZero() { // the engine may not be asked before it has started
		f.noteNodes(now)
	}
	for s := range f.streams {
		s.expire(now)
	}
	var m message
	for name, app := range f.apps {
		maps.DeleteFunc(app.wantedBy, func(_ scenecast.NodeID, until time.Time) bool { return now.After(until) })
		if app.local > 0 {
			m.Want = append(m.Want, name)
		}
		if app.local > 0 || len(app.wantedBy) > 0 {
			app.until = now.Add(f.o.Keep)
		}
		app.forget(now.Add(-f.o.Keep).UnixMicro())
		if now.After(app.until) {
			delete(f.apps, name)
		}
	}
	f.active.Store(len(f.apps) > 0 || f.isJoining())
	slices.Sort(m.Want)
	m.Newest = f.newest()
	if f.paused {
		f.mu.Unlock()
		return
	}
	out := f.takeOut()
	f.mu.Unlock()
	f.sendOut(out)
	if m.Want != nil || m.Newest != nil {
		f.send(m)
	}
}

// newest, with mu held, has the stamp of the newest event of each app that other nodes want. It is sent behind all events until now.
func (f *Feed) newest() (of map[string]int64) {
	for name, app := range f.apps {
		if len(app.wantedBy) > 0 {
			if of == nil {
				of = make(map[string]int64)
			}
			of[name] = app.newest
		}
	}
	return of
}

// noteNodes, with mu held, finds nodes that are gone. One that has not said so may have had events for the streams here.
func (f *Feed) noteNodes(now time.Time) {
	if f.o.Broadcast == nil {
		return
	}
	there := f.o.Nodes()
	for id, left := range f.nodes {
		if slices.Contains(there, id) {
			continue
		}
		delete(f.nodes, id)
		f.lost = now.UnixMicro()
		for s := range f.streams {
			s.gone(id, left)
		}
	}
	for _, id := range there {
		if _, known := f.nodes[id]; known || id == f.o.Node {
			continue
		}
		f.nodes[id] = false
		for s := range f.streams {
			s.askNew(id)
		}
	}
}

// Stats are how many streams there are, and how many were cut because they read too slowly.
func (f *Feed) Stats() (streams int, cut int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.streams), f.overtaken
}

func (f *Feed) encode(m message) []byte {
	m.From = f.o.Node
	b, err := json.Marshal(envelope{&m})
	if err != nil {
		f.o.Logger.Error("feed: a message to other nodes cannot be encoded", "err", err)
	}
	return b
}

func (f *Feed) send(m message) { f.broadcast(f.encode(m)) }

func (f *Feed) broadcast(b []byte) {
	if f.o.Broadcast != nil && len(b) > 0 {
		f.o.Broadcast(b)
	}
}

// IsMessage reports whether a message of another node is for Received.
func IsMessage(message []byte) bool { return bytes.HasPrefix(message, envelopeBegin) }
