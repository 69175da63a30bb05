package enginetest

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"scenecast"
)

// patience is how long an engine may take to carry something; reaching it is a failure.
const patience = time.Minute

// pause lets others run.
func pause() { runtime.Gosched() }

// fill publishes pushes with the IDs 1 to n, each with some data, and returns them as they are in the log.
func fill(t *testing.T, e scenecast.Engine, n int) (pushes []scenecast.Push) {
	t.Helper()
	for i := range n {
		p := push(fmt.Sprint(i + 1))
		p.Message.Data = []byte(`"` + strings.Repeat("x", 1000) + `"`)
		done, err := publishAndWait(t.Context(), e, p)
		if err != nil {
			t.Fatalf("publish: %v", err)
		}
		p.Position = done.Position
		pushes = append(pushes, p)
	}
	return pushes
}

// emptyLog: before the first push there is a position to start from.
func emptyLog(t *testing.T, e scenecast.Engine, _ *fakeHub) {
	begin := e.Newest()
	if begin.Epoch == 0 {
		t.Errorf("the newest of an empty log is %v, which is in no epoch", begin)
	}
	for _, from := range []scenecast.Position{{}, begin} {
		if pushes, err := e.After(t.Context(), from, 10); len(pushes) != 0 || err != nil {
			t.Errorf("after %v: %d pushes, %v", from, len(pushes), err)
		}
	}
	pushes := fill(t, e, 1)
	if got := read(t, e, begin); len(got) != 1 || got[0].ID != "1" || got[0].Position != pushes[0].Position {
		t.Errorf("after the beginning: %d pushes, want the first", len(got))
	}
	if got := e.Newest(); got != pushes[0].Position {
		t.Errorf("the newest is %v, want %v", got, pushes[0].Position)
	}
}

// after: from every position, with every limit, the pushes behind it, in order, as they were published.
func after(t *testing.T, e scenecast.Engine, _ *fakeHub) {
	begin, before := e.Newest(), time.Now()
	pushes := fill(t, e, 12)
	positions := []scenecast.Position{begin}
	for _, p := range pushes {
		positions = append(positions, p.Position)
	}
	for i, position := range positions {
		for limit := 1; limit <= len(pushes)+1; limit++ {
			got, err := e.After(t.Context(), position, limit)
			if err != nil || len(got) > limit || len(got) == 0 && i < len(pushes) {
				t.Fatalf("after %v, at most %d: %d pushes, %v", position, limit, len(got), err)
			}
			for j, p := range got {
				if want := pushes[i+j]; p.ID != want.ID || p.App != want.App || p.Position != want.Position ||
					p.To.String() != want.To.String() || string(p.Message.Data) != string(want.Message.Data) {
					t.Errorf("after %v, at most %d: %s at %v, want %s at %v", position, limit, p.ID, p.Position, want.ID, want.Position)
				}
				if p.At.Before(before) || p.At.After(time.Now()) {
					t.Errorf("%s was published at %v, which is not between %v and now", p.ID, p.At, before)
				}
			}
		}
	}
	if got := read(t, e, scenecast.Position{}); len(got) != len(pushes) || got[0].ID != "1" {
		t.Errorf("from the oldest on there are %d pushes, want %d", len(got), len(pushes))
	}
}

// before: from every position, with every limit, the pushes ahead of it, the newest first, and what has become of them.
func before(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	hub.set(scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1})
	begin := e.Newest()
	for _, from := range []scenecast.Position{{}, begin} {
		if got, err := e.Before(t.Context(), from, 10); len(got) != 0 || err != nil {
			t.Errorf("before %v in an empty log: %d pushes, %v", from, len(got), err)
		}
	}
	pushes := fill(t, e, 12)
	for i := range len(pushes) + 1 {
		from := scenecast.Position{} // behind the last
		if i < len(pushes) {
			from = pushes[i].Position
		}
		for limit := 1; limit <= len(pushes)+1; limit++ {
			got, err := e.Before(t.Context(), from, limit)
			if err != nil || len(got) > limit || len(got) == 0 && i > 0 {
				t.Fatalf("before %v, at most %d: %d pushes, %v", from, limit, len(got), err)
			}
			for j, p := range got {
				if want := pushes[i-1-j]; p.ID != want.ID || p.Position != want.Position {
					t.Errorf("before %v, at most %d: %s at %v, want %s at %v", from, limit, p.ID, p.Position, want.ID, want.Position)
				}
			}
		}
	}
	var gap *scenecast.GapError
	if _, err := e.Before(t.Context(), scenecast.Position{Epoch: begin.Epoch + 1, Seq: 1}, 1); !errors.As(err, &gap) || gap.Reason != scenecast.GapEpoch {
		t.Errorf("before a position of another log: %v", err)
	}
	got, err := e.Before(t.Context(), scenecast.Position{}, 3)
	if err != nil {
		t.Fatal(err)
	}
	records, err := e.Records(t.Context(), got)
	if err != nil || len(records) != 3 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	for i, r := range records {
		if r.Push != got[i] || r.Tally != (scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1}) || r.Known != 1 || !r.Done {
			t.Errorf("what has become of %s: %+v", got[i].ID, r)
		}
	}
}

