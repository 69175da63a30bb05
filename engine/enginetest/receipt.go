package enginetest

import (
	"context"
	"testing"

	"scenecast"
)

// published is how a Publish has ended.
type published struct {
	scenecast.Published
	err error
}

// start publishes on the side and returns when the node has the push, for a test that gives the reports itself.
func start(t *testing.T, e scenecast.Engine, hub *fakeHub, p scenecast.Push) (report func(scenecast.Tally, bool), end <-chan published) {
	t.Helper()
	hub.holdReports()
	delivered, ended := make(chan struct{}), make(chan published, 1)
	hub.onDelivery(func() { close(delivered) })
	go func() {
		done, err := publishAndWait(t.Context(), e, p)
		ended <- published{done, err}
	}()
	<-delivered
	hub.onDelivery(nil)
	return hub.lastReport(), ended
}

// awaitTally waits until the log knows this of the push x: an engine may take a while to carry reports.
func awaitTally(t *testing.T, e scenecast.Engine, want scenecast.Tally, done bool) {
	t.Helper()
	until(t, func() bool {
		r, ok, err := e.Lookup(t.Context(), "app", "", "x")
		if err != nil {
			t.Fatalf("lookup: %v", err)
		}
		return ok && r.Tally == want && r.Known == 1 && r.Done == done // what was submitted may be on its way to the log still
	})
}

// receipt: reports add up, and Publish returns with the one that says done.
func receipt(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	p := push("x")
	p.Receipt = scenecast.ReceiptAcked
	report, end := start(t, e, hub, p)

	report(scenecast.Tally{Matched: 3, Queued: 2, Dropped: 1, Nodes: 1}, false)
	awaitTally(t, e, scenecast.Tally{Matched: 3, Queued: 2, Dropped: 1, Nodes: 1}, false)
	report(scenecast.Tally{Written: 2, Acked: 1}, false)
	awaitTally(t, e, scenecast.Tally{Matched: 3, Queued: 2, Dropped: 1, Written: 2, Acked: 1, Nodes: 1}, false)
	select {
	case got := <-end:
		t.Fatalf("publish has returned before its receipt was in: %+v", got)
	default:
	}
	report(scenecast.Tally{TimedOut: 1}, true)

	want := scenecast.Tally{Matched: 3, Queued: 2, Dropped: 1, Written: 2, Acked: 1, TimedOut: 1, Nodes: 1}
	if got := <-end; got.Tally != want || got.err != nil {
		t.Errorf("publish: %+v, %v; want %+v", got.Tally, got.err, want)
	}
	awaitTally(t, e, want, true)
}

// receiptThatIsLate: corrections behind the end are in the log, and the answer of a retry stays the first one.
func receiptThatIsLate(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	p := push("x")
	p.Receipt, p.IdempotencyKey = scenecast.ReceiptAcked, "key"
	report, end := start(t, e, hub, p)
	answer := scenecast.Tally{Matched: 1, Queued: 1, TimedOut: 1, Nodes: 1}
	report(answer, true)
	if got := <-end; got.Tally != answer || got.err != nil {
		t.Errorf("publish: %+v, %v; want %+v", got.Tally, got.err, answer)
	}
	report(scenecast.Tally{Acked: 1, TimedOut: -1}, false)
	awaitTally(t, e, scenecast.Tally{Matched: 1, Queued: 1, Acked: 1, Nodes: 1}, true)
	if got, err := publishAndWait(t.Context(), e, p); got.Tally != answer || !got.Replayed || err != nil {
		t.Errorf("a retry: %+v, %v; want the first answer, %+v", got, err, answer)
	}
}

// closeDoesNotWait for a receipt: whoever shuts down has a time of its own.
func closeDoesNotWait(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	p := push("x")
	p.Receipt = scenecast.ReceiptAcked
	report, end := start(t, e, hub, p)
	report(scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1}, false)
	if err := e.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	report(scenecast.Tally{TimedOut: 1}, true)
	if got := <-end; got.err != nil || got.Tally.TimedOut != 1 {
		t.Errorf("publish: %+v, %v", got.Tally, got.err)
	}
}

// read returns everything behind a position.
func read(t *testing.T, e scenecast.Engine, after scenecast.Position) (all []*scenecast.Push) {
	t.Helper()
	for {
		pushes, err := e.After(t.Context(), after, 100)
		if err != nil {
			t.Fatalf("after %v: %v", after, err)
		}
		if len(pushes) == 0 {
			return all
		}
		all = append(all, pushes...)
		after = pushes[len(pushes)-1].Position
	}
}

// until returns when the condition holds.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !holds() {
		if ctx.Err() != nil {
			t.Fatalf("not within %v", patience)
		}
		pause()
	}
}
