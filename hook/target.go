// Package hook tells backends what happens to pages: events wait in a queue for each target until the backend has taken them.
package hook

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"scenecast/audience"
	"scenecast/hook/event"
	"scenecast/hook/queue"
	"scenecast/hook/webhook"
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

	Queue  queue.Queue
	Post   func(ctx context.Context, id string, body []byte) error // of a webhook.Client
	Logger *slog.Logger
}

// maxIncoming bounds the events that wait for the queue, which may be on a disk that is slow, or full.
const maxIncoming = 10_000

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
	incoming []event.Event
	closing  bool
	kept     bool // everything that was emitted is in the queue, and nothing more comes
	stats    Stats
}

// Stats say how a target stands.
type Stats struct {
	Name      string
	App       string
	Queued    int   // events that wait
	Delivered int64 // events that were taken, since the start
	Dropped   int64 // events that were not: the queue was full, or they were too old
	Failures  int64 // calls that failed
	LastError string
	FailedAt  time.Time
	Failing   bool      // the last call has failed
	NextCall  time.Time // where Failing
}

// NewTarget makes a target and begins to send what is in its queue. Close ends it.
func NewTarget(o TargetOptions) *Target {
	defaults := func(n *int, to int) {
		if *n == 0 {
			*n = to
		}
	}
	defaults(&o.Batch, 100)
	defaults(&o.MaxQueue, 100_000)
	if o.MaxWait == 0 {
		o.MaxWait = time.Second
	}
	if o.RetryFor == 0 {
		o.RetryFor = 24 * time.Hour
	}
	ctx, cancel := context.WithCancel(context.Background())
	t := &Target{
		o: o, ctx: ctx, cancel: cancel,
		work: make(chan struct{}, 1), queued: make(chan struct{}, 1), again: make(chan struct{}, 1),
	}
	t.done.Go(t.keep)
	t.done.Go(t.send)
	return t
}

// Wants reports whether the target is told of events of an app and a type: whoever makes events need not make others.
func (t *Target) Wants(app string, of event.Type) bool {
	return app == t.o.App && (t.o.Types == nil || slices.Contains(t.o.Types, of))
}

// Emit tells the target of an event, if it wants it. It never waits: an event that finds no room is dropped, and counted.
func (t *Target) Emit(e event.Event) {
	if !t.Wants(e.Data.App, e.Type) || !t.o.To.IsZero() && !t.o.To.Match(e.Data.Labels) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing || len(t.incoming) >= maxIncoming {
		t.drop(1, "they come faster than they can be kept")
		return
	}
	t.incoming = append(t.incoming, e)
	signal(t.work)
}

// drop, with mu held, counts events that are lost, and logs the first of a row.
func (t *Target) drop(n int, why string) {
	if n > 0 {
		if t.stats.Dropped == 0 || !t.stats.Failing {
			t.o.Logger.Error("hooks: events are dropped", "hook", t.o.Name, "app", t.o.App, "why", why, "events", n)
		}
		t.stats.Dropped += int64(n)
	}
}

// Stats say how the target stands.
func (t *Target) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.stats
	s.Name, s.App, s.Queued = t.o.Name, t.o.App, len(t.incoming)+t.o.Queue.Len()
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
		t.incoming = nil
		t.mu.Unlock()
		t.append(events)
		signal(t.queued)
		if closing && len(events) == 0 || t.ctx.Err() != nil {
			return
		}
		if closing {
			signal(t.work) // there may be more
		}
	}
}

// append puts events into the queue, as many as have room. A queue that cannot take them is asked again until it can.
func (t *Target) append(events []event.Event) {
	if n := t.o.MaxQueue - t.o.Queue.Len(); len(events) > n {
		t.mu.Lock()
		t.drop(len(events)-max(n, 0), fmt.Sprintf("%d wait already (max_queue)", t.o.MaxQueue))
		t.mu.Unlock()
		events = events[:max(n, 0)]
	}
	if len(events) == 0 {
		return
	}
	items := make([][]byte, 0, len(events))
	for _, e := range events {
		items = append(items, encodeItem(e))
	}
	wait := newBackoff()
	for {
		err := t.o.Queue.Append(items)
		if err == nil {
			return
		}
		t.failed(fmt.Errorf("the queue: %w", err), time.Time{})
		select {
		case <-time.After(wait.NextBackOff()):
		case <-t.ctx.Done():
			return
		}
	}
}