// lookup: a push is found by its app and ID, and of two with one ID the newer.
func lookup(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	hub.set(scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1})
	fill(t, e, 3)
	again := push("2")
	again.Message.Event = "again"
	if _, err := publishAndWait(t.Context(), e, again); err != nil {
		t.Fatalf("publish: %v", err)
	}
	for _, c := range []struct {
		app, id string
		found   bool
		event   string
	}{
		{"app", "1", true, ""}, {"app", "2", true, "again"}, {"app", "4", false, ""}, {"app", "", false, ""}, {"other", "1", false, ""},
	} {
		r, ok, err := e.Lookup(t.Context(), c.app, "", c.id)
		if ok != c.found || err != nil {
			t.Errorf("lookup of %q in %s: %v, %v", c.id, c.app, ok, err)
		} else if ok && (r.Push.ID != c.id || r.Push.Message.Event != c.event || !r.Done || r.Tally.Matched != 1) {
			t.Errorf("lookup of %q in %s: %+v", c.id, c.app, r)
		}
	}
}

// lookupConfined: a push is found by whoever has the confinement that it was made with, and by whoever has none; another one with the
// same ID does not hide it.
func lookupConfined(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	hub.set(scenecast.Tally{Matched: 1, Queued: 1, Nodes: 1})
	for _, confinement := range []string{`a == "1"`, `a == "2"`, ""} {
		p := push("x")
		p.Confinement, p.Message.Event = confinement, "by "+confinement
		if _, err := publishAndWait(t.Context(), e, p); err != nil {
			t.Fatalf("publish: %v", err)
		}
	}
	last := push("y")
	last.Confinement = `a == "1"`
	if _, err := publishAndWait(t.Context(), e, last); err != nil {
		t.Fatalf("publish: %v", err)
	}
	for _, c := range []struct {
		confinement, id string
		found           bool
		event           string
	}{
		{`a == "1"`, "x", true, `by a == "1"`}, {`a == "2"`, "x", true, `by a == "2"`}, {`a == "3"`, "x", false, ""}, {"", "x", true, "by "},
		{`a == "1"`, "y", true, ""}, {`a == "2"`, "y", false, ""}, {"", "y", true, ""},
	} {
		r, ok, err := e.Lookup(t.Context(), "app", c.confinement, c.id)
		if ok != c.found || err != nil || ok && (r.Push.Message.Event != c.event || c.confinement != "" && r.Push.Confinement != c.confinement) {
			t.Errorf("lookup of %q with the confinement %q: %+v, %v, %v", c.id, c.confinement, r.Push, ok, err)
		}
	}
}

// gapOf is the gap behind a position; empty: there is none.
func gapOf(t *testing.T, e scenecast.Engine, after scenecast.Position) scenecast.Gap {
	t.Helper()
	_, err := e.After(t.Context(), after, 10)
	if err == nil {
		return ""
	}
	var gap *scenecast.GapError
	if !errors.As(err, &gap) {
		t.Fatalf("after %v: %v, want a gap", after, err)
	}
	if gap.Newest != e.Newest() {
		t.Errorf("after %v: the gap ends at %v, and the newest is %v", after, gap.Newest, e.Newest())
	}
	return gap.Reason
}

// gap: a position that the log cannot go on from is told as what it is.
func gap(t *testing.T, e scenecast.Engine, _ *fakeHub) {
	pushes := fill(t, e, 30)
	newest := e.Newest()
	for _, c := range []struct {
		after scenecast.Position
		want  scenecast.Gap
	}{
		{newest, ""},
		{pushes[28].Position, ""},
		{pushes[9].Position, scenecast.GapRetention},
		{scenecast.Position{Epoch: newest.Epoch}, scenecast.GapRetention},
		{scenecast.Position{Epoch: newest.Epoch, Seq: newest.Seq + 1}, scenecast.GapEpoch},
		{scenecast.Position{Epoch: newest.Epoch, Seq: 1<<64 - 1}, scenecast.GapEpoch},
		{scenecast.Position{Epoch: newest.Epoch + 1, Seq: newest.Seq}, scenecast.GapEpoch},
		{scenecast.Position{Seq: newest.Seq}, scenecast.GapEpoch},
	} {
		if got := gapOf(t, e, c.after); got != c.want {
			t.Errorf("after %v of %v: the gap %q, want %q", c.after, newest, got, c.want)
		}
	}
}

