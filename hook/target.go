// Package hook tells backends what happens to pages: events wait in a queue for each target until the backend has taken them.
package hook

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"scenecast/audience"
	"scenecast/hook/event"
	"scenecast/hook/queue"
)

// TargetOptions say who is told of what, and how.
type TargetOptions struct {
	Name     string        // for logs, metrics and GET /v1/hooks
	App      string        // whose events
	Types    []event.Type  // nil: all
	To       audience.Expr // only events whose labels match; zero: all
	Batch    int           // events of one call, at most. Defaults to 100.
	MaxWait  time.Duration // how long an event waits for others. Defaults to 1 s.
	RetryFor time.Duration // an event that could not be delivered for so long is dropped. Defaults to 24 h.
	MaxQueue int           // events that wait; more are dropped. Defaults to 100,000.
	MaxBytes int           // that these have, as JSON; what is more is dropped. Defaults to 64 MiB.

	Queue  queue.Queue
	Post   func(ctx context.Context, id string, body []byte) error // of a webhook.Client
	Logger *slog.Logger

	// Encode makes the body of a call, and its ID, which is the same for the same events. Defaults to that of Standard Webhooks, with an
	// event.Batch.
	Encode func(events []json.RawMessage) (id string, body []byte, err error)
}

// The bounds of the events that wait for the queue, which may be on a disk that is slow, or full.
const (
	maxIncoming      = 10_000
	maxIncomingBytes = 32 << 20 // or TargetOptions.MaxBytes, where that is less
)

// maxBatchBytes bounds the body of a call, unless one event is larger by itself.
const maxBatchBytes = 1 << 20

// Target is a backend that is told of events: in the order in which they were emitted, a batch after the other, each until the backend
// has taken it. Its methods may be called concurrently.
type Target struct {
	o      TargetOptions
	ctx    context.Context //nolint:containedctx // ends the goroutines
	cancel context.CancelFunc
	done   sync.WaitGroup
	work   chan struct{} // holds one signal while there are incoming events
	queued chan struct{} // … while there may be a batch to send
	again  chan struct{} // … when a batch that failed is to be sent at once

	mu       sync.Mutex
	incoming []emitted
	bytes    int // that these have at least
	closing  bool
	next     *Target   // that has taken this one's place; nil: none has
	unkept   []emitted // that the queue has not taken before the target has ended
	kept     bool      // everything that was emitted is in the queue, and nothing more comes
	stats    Stats

	unlogged int       // drops that the log has not told
	logged   time.Time // when it has told the last ones
}

// emitted is an event that is not in the queue yet.
type emitted struct {
	at    time.Time
	event Sized
}

// Sized is an event, which encodes as JSON.
type Sized interface {
	// Size is how many bytes of JSON it has at least, which takes less time than to encode it.
	Size() int
}

// Stats say how a target stands.
type Stats struct {
	Name      string
	App       string
	Queued    int       // events that wait
	Oldest    time.Time // when the one was emitted that has waited longest; zero: none waits, or the queue cannot be read
	Delivered int64     // events that were taken, since the start
	Dropped   int64     // events that were not: the queue was full, or they were too old
	Calls     int64     // that the backend has taken
	Failures  int64     // calls that failed
	LastError string
	FailedAt  time.Time
	Failing   bool      // the last call has failed
	NextCall  time.Time // where Failing
}

// NewTarget makes a target and begins to send what is in its queue. Close ends it.
func NewTarget(o TargetOptions) *Target {
	t := makeTarget(o)
	t.start()
	return t
}

// Replace closes the target and returns one with other options over the same queue, which goes on where this one was, and counts on. No
// event is lost: what still comes to this one is passed on.
func (t *Target) Replace(o TargetOptions) *Target {
	next := makeTarget(o)
	t.mu.Lock()
	t.next = next
	t.mu.Unlock()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	t.Close(ended)
	before := t.Stats()
	next.mu.Lock()
	next.incoming = append(t.unkept, next.incoming...)
	next.bytes = sizeOf(next.incoming)
	signal(next.work)
	next.stats.Delivered += before.Delivered
	next.stats.Dropped += before.Dropped
	next.stats.Calls += before.Calls
	next.stats.Failures += before.Failures
	next.mu.Unlock()
	next.start()
	return next
}

// makeTarget makes a target that does not run yet.
func makeTarget(o TargetOptions) *Target {
	defaults := func(n *int, to int) {
		if *n == 0 {
			*n = to
		}
	}
	defaults(&o.Batch, 100)
	defaults(&o.MaxQueue, 100_000)
	defaults(&o.MaxBytes, 64<<20)
	if o.MaxWait == 0 {
		o.MaxWait = time.Second
	}
	if o.RetryFor == 0 {
		o.RetryFor = 24 * time.Hour
	}
	if o.Encode == nil {
		o.Encode = encodeBatch
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Target{
		o: o, ctx: ctx, cancel: cancel,
		work: make(chan struct{}, 1), queued: make(chan struct{}, 1), again: make(chan struct{}, 1),
	}
}

func (t *Target) start() {
	t.done.Go(t.keep)
	t.done.Go(t.send)
}

// Wants reports whether the target is told of events of an app and a type: whoever makes events need not make others.
func (t *Target) Wants(app string, of event.Type) bool {
	return app == t.o.App && (t.o.Types == nil || slices.Contains(t.o.Types, of))
}

// Emit tells the target of an event, if it wants it. It never waits: an event that finds no room is dropped, and counted.
func (t *Target) Emit(e event.Event) {
	if t.Wants(e.Data.App, e.Type) && (t.o.To.IsZero() || t.o.To.Match(e.Data.Labels)) {
		t.Put(e.At, e)
	}
}

// Put tells the target of an event that it wants, in whatever form, and which nobody changes any more. It is Emit otherwise.
func (t *Target) Put(at time.Time, e Sized) {
	size := e.Size()
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closing && t.next != nil:
		t.next.Put(at, e)
	case t.closing:
		t.drop(1, "the hook has ended")
	case size > t.o.MaxBytes:
		t.drop(1, t.noRoom())
	case len(t.incoming) >= maxIncoming, t.bytes+size > min(maxIncomingBytes, t.o.MaxBytes):
		t.drop(1, "they come faster than they can be kept")
	default:
		t.bytes += size
		t.incoming = append(t.incoming, emitted{at, e})
		signal(t.work)
	}
}

