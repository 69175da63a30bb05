package hook

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"scenecast/hook/event"
	"scenecast/hook/queue"
	"scenecast/hook/webhook"
)

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
	failed := 0 // how many events the batch has that has failed: it is sent again as it was; 0: none has
	for failed > 0 || t.awaitBatch() {
		items, err := t.o.Queue.First(cmp.Or(failed, t.o.Batch), maxBatchBytes)
		if err == nil && len(items) > 0 {
			err = t.sendBatch(items)
		}
		if err == nil {
			failed = 0
			wait.Reset()
			continue
		}
		failed = len(items)
		pause := wait.NextBackOff()
		var status *webhook.StatusError
		if errors.As(err, &status) {
			pause = max(pause, min(status.RetryAfter, maxRetryAfter))
		}
		t.failed("the backend does not take events; they are sent again until it does", err, time.Now().Add(pause))
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
	var events []json.RawMessage
	old, damaged := 0, 0
	for _, item := range items {
		at, body, ok := decodeItem(item.Data)
		if !ok {
			damaged++
			continue
		}
		if time.Since(at) > t.o.RetryFor {
			old++
			continue
		}
		events = append(events, body)
	}
	if len(events) > 0 {
		id, whole, err := t.o.Encode(events)
		if err != nil {
			return err
		}
		if err := t.o.Post(t.ctx, id, whole); err != nil {
			return err
		}
		t.mu.Lock()
		t.stats.Calls++
		t.mu.Unlock()
	}
	if err := t.o.Queue.Remove(items[len(items)-1].Number); err != nil {
		return fmt.Errorf("the queue: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(damaged, "they are damaged in the queue")
	t.drop(old, "they could not be delivered in time (retry_for)")
	t.stats.Delivered += int64(len(events))
	if t.stats.Failing && len(events) > 0 {
		t.stats.Failing, t.stats.NextCall = false, time.Time{}
		t.o.Logger.Info("hooks: the backend takes events again", "hook", t.o.Name, "app", t.o.App)
	}
	return nil
}

// encodeBatch makes a batch of Standard Webhooks. Its ID is that of its first event, and how many follow it.
func encodeBatch(events []json.RawMessage) (id string, body []byte, err error) {
	b := event.Batch{Type: "events", Timestamp: time.Now().UTC().Truncate(time.Millisecond)}
	b.Data.Events = events
	body, err = json.Marshal(b)
	var first struct{ ID string }
	_ = json.Unmarshal(events[0], &first) // of an event of our own
	return fmt.Sprintf("%s+%d", first.ID, len(events)-1), body, err
}

// failed notes a failure, and logs the first of a row.
func (t *Target) failed(what string, err error, next time.Time) {
	if t.ctx.Err() != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.stats.Failing {
		t.o.Logger.Warn("hooks: "+what, "hook", t.o.Name, "app", t.o.App, "err", err)
	}
	t.stats.Failures++
	t.stats.Failing, t.stats.LastError, t.stats.FailedAt, t.stats.NextCall = true, err.Error(), time.Now(), next
}
