package hook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scenecast/audience"
	"scenecast/hook"
	"scenecast/hook/event"
	"scenecast/hook/queue"
	"scenecast/hook/webhook"
	"scenecast/label"
	"scenecast/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// backend is one that may refuse what it is sent.
type backend struct {
	mu     sync.Mutex
	refuse func() error // nil: never
	calls  []call
}

type call struct {
	id     string
	events []string // their IDs
	at     time.Time
	taken  bool
}

// first refuses the first calls, so many.
func first(failures int) func() error {
	return func() error {
		if failures--; failures >= 0 {
			return errors.New("no")
		}
		return nil
	}
}

func (b *backend) post(_ context.Context, id string, body []byte) error {
	var batch event.Batch
	if err := json.Unmarshal(body, &batch); err != nil {
		return err
	}
	c := call{id: id, at: time.Now()}
	for _, raw := range batch.Data.Events {
		var e event.Event
		if err := json.Unmarshal(raw, &e); err != nil {
			return err
		}
		c.events = append(c.events, e.ID)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var err error
	if b.refuse != nil {
		err = b.refuse()
	}
	c.taken = err == nil
	b.calls = append(b.calls, c)
	return err
}

// made is how many calls there have been.
func (b *backend) made() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.calls)
}

// taken are the IDs of the events that the backend has taken.
func (b *backend) taken() (ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.calls {
		if c.taken {
			ids = append(ids, c.events...)
		}
	}
	return ids
}

func newTarget(b *backend, o hook.TargetOptions) *hook.Target {
	o.Name, o.App, o.Post = "h", "a", b.post
	if o.Queue == nil {
		o.Queue = new(queue.Memory)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return hook.NewTarget(o)
}

func eventOf(id string, labels ...label.Label) event.Event {
	return event.Event{ID: id, Type: event.Connected, At: time.Now(), Data: event.Data{App: "a", Labels: label.New(labels...)}}
}

func emit(target *hook.Target, from, to int) (ids []string) {
	for i := from; i < to; i++ {
		ids = append(ids, fmt.Sprint(i))
		target.Emit(eventOf(fmt.Sprint(i)))
	}
	return ids
}

// TestBatches: events wait for others for so long, or until a batch is full, and are told in their order.
func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(backend)
		target := newTarget(b, hook.TargetOptions{Batch: 3, MaxWait: 2 * time.Second})
		begun := time.Now()
		want := emit(target, 0, 8)
		time.Sleep(10 * time.Second)
		target.Close(t.Context())
		if got := b.taken(); !slices.Equal(got, want) {
			t.Errorf("taken %q, want %q", got, want)
		}
		var got []string
		for _, c := range b.calls {
			got = append(got, fmt.Sprint(c.id, " after ", c.at.Sub(begun)))
		}
		if want := []string{"0+2 after 0s", "3+2 after 0s", "6+1 after 2s"}; !slices.Equal(got, want) {
			t.Errorf("calls %q, want %q", got, want)
		}
		if s := target.Stats(); s.Delivered != 8 || s.Dropped != 0 || s.Queued != 0 || s.Failing {
			t.Errorf("%+v", s)
		}
	})
}

// TestRetries: a batch is sent again until it is taken, the same each time, and those behind it wait.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{refuse: first(3)}
		target := newTarget(b, hook.TargetOptions{Batch: 2})
		want := emit(target, 0, 2)
		synctest.Wait()
		want = append(want, emit(target, 2, 4)...)
		if s := target.Stats(); !s.Failing || s.LastError != "no" || s.Failures != 1 || s.Queued != 4 || s.NextCall.Before(time.Now()) {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Minute)
		target.Close(t.Context())
		if got := b.taken(); !slices.Equal(got, want) {
			t.Errorf("taken %q, want %q", got, want)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		for i, c := range b.calls[:4] {
			if c.id != "0+1" {
				t.Errorf("call %d is %s", i, c.id)
			}
		}
		if s := target.Stats(); s.Failing || s.Failures != 3 || s.Delivered != 4 {
			t.Errorf("%+v", s)
		}
	})
}

// TestRetryAfter: a backend is left alone for as long as it says, unless somebody wants otherwise.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{refuse: func() error { return &webhook.StatusError{Status: 503, RetryAfter: 10 * time.Minute} }}
		target := newTarget(b, hook.TargetOptions{Batch: 1})
		emit(target, 0, 1)
		time.Sleep(9 * time.Minute)
		if n := b.made(); n != 1 {
			t.Errorf("%d calls", n)
		}
		target.Retry()
		synctest.Wait()
		if n := b.made(); n != 2 {
			t.Errorf("%d calls after it was asked for", n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		target.Close(ctx)
	})
}

