package enginetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"scenecast"
)

// submit submits a push.
func submit(t *testing.T, e scenecast.Engine, p scenecast.Push) scenecast.Pending {
	t.Helper()
	pending, err := e.Submit(p)
	if err != nil {
		t.Fatalf("submit: %v", err)
	}
	return pending
}

// ended is a context that has ended.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// submitDoesNotWait for a node that says nothing: many pushes are on their way at once.
func submitDoesNotWait(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	hub.holdReports()
	var pending []scenecast.Pending
	for i := range 20 {
		pending = append(pending, submit(t, e, push(fmt.Sprint(i))))
	}
	until(t, func() bool { return hub.count() == len(pending) })
	hub.release()
	for i, p := range pending {
		if done, err := p.Wait(t.Context()); done.ID != fmt.Sprint(i) || err != nil {
			t.Errorf("the push %d: %+v, %v", i, done, err)
		}
	}
}

// submittedInOrder: pushes that come one after the other have their positions in that order, whether or not somebody waits.
func submittedInOrder(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	const submitters, each = 4, 100
	var wg sync.WaitGroup
	for i := range submitters {
		wg.Go(func() {
			for j := range each {
				p := push(fmt.Sprint(j))
				p.Message.Event = fmt.Sprint(i)
				if _, err := e.Submit(p); err != nil {
					t.Errorf("submit: %v", err)
				}
			}
		})
	}
	wg.Wait()
	until(t, func() bool { return hub.count() == submitters*each })
	next := make(map[string]int) // of each submitter
	for _, p := range hub.delivered() {
		if p.ID != fmt.Sprint(next[p.Message.Event]) {
			t.Fatalf("of the submitter %s came %s, want %d", p.Message.Event, p.ID, next[p.Message.Event])
		}
		next[p.Message.Event]++
	}
}

// waitConcurrently: everybody who waits for a push gets the same answer.
func waitConcurrently(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	const waiters = 20
	hub.set(scenecast.Tally{Matched: 2, Queued: 2, Nodes: 1})
	hub.holdReports()
	p := submit(t, e, push("x"))
	until(t, func() bool { return hub.count() == 1 })
	answers := make(chan published, waiters)
	for range waiters {
		go func() {
			done, err := p.Wait(t.Context())
			answers <- published{done, err}
		}()
	}
	hub.release()
	want := scenecast.Published{ID: "x", Position: e.Newest(), Tally: scenecast.Tally{Matched: 2, Queued: 2, Nodes: 1}, Known: 1}
	for range waiters {
		if got := <-answers; got.err != nil || got.Published != want {
			t.Errorf("%+v, %v; want %+v", got.Published, got.err, want)
		}
	}
}

// waitAgain: whoever gave up waiting may wait again, and the end stays what it was.
func waitAgain(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	hub.holdReports()
	p := push("x")
	p.Receipt = scenecast.ReceiptAcked
	pending := submit(t, e, p)
	until(t, func() bool { return hub.count() == 1 })
	report := hub.lastReport()
	queued := scenecast.Tally{Matched: 2, Queued: 2, Nodes: 1}
	report(queued, false)
	awaitTally(t, e, queued, false)
	for range 2 {
		if got, err := pending.Wait(ended(t)); !errors.Is(err, context.Canceled) || got.ID != "x" || got.Tally != queued {
			t.Errorf("whoever gives up gets %+v, %v; want what is known so far", got, err)
		}
	}
	report(scenecast.Tally{Acked: 2}, true)
	want := scenecast.Tally{Matched: 2, Queued: 2, Acked: 2, Nodes: 1}
	for range 2 {
		if got, err := pending.Wait(t.Context()); err != nil || got.Tally != want {
			t.Errorf("whoever waits again gets %+v, %v; want %+v", got.Tally, err, want)
		}
	}
}

// waitNever: what nobody waits for is published, and holds nothing up.
func waitNever(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	hub.set(scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1})
	for _, id := range []string{"a", "x"} {
		submit(t, e, push(id))
	}
	awaitTally(t, e, scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1}, true)
	if n := hub.count(); n != 2 {
		t.Errorf("the node got %d pushes, want 2", n)
	}
}

// waitAfterClose: the end of what was submitted before can be had.
func waitAfterClose(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	hub.set(scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1})
	p := submit(t, e, push("x"))
	if err := e.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if got, err := p.Wait(t.Context()); err != nil || got.ID != "x" || got.Tally.Queued != 1 {
		t.Errorf("after the engine was closed: %+v, %v", got, err)
	}
}

// waitQueued returns when the node has told what is queued, and not with the receipt.
func waitQueued(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	hub.holdReports()
	p := push("x")
	p.Receipt = scenecast.ReceiptAcked
	pending := submit(t, e, p)
	if err := pending.WaitQueued(ended(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("before the node has told anything: %v, want ctx's error", err)
	}
	until(t, func() bool { return hub.count() == 1 })
	report, returned := hub.lastReport(), make(chan error, 2)
	for range cap(returned) {
		go func() { returned <- pending.WaitQueued(t.Context()) }()
	}
	report(scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1}, false)
	for range cap(returned) {
		if err := <-returned; err != nil {
			t.Errorf("when the node has told what is queued: %v", err)
		}
	}
	if err := pending.WaitQueued(t.Context()); err != nil {
		t.Errorf("later: %v", err)
	}
	report(scenecast.Tally{Acked: 1}, true)
	if got, err := pending.Wait(t.Context()); err != nil || got.Tally.Acked != 1 {
		t.Errorf("then the receipt: %+v, %v", got, err)
	}
}
