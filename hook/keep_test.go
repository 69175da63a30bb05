package hook_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"scenecast/hook"
	"scenecast/hook/queue"
)

// brokenQueue is one on a disk that is full for a while.
type brokenQueue struct {
	queue.Memory
	until time.Time
}

func (q *brokenQueue) Append(items [][]byte) error {
	if time.Now().Before(q.until) {
		return errors.New("no space left on device")
	}
	return q.Memory.Append(items)
}

// TestQueueThatFails: what cannot be kept at once is kept as soon as it can be.
func TestQueueThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(backend)
		target := newTarget(b, hook.TargetOptions{Queue: &brokenQueue{until: time.Now().Add(time.Minute)}})
		want := emit(target, 0, 3)
		synctest.Wait()
		if s := target.Stats(); !strings.Contains(s.LastError, "no space left") {
			t.Errorf("%+v", s)
		}
		time.Sleep(3 * time.Minute)
		target.Close(t.Context())
		if got := b.taken(); !slices.Equal(got, want) {
			t.Errorf("taken %q, want %q", got, want)
		}
	})
}

// slowQueue is one on a disk that takes its time, or does not write at all.
type slowQueue struct {
	queue.Memory
	takes time.Duration
	full  func() bool // nil: never
}

func (q *slowQueue) Append(items [][]byte) error {
	time.Sleep(q.takes)
	if q.full != nil && q.full() {
		return errors.New("no space left on device")
	}
	return q.Memory.Append(items)
}

// TestCloseKeepsWhatWasEmitted: what is emitted while the queue is busy with what came before is in the queue when the target has ended.
func TestCloseKeepsWhatWasEmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := &slowQueue{takes: 100 * time.Millisecond}
		target := newTarget(new(backend), hook.TargetOptions{Queue: kept, MaxWait: time.Hour})
		emit(target, 0, 1)
		time.Sleep(50 * time.Millisecond) // the first is being appended
		emit(target, 1, 4)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		target.Close(ended)
		if n := kept.Len(); n != 4 {
			t.Errorf("%d events were kept", n)
		}
	})
}

// TestReplace: events that are emitted while a target gets other options are told, in order, also where they are emitted to the one that was
// before, and where its queue did not take them.
func TestReplace(t *testing.T) {
	for name, full := range map[string]bool{"a queue that is slow": false, "a queue that is full until then": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := new(backend)
				var replaced atomic.Bool
				kept := &slowQueue{takes: 100 * time.Millisecond, full: func() bool { return full && !replaced.Load() }}
				before := newTarget(b, hook.TargetOptions{Queue: kept})
				want := emit(before, 0, 3)
				time.Sleep(150 * time.Millisecond)
				want = append(want, emit(before, 3, 5)...)
				var emitting sync.WaitGroup
				emitting.Go(func() {
					time.Sleep(time.Millisecond) // Replace waits for the queue now
					want = append(want, emit(before, 5, 8)...)
				})
				next := before.Replace(hook.TargetOptions{
					Name: "h", App: "a", Queue: kept, Post: b.post, Logger: slog.New(slog.DiscardHandler), MaxWait: time.Millisecond,
				})
				replaced.Store(true)
				emitting.Wait()
				want = append(want, emit(before, 8, 9)...)
				time.Sleep(time.Minute)
				if got := b.taken(); !slices.Equal(got, want) {
					t.Errorf("taken %q, want %q", got, want)
				}
				if s := next.Stats(); s.Delivered != 9 || s.Dropped != 0 {
					t.Errorf("%+v", s)
				}
				next.Close(t.Context())
			})
		})
	}
}

// TestDropsAreLoggedNowAndThen: a queue that is full for long does not fill the log.
func TestDropsAreLoggedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b := &backend{refuse: func() error { return errors.New("no") }}
		target := newTarget(b, hook.TargetOptions{MaxQueue: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		for i := range 120 {
			emit(target, i, i+1)
			time.Sleep(time.Second)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		target.Close(ended)
		if n := strings.Count(log.String(), "events are dropped"); n != 2 {
			t.Errorf("the log tells of drops %d times:\n%s", n, &log)
		}
		if s := target.Stats(); s.Dropped != 119 {
			t.Errorf("%d were dropped", s.Dropped)
		}
	})
}

// TestDamagedItems: what is no event keeps those behind it from nothing.
func TestDamagedItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, b := new(queue.Memory), new(backend)
		if err := kept.Append([][]byte{nil, {1, 2, 3}, []byte("12345678{\"id\":")}); err != nil {
			t.Fatal(err)
		}
		target := newTarget(b, hook.TargetOptions{Queue: kept})
		want := emit(target, 0, 2)
		time.Sleep(time.Minute)
		if got := b.taken(); !slices.Equal(got, want) {
			t.Errorf("taken %q, want %q", got, want)
		}
		if s := target.Stats(); s.Dropped != 3 || s.Queued != 0 {
			t.Errorf("%+v", s)
		}
		target.Close(t.Context())
	})
}

// stuckQueue is one on a disk that answers nothing for a while.
type stuckQueue struct {
	queue.Memory
	stuck   atomic.Bool
	asked   chan struct{} // holds a signal when it has been asked for items, while it is stuck
	answers chan struct{} // closed: it answers
}

func (q *stuckQueue) First(count, bytes int) ([]queue.Item, error) {
	if q.stuck.Load() {
		q.asked <- struct{}{}
		<-q.answers
	}
	return q.Memory.First(count, bytes)
}

// TestEmitWhileQueueIsStuck: events come on event loops, which wait for no disk, also while somebody asks how the target stands.
func TestEmitWhileQueueIsStuck(t *testing.T) {
	q := &stuckQueue{asked: make(chan struct{}, 10), answers: make(chan struct{})}
	q.stuck.Store(true)
	if err := q.Append([][]byte{nil}); err != nil { // damaged: it is dropped in the end
		t.Fatal(err)
	}
	target := newTarget(new(backend), hook.TargetOptions{Queue: q, MaxWait: time.Hour})
	var asks sync.WaitGroup
	var told hook.Stats
	asks.Go(func() { told = target.Stats() })
	<-q.asked
	emitted := make(chan struct{})
	go func() {
		defer close(emitted)
		emit(target, 0, 1)
	}()
	select {
	case <-emitted:
	case <-time.After(30 * time.Second):
		t.Error("an event waits for the disk")
	}
	q.stuck.Store(false)
	close(q.answers)
	<-emitted
	asks.Wait()
	if told.Name != "h" {
		t.Errorf("%+v", told)
	}
	target.Close(t.Context())
}
