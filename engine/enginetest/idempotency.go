package enginetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"scenecast"
	"scenecast/audience"
)

// keyed is a push with a key, which is another attempt at each call: its ID is new.
func keyed(id, key string) scenecast.Push {
	p := push("x")
	p.ID, p.IdempotencyKey = id, key
	return p
}

// idempotency: a retry returns what the first call has returned, and nothing is delivered; without a key, or with another,
// or in another app, it is.
func idempotency(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	hub.set(scenecast.Tally{Matched: 2, Queued: 2, Nodes: 1})
	first, err := publishAndWait(t.Context(), e, keyed("first", "key"))
	if err != nil || first.ID != "first" || first.Replayed {
		t.Fatalf("publish: %+v, %v", first, err)
	}
	hub.set(scenecast.Tally{Matched: 9, Queued: 9, Nodes: 1})
	want := first
	want.Replayed = true
	for range 2 {
		if got, err := publishAndWait(t.Context(), e, keyed("second", "key")); got != want || err != nil {
			t.Errorf("a retry: %+v, %v; want %+v", got, err, want)
		}
	}
	if got, newest := len(hub.delivered()), e.Newest(); got != 1 || newest != first.Position {
		t.Errorf("the node got %d pushes, and the newest is %v; want one, at %v", got, newest, first.Position)
	}
	elsewhere := keyed("elsewhere", "key")
	elsewhere.App = "other"
	for i, p := range []scenecast.Push{keyed("another", "another key"), elsewhere, keyed("none", ""), keyed("none", "")} {
		got, err := publishAndWait(t.Context(), e, p)
		if err != nil || got.ID != p.ID || got.Replayed || len(hub.delivered()) != 2+i {
			t.Errorf("%s: %+v, %v; and the node got %d pushes", p.ID, got, err, len(hub.delivered()))
		}
	}
}

// idempotencyAtOnce: of calls with one key that come at once one happens, and all have the same answer.
func idempotencyAtOnce(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	const calls = 30
	hub.set(scenecast.Tally{Matched: 2, Queued: 2, Nodes: 1})
	ends := make(chan published, calls)
	var wg sync.WaitGroup
	for range calls {
		wg.Go(func() {
			got, err := publishAndWait(t.Context(), e, keyed("x", "key"))
			ends <- published{got, err}
		})
	}
	wg.Wait()
	close(ends)
	firsts := 0
	for end := range ends {
		if end.err != nil || end.Tally.Queued != 2 || end.Position != e.Newest() {
			t.Errorf("publish: %+v, %v", end.Published, end.err)
		}
		if !end.Replayed {
			firsts++
		}
	}
	if n := len(hub.delivered()); n != 1 || firsts != 1 {
		t.Errorf("%d calls have published %d pushes, want one each", firsts, n)
	}
}

// idempotencyWhileWaiting: a retry that comes while the first call waits for its receipt waits for the same.
func idempotencyWhileWaiting(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	p := keyed("first", "key")
	p.Receipt = scenecast.ReceiptAcked
	report, end := start(t, e, hub, p)
	report(scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1}, false)
	retried := make(chan published, 1)
	go func() {
		p.ID = "second"
		got, err := publishAndWait(t.Context(), e, p)
		retried <- published{got, err}
	}()
	report(scenecast.Tally{Acked: 1}, true)
	first, second := <-end, <-retried
	first.Replayed = true
	if first != second || first.err != nil || first.Tally.Acked != 1 {
		t.Errorf("a call and its retry: %+v and %+v", first, second)
	}
	if n := len(hub.delivered()); n != 1 {
		t.Errorf("the node got %d pushes, want 1", n)
	}
}

// idempotencyOutlivesTheLog, which keeps one push.
func idempotencyOutlivesTheLog(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	first, err := publishAndWait(t.Context(), e, keyed("first", "key"))
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
	fill(t, e, 5)
	first.Replayed = true
	if got, err := publishAndWait(t.Context(), e, keyed("second", "key")); got != first || err != nil {
		t.Errorf("a retry when the push is not kept any more: %+v, %v; want %+v", got, err, first)
	}
	if n := len(hub.delivered()); n != 6 {
		t.Errorf("the node got %d pushes, want 6", n)
	}
}

// keyReused: a key cannot stand for two different pushes, whatever the difference.
func keyReused(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	if _, err := publishAndWait(t.Context(), e, keyed("first", "key")); err != nil {
		t.Fatalf("publish: %v", err)
	}
	for name, change := range map[string]func(p *scenecast.Push){
		"to": func(p *scenecast.Push) {
			p.To, _ = audience.Everybody().Without(mustParse(t, `page == "home"`))
		},
		"message":  func(p *scenecast.Push) { p.Message.Data = []byte(`2`) },
		"event":    func(p *scenecast.Push) { p.Message.Event = "e" },
		"ttl":      func(p *scenecast.Push) { p.TTL = time.Second },
		"coalesce": func(p *scenecast.Push) { p.Coalesce = "k" },
		"retain":   func(p *scenecast.Push) { p.Retain = "k" },
		"receipt":  func(p *scenecast.Push) { p.Receipt = scenecast.ReceiptWritten },
		"timeout":  func(p *scenecast.Push) { p.Timeout = time.Second },
	} {
		p := keyed("second", "key")
		change(&p)
		if got, err := publishAndWait(t.Context(), e, p); !errors.Is(err, scenecast.ErrKeyReused) || got != (scenecast.Published{}) {
			t.Errorf("the same key, and another %s: %+v, %v; want ErrKeyReused", name, got, err)
		}
	}
	if n := len(hub.delivered()); n != 1 {
		t.Errorf("the node got %d pushes, want 1", n)
	}
}

func mustParse(t *testing.T, text string) audience.Expr {
	t.Helper()
	e, err := audience.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// idempotencyWindow, of a minute, from the first call on: a retry does not make it longer.
func idempotencyWindow(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	for _, c := range []struct {
		sleep     time.Duration
		delivered int
	}{{0, 1}, {30 * time.Second, 1}, {30*time.Second - 1, 1}, {1, 2}, {time.Minute - 1, 2}, {time.Hour, 3}} {
		time.Sleep(c.sleep)
		if _, err := publishAndWait(t.Context(), e, keyed("x", "key")); err != nil {
			t.Fatalf("publish: %v", err)
		}
		if n := len(hub.delivered()); n != c.delivered {
			t.Errorf("after another %v the node got %d pushes, want %d", c.sleep, n, c.delivered)
		}
	}
}
