package access_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/access"
	"scenecast/audience"
	"scenecast/auth"
	"scenecast/problem"
)

// book is a log that keeps some pushes and gives two at a time. The first that it keeps has the position after missing.
type book struct {
	scenecast.Log
	pushes  []*scenecast.Push
	missing int
}

const epoch = 36

func (b *book) After(_ context.Context, after scenecast.Position, _ int) ([]*scenecast.Push, error) {
	from := int(after.Seq)
	switch {
	case after == scenecast.Position{}:
		from = b.missing
	case after.Epoch != epoch:
		return nil, &scenecast.GapError{Reason: scenecast.GapEpoch}
	case from < b.missing:
		return nil, &scenecast.GapError{Reason: scenecast.GapRetention}
	}
	return b.pushes[from:min(from+2, len(b.pushes))], nil
}

func (b *book) Before(_ context.Context, before scenecast.Position, _ int) ([]*scenecast.Push, error) {
	end := len(b.pushes)
	if before != (scenecast.Position{}) {
		end = int(before.Seq) - 1
	}
	pushes := slices.Clone(b.pushes[max(end-2, b.missing):max(end, b.missing)])
	slices.Reverse(pushes)
	return pushes, nil
}

func (b *book) Records(_ context.Context, pushes []*scenecast.Push) (records []scenecast.Record, _ error) {
	for _, p := range pushes {
		records = append(records, scenecast.Record{Push: p, Tally: scenecast.Tally{Matched: int(p.Position.Seq)}})
	}
	return records, nil
}

func (b *book) Newest() scenecast.Position {
	return scenecast.Position{Epoch: epoch, Seq: uint64(len(b.pushes))}
}

// write adds a push of an app, which somebody with this confinement has made.
func (b *book) write(app, confinement, id string) {
	b.pushes = append(b.pushes, &scenecast.Push{
		ID: id, App: app, Confinement: confinement, To: audience.Everybody(),
		At:       time.Unix(1_700_000_000, int64(len(b.pushes))),
		Position: scenecast.Position{Epoch: epoch, Seq: uint64(len(b.pushes) + 1)},
	})
}

