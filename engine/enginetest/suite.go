// Package enginetest is the suite that every engine must pass.
package enginetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/audience"
)

// Options are what a test needs to set of an engine; zero is its default.
type Options struct {
	MaxBytes          int           // of the log, counted as the engine counts
	MaxCount          int           // of the log's pushes
	MaxAge            time.Duration // of the log's pushes
	IdempotencyWindow time.Duration
}

// New makes a fresh engine of one node, with an empty log. The suite starts and closes it.
type New func(t *testing.T, o Options) scenecast.Engine

// startEngine makes an engine and gives it its node.
func startEngine(t *testing.T, newEngine New, node scenecast.Node, o Options) scenecast.Engine {
	t.Helper()
	e := newEngine(t, o)
	if err := e.Start(t.Context(), node); err != nil {
		t.Fatalf("start: %v", err)
	}
	return e
}

// test is a test of the suite.
type test struct {
	name    string
	options Options
	run     func(t *testing.T, e scenecast.Engine, hub *fakeHub)
}

// Run runs the suite, but for what takes time: see RunTimes.
func Run(t *testing.T, newEngine New) {
	for _, c := range []test{
		{"Publish", Options{}, publish},
		{"PublishConcurrently", Options{}, publishConcurrently},
		{"PublishThatGivesUp", Options{}, publishThatGivesUp},
		{"PublisherReusesItsBuffer", Options{}, publisherReusesItsBuffer},
		{"SubmitDoesNotWait", Options{}, submitDoesNotWait},
		{"SubmittedInOrder", Options{}, submittedInOrder},
		{"WaitConcurrently", Options{}, waitConcurrently},
		{"WaitAgain", Options{}, waitAgain},
		{"WaitNever", Options{}, waitNever},
		{"WaitAfterClose", Options{}, waitAfterClose},
		{"WaitQueued", Options{}, waitQueued},
		{"Receipt", Options{}, receipt},
		{"ReceiptThatIsLate", Options{}, receiptThatIsLate},
		{"Ask", Options{}, ask},
		{"Close", Options{}, closing},
		{"CloseDoesNotWaitForReceipts", Options{}, closeDoesNotWait},
		{"EmptyLog", Options{}, emptyLog},
		{"After", Options{}, after},
		{"Before", Options{}, before},
		{"Lookup", Options{}, lookup},
		{"LookupConfined", Options{}, lookupConfined},
		{"Gap", Options{MaxCount: 10}, gap},
		{"RetentionByCount", Options{MaxCount: 10}, retention},
		{"RetentionByBytes", Options{MaxBytes: 32 << 10}, retention},
		{"Follow", Options{}, follow},
		{"Epoch", Options{}, func(t *testing.T, e scenecast.Engine, _ *fakeHub) { epoch(t, e, newEngine) }},
		{"Idempotency", Options{}, idempotency},
		{"IdempotencyAtOnce", Options{}, idempotencyAtOnce},
		{"IdempotencyWhileWaiting", Options{}, idempotencyWhileWaiting},
		{"IdempotencyOutlivesTheLog", Options{MaxCount: 1}, idempotencyOutlivesTheLog},
		{"KeyReused", Options{}, keyReused},
	} {
		t.Run(c.name, func(t *testing.T) { c.in(t, newEngine) })
	}
}

// RunTimes runs what takes time, for engines whose clock is that of the process, so that it can be testing/synctest's.
func RunTimes(t *testing.T, newEngine New) {
	for _, c := range []test{
		{"RetentionByAge", Options{MaxAge: time.Minute}, retentionByAge},
		{"IdempotencyWindow", Options{IdempotencyWindow: time.Minute}, idempotencyWindow},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.in(t, newEngine) })
		})
	}
}