// TestTooOld: what cannot be delivered in time is dropped and counted, and what is newer is not.
func TestTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		b := &backend{refuse: func() error {
			if down {
				return errors.New("down")
			}
			return nil
		}}
		var log bytes.Buffer
		target := newTarget(b, hook.TargetOptions{Batch: 10, RetryFor: time.Hour, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		emit(target, 0, 3)
		time.Sleep(50 * time.Minute)
		want := emit(target, 3, 5)
		time.Sleep(20 * time.Minute)
		b.mu.Lock()
		down = false
		b.mu.Unlock()
		time.Sleep(2 * time.Minute)
		target.Close(t.Context())
		if got := b.taken(); !slices.Equal(got, want) {
			t.Errorf("taken %q, want %q", got, want)
		}
		if s := target.Stats(); s.Dropped != 3 || s.Delivered != 2 {
			t.Errorf("%+v", s)
		}
		if n := strings.Count(log.String(), "retry_for"); n != 1 {
			t.Errorf("told %d times:\n%s", n, log.String())
		}
	})
}

// TestFullQueue: what finds no room is dropped and counted; what was there is delivered.
func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		b := &backend{refuse: func() error {
			if down {
				return errors.New("down")
			}
			return nil
		}}
		target := newTarget(b, hook.TargetOptions{MaxQueue: 5})
		want := emit(target, 0, 3)
		synctest.Wait()
		want = append(want, emit(target, 3, 9)[:2]...)
		synctest.Wait()
		if s := target.Stats(); s.Dropped != 4 || s.Queued != 5 {
			t.Errorf("%+v", s)
		}
		b.mu.Lock()
		down = false
		b.mu.Unlock()
		time.Sleep(time.Minute)
		target.Close(t.Context())
		if got := b.taken(); !slices.Equal(got, want) {
			t.Errorf("taken %q, want %q", got, want)
		}
	})
}

// TestFilter: a target is told of its app's events, of its types, whose labels match.
func TestFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(backend)
		to, err := audience.Parse(`page == "home"`)
		if err != nil {
			t.Fatal(err)
		}
		target := newTarget(b, hook.TargetOptions{Types: []event.Type{event.Connected}, To: to})
		home := label.Label{Key: "page", Value: "home"}
		wanted := eventOf("wanted", home)
		otherType, otherApp := eventOf("type", home), eventOf("app", home)
		otherType.Type, otherApp.Data.App = event.Left, "b"
		for _, e := range []event.Event{otherType, otherApp, eventOf("labels"), wanted} {
			target.Emit(e)
		}
		target.Close(t.Context())
		if got := b.taken(); !slices.Equal(got, []string{"wanted"}) {
			t.Errorf("taken %q", got)
		}
	})
}

// TestTargetAgainstModel: whatever the backend refuses, and whenever the target is closed and made anew over its queue, each event is taken
// once, in order: here a backend that refuses has done nothing.
func TestTargetAgainstModel(t *testing.T) {
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			refusals := rand.New(rand.NewPCG(seed, 1)) // used by the sender alone
			b := &backend{refuse: func() error {
				if refusals.IntN(3) == 0 {
					return errors.New("no")
				}
				return nil
			}}
			kept := new(queue.Memory) // stands for a file
			o := hook.TargetOptions{Batch: r.IntN(4) + 1, Queue: kept}
			target := newTarget(b, o)
			var want []string
			for range 20 {
				n := len(want)
				want = append(want, emit(target, n, n+r.IntN(6))...)
				time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
				switch r.IntN(8) {
				case 0:
					o.Batch = r.IntN(4) + 1
					next := o
					next.Name, next.App, next.Post, next.Logger = "h", "a", b.post, slog.New(slog.DiscardHandler)
					target = target.Replace(next)
				case 1:
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.IntN(500))*time.Millisecond)
					target.Close(ctx)
					cancel()
					target = newTarget(b, o)
				}
			}
			time.Sleep(time.Hour)
			target.Close(t.Context())
			if got := b.taken(); !slices.Equal(got, want) {
				t.Errorf("seed %d: taken %q, want %q", seed, got, want)
			}
		})
	}
}

// TestSameBatch: a batch that has failed is sent again as it was, under its ID, whatever has come since.
func TestSameBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{refuse: first(2)}
		target := newTarget(b, hook.TargetOptions{})
		emit(target, 0, 2)
		time.Sleep(1500 * time.Millisecond)
		emit(target, 2, 7)
		time.Sleep(time.Minute)
		target.Close(t.Context())
		if len(b.calls) != 4 {
			t.Fatalf("%d calls", len(b.calls))
		}
		for _, c := range b.calls[:3] {
			if c.id != b.calls[0].id || !slices.Equal(c.events, []string{"0", "1"}) {
				t.Errorf("call %q has the events %q", c.id, c.events)
			}
		}
	})
}