// logDropsEvery is how often the log tells of events that are lost, at most.
const logDropsEvery = time.Minute

// drop, with mu held, counts events that are lost, and has the log tell: it is called on event loops, for each event.
func (t *Target) drop(n int, why string) {
	if n == 0 {
		return
	}
	t.stats.Dropped += int64(n)
	t.unlogged += n
	if now := time.Now(); t.logged.IsZero() || now.Sub(t.logged) >= logDropsEvery {
		t.o.Logger.Error("hooks: events are dropped", "hook", t.o.Name, "app", t.o.App, "why", why, "events", t.unlogged)
		t.unlogged, t.logged = 0, now
	}
}

// Stats say how the target stands.
func (t *Target) Stats() Stats {
	t.mu.Lock()
	s := t.stats
	s.Name, s.App, s.Queued = t.o.Name, t.o.App, len(t.incoming)+t.o.Queue.Len()
	if len(t.incoming) > 0 {
		s.Oldest = t.incoming[0].at
	}
	t.mu.Unlock() // a disk may take long to answer, and Put waits for mu on event loops
	if s.Queued == 0 {
		return s
	}
	if first, err := t.o.Queue.First(1, 0); err == nil && len(first) > 0 {
		s.Oldest, _, _ = decodeItem(first[0].Data)
	}
	return s
}

// Retry has a batch that failed be sent at once.
func (t *Target) Retry() { signal(t.again) }

// Close waits until what was emitted is in the queue, and until ctx ends for the queue to be sent. What is left then is lost, unless the
// queue survives the process.
func (t *Target) Close(ctx context.Context) {
	t.mu.Lock()
	t.closing = true
	t.mu.Unlock()
	signal(t.work)
	signal(t.queued)
	signal(t.again)
	stop := context.AfterFunc(ctx, t.cancel)
	t.done.Wait()
	stop()
	t.cancel()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next == nil {
		t.drop(len(t.unkept), "the hook has ended before they could be kept")
		t.unkept = nil
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// keep puts incoming events into the queue.
func (t *Target) keep() {
	defer func() {
		t.mu.Lock()
		t.kept = true
		t.mu.Unlock()
		signal(t.queued)
	}()
	for {
		select {
		case <-t.work:
		case <-t.ctx.Done():
		}
		t.mu.Lock()
		events, closing := t.incoming, t.closing
		t.incoming, t.bytes = nil, 0
		t.mu.Unlock()
		t.append(events)
		signal(t.queued)
		if closing {
			return // these were the last ones
		}
	}
}

// append puts events into the queue, as many as have room. A queue that cannot take them is asked again until it can.
func (t *Target) append(events []emitted) {
	if n := t.o.MaxQueue - t.o.Queue.Len(); len(events) > n {
		t.mu.Lock()
		t.drop(len(events)-max(n, 0), fmt.Sprintf("%d wait already (max_queue)", t.o.MaxQueue))
		t.mu.Unlock()
		events = events[:max(n, 0)]
	}
	items, events := t.encode(events)
	if len(items) == 0 {
		return
	}
	wait := newBackoff()
	for {
		err := t.o.Queue.Append(items)
		if err == nil {
			return
		}
		t.failed("events cannot be kept; it is tried again until they can", fmt.Errorf("the queue: %w", err), time.Time{})
		select {
		case <-time.After(wait.NextBackOff()):
		case <-t.ctx.Done():
			t.mu.Lock()
			t.unkept = append(t.unkept, events...)
			t.mu.Unlock()
			return
		}
	}
}

// encode encodes the events for which the queue has bytes left, which it returns as well, and drops the others.
func (t *Target) encode(events []emitted) (items [][]byte, fit []emitted) {
	left := t.o.MaxBytes - t.o.Queue.Size()
	for _, e := range events {
		if e.event.Size() > left {
			continue
		}
		if item := encodeItem(e); len(item) <= left {
			left -= len(item)
			items, fit = append(items, item), append(fit, e)
		}
	}
	t.mu.Lock()
	t.drop(len(events)-len(fit), t.noRoom())
	t.mu.Unlock()
	return items, fit
}

func (t *Target) noRoom() string {
	return fmt.Sprintf("there is no room for them within %d bytes (max_queue_bytes)", t.o.MaxBytes)
}

// sizeOf is how many bytes events have at least.
func sizeOf(events []emitted) (bytes int) {
	for _, e := range events {
		bytes += e.event.Size()
	}
	return bytes
}

// An item of the queue is when its event was emitted, in 8 bytes, and the event in JSON.
func encodeItem(e emitted) []byte {
	body, _ := json.Marshal(e.event) // texts, numbers and labels: it cannot fail
	return append(binary.BigEndian.AppendUint64(nil, uint64(e.at.UnixMilli())), body...)
}

// decodeItem reads an item; false: it is none, because the file is damaged.
func decodeItem(item []byte) (at time.Time, body json.RawMessage, ok bool) {
	if len(item) < 8 || !json.Valid(item[8:]) {
		return at, nil, false
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(item))), item[8:], true
}