// retention: over a limit the oldest go, and what is left is the newest, without a hole.
func retention(t *testing.T, e scenecast.Engine, _ *fakeHub) {
	pushes := fill(t, e, 40)
	kept := read(t, e, scenecast.Position{})
	if len(kept) == 0 || len(kept) > 32 {
		t.Fatalf("%d pushes are kept, want some, and fewer than the limit lets in", len(kept))
	}
	for i, p := range kept {
		if want := pushes[len(pushes)-len(kept)+i]; p.ID != want.ID || p.Position != want.Position {
			t.Errorf("%s at %v is kept in the place of %s at %v", p.ID, p.Position, want.ID, want.Position)
		}
	}
	for i, p := range pushes {
		_, found, err := e.Lookup(t.Context(), "app", "", p.ID)
		if want := i >= len(pushes)-len(kept); found != want || err != nil {
			t.Errorf("lookup of %s: %v, %v; want %v", p.ID, found, err, want)
		}
	}
	oldest := len(pushes) - len(kept)
	for _, c := range []struct {
		after int // of pushes
		want  scenecast.Gap
	}{{oldest, ""}, {oldest - 1, ""}, {oldest - 2, scenecast.GapRetention}} {
		if got := gapOf(t, e, pushes[c.after].Position); got != c.want {
			t.Errorf("the oldest is %v, and after %v there is the gap %q, want %q", kept[0].Position, pushes[c.after].Position, got, c.want)
		}
	}
}

// retentionByAge, of a minute.
func retentionByAge(t *testing.T, e scenecast.Engine, _ *fakeHub) {
	begin := e.Newest()
	first := fill(t, e, 1)[0]
	time.Sleep(30 * time.Second)
	second := fill(t, e, 1)[0]
	time.Sleep(30*time.Second - time.Nanosecond)
	if got := read(t, e, begin); len(got) != 2 {
		t.Errorf("before the minute is over there are %d pushes, want 2", len(got))
	}
	time.Sleep(time.Nanosecond)
	if got := gapOf(t, e, begin); got != scenecast.GapRetention {
		t.Errorf("after a minute there is the gap %q, want that the first push is not kept", got)
	}
	if got := read(t, e, first.Position); len(got) != 1 {
		t.Errorf("behind the first there are %d pushes, want 1", len(got))
	}
	time.Sleep(time.Minute)
	if got := gapOf(t, e, first.Position); got != scenecast.GapRetention {
		t.Errorf("later there is the gap %q, want that the second is not kept either", got)
	}
	if _, found, err := e.Lookup(t.Context(), "app", "", "1"); found || err != nil {
		t.Errorf("lookup of what is too old: %v, %v", found, err)
	}
	if got := read(t, e, scenecast.Position{}); len(got) != 0 {
		t.Errorf("%d pushes are kept", len(got))
	}
	if got := gapOf(t, e, e.Newest()); got != "" || e.Newest() != second.Position {
		t.Errorf("behind the newest, %v, there is the gap %q; want the newest to be still %v", e.Newest(), got, second.Position)
	}
}

// follow: a reader that follows the log while others publish sees every push once, in order, and only what the node has.
func follow(t *testing.T, e scenecast.Engine, hub *fakeHub) {
	const publishers, each = 4, 150
	position := e.Newest()
	seen := 0
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
	for seen < publishers*each && !t.Failed() {
		pushes, err := e.After(t.Context(), position, 7)
		if err != nil {
			t.Fatalf("after %v: %v", position, err)
		}
		for _, p := range pushes {
			if !follows(p.Position, position) {
				t.Fatalf("%v follows %v", p.Position, position)
			}
			position = p.Position
		}
		seen += len(pushes)
		if n := hub.count(); n < seen {
			t.Fatalf("the log has %d pushes that the node was not given", seen-n)
		}
		if len(pushes) == 0 {
			pause()
		}
	}
	wg.Wait()
	if got := e.Newest(); got != position {
		t.Errorf("the newest is %v, and the reader has come to %v", got, position)
	}
}

// epoch: another log has another one.
func epoch(t *testing.T, e scenecast.Engine, newEngine New) {
	fill(t, e, 1)
	other := startEngine(t, newEngine, &fakeHub{}, Options{})
	fill(t, other, 1)
	if e.Newest().Epoch == other.Newest().Epoch {
		t.Errorf("two logs have the epoch %v", e.Newest())
	}
	if got := gapOf(t, other, e.Newest()); got != scenecast.GapEpoch {
		t.Errorf("after a position of another log there is the gap %q, want %q", got, scenecast.GapEpoch)
	}
	if err := other.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}