// An item of the queue is when its event was emitted, in 8 bytes, and the event in JSON.
func encodeItem(e event.Event) []byte {
	body, _ := json.Marshal(e) // texts, numbers and labels: it cannot fail
	return append(binary.BigEndian.AppendUint64(nil, uint64(e.At.UnixMilli())), body...)
}

func decodeItem(item []byte) (at time.Time, body json.RawMessage) {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(item))), item[8:]
}

// newBackoff says how long to wait before each next attempt: from a second to a minute, each at random around its middle.
func newBackoff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.Multiplier, b.MaxInterval = time.Second, 2, time.Minute
	return b
}

// maxRetryAfter bounds how long a backend can have itself left alone.
const maxRetryAfter = time.Hour

// send sends what is in the queue, a batch after the other.
func (t *Target) send() {
	wait := newBackoff()
	for t.awaitBatch() {
		items, err := t.o.Queue.First(t.o.Batch, maxBatchBytes)
		if err == nil && len(items) == 0 {
			continue
		}
		if err == nil {
			err = t.sendBatch(items)
		}
		if err == nil {
			wait.Reset()
			continue
		}
		pause := wait.NextBackOff()
		var status *webhook.StatusError
		if errors.As(err, &status) {
			pause = max(pause, min(status.RetryAfter, maxRetryAfter))
		}
		t.failed(err, time.Now().Add(pause))
		select {
		case <-time.After(pause):
		case <-t.again:
		case <-t.ctx.Done():
			return
		}
	}
}

// awaitBatch waits until there is a batch: as many events as one holds, or some for as long as they wait for others. It is false when the
// target is closed and nothing waits.
func (t *Target) awaitBatch() bool {
	var overdue <-chan time.Time
	for {
		n := t.o.Queue.Len()
		t.mu.Lock()
		closing := t.kept
		t.mu.Unlock()
		switch {
		case t.ctx.Err() != nil || n == 0 && closing:
			return false
		case n >= t.o.Batch || n > 0 && closing:
			return true
		case n > 0 && overdue == nil:
			overdue = time.After(t.o.MaxWait)
		}
		select {
		case <-t.queued:
		case <-t.ctx.Done():
		case <-overdue:
			return true
		}
	}
}

// sendBatch sends items, but for those that are too old, and removes them.
func (t *Target) sendBatch(items []queue.Item) error {
	b := event.Batch{Type: "events", Timestamp: time.Now().UTC().Truncate(time.Millisecond)}
	old := 0
	for _, item := range items {
		at, body := decodeItem(item.Data)
		if time.Since(at) > t.o.RetryFor {
			old++
			continue
		}
		b.Data.Events = append(b.Data.Events, body)
	}
	if len(b.Data.Events) > 0 {
		whole, err := json.Marshal(b)
		if err != nil {
			return err
		}
		if err := t.o.Post(t.ctx, batchID(b), whole); err != nil {
			return err
		}
	}
	if err := t.o.Queue.Remove(items[len(items)-1].Number); err != nil {
		return fmt.Errorf("the queue: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(old, "they could not be delivered in time (retry_for)")
	t.stats.Delivered += int64(len(b.Data.Events))
	if t.stats.Failing && len(b.Data.Events) > 0 {
		t.stats.Failing, t.stats.NextCall = false, time.Time{}
		t.o.Logger.Info("hooks: the backend takes events again", "hook", t.o.Name, "app", t.o.App)
	}
	return nil
}

// batchID is the ID of a batch: that of its first event, and how many follow it. The same batch has the same ID.
func batchID(b event.Batch) string {
	var first struct{ ID string }
	_ = json.Unmarshal(b.Data.Events[0], &first) // of an event of our own
	return fmt.Sprintf("%s+%d", first.ID, len(b.Data.Events)-1)
}

// failed notes a failure, and logs the first of a row.
func (t *Target) failed(err error, next time.Time) {
	if t.ctx.Err() != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.stats.Failing {
		t.o.Logger.Warn("hooks: the backend does not take events; they are sent again until it does", "hook", t.o.Name, "app", t.o.App, "err", err)
	}
	t.stats.Failures++
	t.stats.Failing, t.stats.LastError, t.stats.FailedAt, t.stats.NextCall = true, err.Error(), time.Now(), next
}