func parse(t *testing.T, text string) audience.Expr {
	t.Helper()
	e, err := audience.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func anything(*scenecast.Push) bool { return true }

// idsOf are the IDs on a page of the history, and its positions where it has any.
func idsOf(page access.Page) string {
	var ids []string
	for _, p := range page.Pushes {
		id := p.ID
		if p.Position != (scenecast.Position{}) {
			id += "@" + p.Position.String()
		}
		ids = append(ids, id)
	}
	return strings.Join(ids, " ")
}

// TestHistoryOfAConfinedCaller: it sees the pushes of its own confinement, without positions, and follows them by cursors.
func TestHistoryOfAConfinedCaller(t *testing.T) {
	seven := access.KeyCaller(auth.Key{App: "shop", Name: "k", Within: parse(t, `tenant == "7"`)})
	b := new(book)
	e := access.Engine{Log: b}
	read := func(since string, limit int) access.Page {
		t.Helper()
		page, err := e.History(t.Context(), seven, since, limit, anything)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	if page := read(access.Oldest, 10); idsOf(page) != "" || page.Next != access.Oldest || page.More || page.Gap != "" {
		t.Errorf("of an empty log: %+v", page)
	}
	for i := range 3 {
		b.write("shop", "", fmt.Sprint("other", i))
		b.write("shop", `tenant == "7"`, "twice")
		b.write("shop", `tenant == "8"`, "twice")
		b.write("blog", `tenant == "7"`, fmt.Sprint("blog", i))
	}
	b.write("shop", `tenant == "7"`, "last")

	first := read(access.Oldest, 2)
	second := read(first.Next, 2)
	third := read(second.Next, 2)
	for i, c := range []struct {
		page access.Page
		ids  string
		more bool
	}{{first, "twice twice", true}, {second, "twice last", false}, {third, "", false}} {
		if idsOf(c.page) != c.ids || c.page.More != c.more || c.page.Gap != "" {
			t.Errorf("page %d: %s %+v, want %s, more: %v", i+1, idsOf(c.page), c.page, c.ids, c.more)
		}
	}
	if third.Next != second.Next {
		t.Errorf("behind the end it goes on at %s, and the end was %s", third.Next, second.Next)
	}
	if strings.Contains(first.Next, scenecast.Position{Epoch: epoch, Seq: 6}.String()) {
		t.Errorf("the cursor is a position: %s", first.Next)
	}

	b.missing = 6 // the first page has gone
	if page := read(first.Next, 10); page.Gap != scenecast.GapRetention || idsOf(page) != "twice last" {
		t.Errorf("behind what is not kept: %s %+v", idsOf(page), page)
	}
	b.missing = len(b.pushes) // all of them
	if page := read(first.Next, 10); page.Gap != scenecast.GapRetention || page.Next != access.Oldest || idsOf(page) != "" {
		t.Errorf("where nothing is kept: %+v", page)
	} else if page = read(page.Next, 10); page.Gap != "" {
		t.Errorf("the gap is told again: %+v", page)
	}
	for _, since := range []string{"", "7", "-", "x-", "!-a"} {
		var p *problem.Problem
		if _, err := e.History(t.Context(), seven, since, 1, anything); !errors.As(err, &p) || p.Where != "since" {
			t.Errorf("since %q: %v", since, err)
		}
	}
}

// TestHistoryBackOfAConfinedCaller: the newest first it sees the same pushes, and what has become of them, without positions.
func TestHistoryBackOfAConfinedCaller(t *testing.T) {
	seven := access.KeyCaller(auth.Key{App: "shop", Name: "k", Within: parse(t, `tenant == "7"`)})
	b := new(book)
	e := access.Engine{Log: b}
	read := func(before string) access.Page {
		t.Helper()
		page, err := e.HistoryBack(t.Context(), seven, before, 2, anything)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	if page := read(""); idsOf(page) != "" || page.Next != access.Oldest || page.More {
		t.Errorf("of an empty log: %+v", page)
	}
	for i := range 3 {
		b.write("shop", `tenant == "7"`, fmt.Sprint("own", i))
		b.write("shop", "", fmt.Sprint("other", i))
		b.write("blog", `tenant == "7"`, fmt.Sprint("blog", i))
	}
	first := read("")
	second := read(first.Next)
	third := read(second.Next)
	for i, c := range []struct {
		page access.Page
		ids  string
		more bool
	}{{first, "own2 own1", true}, {second, "own0", false}, {third, "", false}} {
		if idsOf(c.page) != c.ids || c.page.More != c.more || len(c.page.Known) != len(c.page.Pushes) {
			t.Errorf("page %d: %s %+v, want %s, more: %v", i+1, idsOf(c.page), c.page, c.ids, c.more)
		}
	}
	if first.Known[0].Tally.Matched != 7 || second.Known[0].Tally.Matched != 1 {
		t.Errorf("what has become of them: %+v, %+v", first.Known, second.Known)
	}
	b.missing = 4 // the first one has gone
	if page := read(first.Next); idsOf(page) != "" || page.More {
		t.Errorf("behind what is not kept: %s", idsOf(page))
	}
	for _, before := range []string{"7", "-", "x-", "!-a"} {
		var p *problem.Problem
		if _, err := e.HistoryBack(t.Context(), seven, before, 1, anything); !errors.As(err, &p) || p.Where != "before" {
			t.Errorf("before %q: %v", before, err)
		}
	}
}

// TestHistoryOfAnyCaller: who is not confined sees all pushes of the app, with their positions.
func TestHistoryOfAnyCaller(t *testing.T) {
	b := new(book)
	b.write("shop", "", "a")
	b.write("blog", "", "b")
	b.write("shop", `tenant == "7"`, "c")
	page, err := access.Engine{Log: b}.History(t.Context(), access.Caller{App: "shop"}, access.Oldest, 10, anything)
	if err != nil || idsOf(page) != "a@10-1 c@10-3" || page.Next != "10-3" || page.More {
		t.Errorf("%s %+v, %v", idsOf(page), page, err)
	}
	page, err = access.Engine{Log: b}.HistoryBack(t.Context(), access.Caller{App: "shop"}, "", 10, anything)
	if err != nil || idsOf(page) != "c@10-3 a@10-1" || page.Next != "10-1" || page.More {
		t.Errorf("the newest first: %s %+v, %v", idsOf(page), page, err)
	}
}