func (c test) in(t *testing.T, newEngine New) {
	hub := &fakeHub{}
	e := startEngine(t, newEngine, hub, c.options)
	c.run(t, e, hub)
	hub.release()
	if err := e.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// publishAndWait submits a push and waits for what became of it.
func publishAndWait(ctx context.Context, e scenecast.Engine, p scenecast.Push) (scenecast.Published, error) {
	pending, err := e.Submit(p)
	if err != nil {
		return scenecast.Published{}, err
	}
	return pending.Wait(ctx)
}

func push(id string) scenecast.Push {
	return scenecast.Push{
		ID:      id,
		App:     "app",
		To:      audience.Everybody(),
		Message: scenecast.Message{Data: []byte(`{"id":"` + id + `"}`)},
	}
}

// publish: the node gets what was published, at the position that the publisher is told, and the tally comes back.
func publish(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	var before scenecast.Position
	for i := range 3 {
		hub.set(scenecast.Tally{Matched: 3 + i, Queued: 2 + i, Dropped: 1, Nodes: 1})
		id := fmt.Sprint("push", i)
		p, err := publishAndWait(t.Context(), e, push(id))
		if err != nil {
			t.Fatalf("publish: %v", err)
		}
		if want := (scenecast.Tally{Matched: 3 + i, Queued: 2 + i, Dropped: 1, Nodes: 1}); p.Tally != want {
			t.Errorf("tally %+v, want %+v", p.Tally, want)
		}
		got := hub.delivered()[i]
		if got.ID != id || got.App != "app" || string(got.Message.Data) != `{"id":"`+id+`"}` || got.To.String() != "*" {
			t.Errorf("the node got %+v", got)
		}
		if got.Position != p.Position || p.Position.Epoch == 0 {
			t.Errorf("the node got position %v, the publisher %v", got.Position, p.Position)
		}
		if i > 0 && !follows(p.Position, before) {
			t.Errorf("position %v follows %v", p.Position, before)
		}
		before = p.Position
	}
}

// publishConcurrently: the node gets the pushes in the order of their positions, one at a time.
func publishConcurrently(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	const publishers, each = 8, 50
	var wg sync.WaitGroup
	for range publishers {
		wg.Go(func() {
			for range each {
				if _, err := publishAndWait(t.Context(), e, push("x")); err != nil {
					t.Errorf("publish: %v", err)
				}
			}
		})
	}
	wg.Wait()
	pushes := hub.delivered()
	if len(pushes) != publishers*each {
		t.Fatalf("the node got %d pushes, want %d", len(pushes), publishers*each)
	}
	for i := 1; i < len(pushes); i++ {
		if !follows(pushes[i].Position, pushes[i-1].Position) {
			t.Fatalf("the node got %v behind %v", pushes[i].Position, pushes[i-1].Position)
		}
	}
}

// follows reports whether a position may be that of a push behind another one in the same epoch. Positions rise; they need not
// be dense.
func follows(p, before scenecast.Position) bool { return p.Epoch == before.Epoch && p.Seq > before.Seq }

// publishThatGivesUp: whoever stops waiting gets the context's error, and the push is on its way all the same.
func publishThatGivesUp(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	hub.holdReports()
	ctx, cancel := context.WithCancel(t.Context())
	hub.onDelivery(cancel)
	_, err := publishAndWait(ctx, e, push("x"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if n := len(hub.delivered()); n != 1 {
		t.Errorf("the node got %d pushes, want 1", n)
	}
}

// publisherReusesItsBuffer: what was published is the engine's, and a reader sees it as it was.
func publisherReusesItsBuffer(t *testing.T, e scenecast.Engine, _ *fakeHub) {
	p := push("x")
	want := string(p.Message.Data)
	if _, err := publishAndWait(t.Context(), e, p); err != nil {
		t.Fatalf("publish: %v", err)
	}
	clear(p.Message.Data)
	if got := read(t, e, scenecast.Position{}); len(got) != 1 || string(got[0].Message.Data) != want {
		t.Errorf("the log has %s, want %s", got[0].Message.Data, want)
	}
}

// ask: the node gets the query as it is, in its turn among the pushes, and its reply comes back.
func ask(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	hub.set(scenecast.Tally{Matched: 5, Nodes: 1})
	publishOne := func(id string) {
		if _, err := publishAndWait(t.Context(), e, push(id)); err != nil {
			t.Errorf("publish: %v", err)
		}
	}
	publishOne("before")
	q := scenecast.Query{App: "app", To: audience.Everybody(), Values: &scenecast.Values{Key: "page"}}
	reply, err := e.Ask(t.Context(), q)
	if want := (scenecast.Tally{Matched: 5, Nodes: 1}); err != nil || reply.Tally != want || reply.Known != 1 {
		t.Errorf("ask: %+v of %d, %v; want %+v of 1", reply.Tally, reply.Known, err, want)
	}
	publishOne("after")
	if !reflect.DeepEqual(hub.queries, []scenecast.Query{q}) {
		t.Errorf("the node got %+v, want %+v", hub.queries, q)
	}
	if want := []string{"before", "query", "after"}; !slices.Equal(hub.order, want) {
		t.Errorf("the node got %q, want %q", hub.order, want)
	}
}

// closing: what was published before is delivered, and nothing afterwards.
func closing(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	if _, err := publishAndWait(t.Context(), e, push("before")); err != nil {
		t.Errorf("publish: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	for what, call := range map[string]func() error{
		"publish": func() error { _, err := publishAndWait(t.Context(), e, push("after")); return err },
		"ask":     func() error { _, err := e.Ask(t.Context(), scenecast.Query{}); return err },
		"after":   func() error { _, err := e.After(t.Context(), scenecast.Position{}, 1); return err },
		"before":  func() error { _, err := e.Before(t.Context(), scenecast.Position{}, 1); return err },
		"records": func() error { _, err := e.Records(t.Context(), nil); return err },
		"lookup":  func() error { _, _, err := e.Lookup(t.Context(), "app", "", "before"); return err },
	} {
		if err := call(); !errors.Is(err, scenecast.ErrClosed) {
			t.Errorf("%s on a closed engine: %v, want ErrClosed", what, err)
		}
	}
	if n := len(hub.delivered()); n != 1 {
		t.Errorf("the node got %d pushes, want 1", n)
	}
}
