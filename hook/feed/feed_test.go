package feed_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/hook/event"
	"scenecast/hook/feed"
	"scenecast/label"
	"scenecast/leaktest"
	"scenecast/problem"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// TestNothingWhileNobodyListens: events are not asked for, and nodes tell each other nothing.
func TestNothingWhileNobodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus()
		one, two := b.start(1, feed.Options{}), b.start(2, feed.Options{})
		time.Sleep(15 * time.Second)
		if one.Wants("shop", event.Connected) || b.sent() > 0 {
			t.Errorf("wanted, and %d messages", b.sent())
		}
		r := open(t, two, "")
		if !one.Wants("shop", event.Connected) || one.Wants("blog", event.Connected) {
			t.Error("the other node does not make the events that a stream is about, or makes more")
		}
		r.Close()
		time.Sleep(6 * time.Minute)
		before := b.sent()
		time.Sleep(time.Minute)
		if one.Wants("shop", event.Connected) || two.Wants("shop", event.Connected) || b.sent() != before {
			t.Errorf("long after the stream it is wanted still, or %d messages were sent", b.sent()-before)
		}
		b.stop()
	})
}

// TestNoHoleAndNoDouble: while events happen at all nodes, streams open, end and go on at others. Each gets everything that has happened since
// it was first ready, once, and that of one node in order.
func TestNoHoleAndNoDouble(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			b := newBus()
			var feeds []*feed.Feed
			for id := range 3 {
				feeds = append(feeds, b.start(scenecast.NodeID(id+1), feed.Options{}))
			}
			time.Sleep(20 * time.Second)
			var sent []string
			happen := func() {
				for range random.IntN(8) {
					n := random.IntN(3)
					sent = append(sent, fmt.Sprintf("%d.%05d", n, len(sent)))
					emit(feeds[n], sent[len(sent)-1], "home")
					time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond)
				}
			}
			r := open(t, feeds[0], "")
			began := len(sent)
			for range 60 {
				happen()
				if random.IntN(2) == 0 {
					for range random.IntN(3) {
						r.read(t)
					}
				}
				if random.IntN(8) == 0 {
					time.Sleep(time.Duration(random.IntN(20)) * time.Second) // meanwhile cursors move on
					r.read(t)
				}
				if random.IntN(4) > 0 {
					continue
				}
				r.Close()
				happen()
				opening := make(chan *reader)
				to := feeds[random.IntN(3)]
				go func() {
					defer close(opening) // also where it fails
					opening <- open(t, to, r.cursor)
				}()
				happen()
				next, ok := <-opening
				if !ok {
					return
				}
				next.got = append(r.got, next.got...)
				next.missed += r.missed
				r = next
			}
			for range 8 {
				r.read(t)
			}
			want := sent[began:]
			if r.missed > 0 {
				t.Errorf("seed %d: told %d times that events are missing", seed, r.missed)
			}
			for n := range 3 {
				of := func(all []string) (some []string) {
					for _, id := range all {
						if strings.HasPrefix(id, fmt.Sprint(n, ".")) {
							some = append(some, id)
						}
					}
					return some
				}
				if got, want := of(r.got), of(want); !slices.Equal(got, want) {
					t.Fatalf("seed %d: of node %d\ngot  %v\nwant %v", seed, n, got, want)
				}
			}
			r.Close()
			b.stop()
		})
	}
}

// TestSlowListener: one that does not read is cut with words, and holds nobody up.
func TestSlowListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus()
		f := b.start(1, feed.Options{Keep: time.Minute, MaxEvents: 10, MaxBytes: 1 << 20})
		r := open(t, f, "")
		for i := range 10_001 {
			emit(f, fmt.Sprint(i), "home")
		}
		_, err := r.Next(t.Context(), time.Second)
		var p *problem.Problem
		if !errors.As(err, &p) || p.Kind != problem.TooMany || !strings.Contains(p.Detail, "more slowly") {
			t.Errorf("it ends with %v", err)
		}
		if streams, cut := f.Stats(); streams != 0 || cut != 1 {
			t.Errorf("%d streams, %d were cut", streams, cut)
		}
		b.stop()
	})
}

// TestBounds: there are only so many streams, and one that is to be opened at the end is told so.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus()
		f := b.start(1, feed.Options{})
		var last error
		for range 101 {
			_, last = f.Open(feed.StreamOptions{App: "shop"})
		}
		if problem.Of(last) == nil || problem.Of(last).Kind != problem.TooMany {
			t.Errorf("the 101st: %v", last)
		}
		b.stop()
		if _, err := f.Open(feed.StreamOptions{App: "shop"}); problem.Of(err).Kind != problem.Unavailable {
			t.Errorf("at the end: %v", err)
		}
	})
}

// TestEndBeforeTheFirstPart: a stream that ends while another node has not answered is told no part, because its client would go on behind it, without
// what that node has.
func TestEndBeforeTheFirstPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus()
		one, _ := b.start(1, feed.Options{}), b.start(2, feed.Options{})
		b.lose = true
		s, err := one.Open(feed.StreamOptions{App: "shop"})
		if err != nil {
			t.Fatal(err)
		}
		one.Close()
		p, err := s.Next(t.Context(), time.Second)
		if problem.Of(err) == nil || problem.Of(err).Kind != problem.Unavailable || p.Ready || p.Cursor != nil {
			t.Errorf("told %+v, %v", p, err)
		}
		b.stop()
	})
}

// TestConfined: a confined listener gets what is of pages within, without what tells of others.
func TestConfined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus()
		f := b.start(1, feed.Options{})
		within, err := audience.Parse(`page == "in"`)
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.Open(feed.StreamOptions{App: "shop", Within: within})
		if err != nil {
			t.Fatal(err)
		}
		labels := func(page string) label.Set { return label.New(label.Label{Key: "page", Value: page}) }
		for _, e := range []event.Event{
			{ID: "1", Type: event.Connected, Data: event.Data{App: "shop", Node: 1, Labels: labels("in")}},
			{ID: "2", Type: event.Connected, Data: event.Data{App: "shop", Node: 1, Labels: labels("out")}},
			{ID: "3", Type: event.Relabelled, Data: event.Data{App: "shop", Node: 1, Labels: labels("in"), Before: labels("out")}},
			{ID: "4", Type: event.Relabelled, Data: event.Data{App: "shop", Node: 1, Labels: labels("out"), Before: labels("in")}},
			{ID: "5", Type: event.Gap, Data: event.Data{App: "shop", Node: 1, Labels: labels("in"), Position: "1-9"}},
			{ID: "6", Type: event.Joined, Data: event.Data{App: "shop", Node: 1, Labels: labels("in"), User: "42"}},
			{ID: "7", Type: event.Triggered, Data: event.Data{App: "shop", Node: 1, Matched: 9}},
		} {
			f.Emit(e)
		}
		p, err := s.Next(t.Context(), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range p.Events {
			got = append(got, e.ID)
			if e.Data.Node != 0 || e.Data.Position != "" || e.Data.Before.Len() > 0 {
				t.Errorf("%+v tells of what is outside", e.Data)
			}
		}
		if !slices.Equal(got, []string{"1", "3", "5"}) {
			t.Errorf("got %v", got)
		}
		if err := feed.CheckTypes([]event.Type{event.Connected, event.Joined}); problem.Of(err) == nil || problem.Of(err).Kind != problem.Forbidden {
			t.Errorf("joined: %v", err)
		}
		b.stop()
	})
}

// FuzzParseCursor: what can be read is printed as what means the same.
func FuzzParseCursor(f *testing.F) {
	for _, text := range []string{"", "0", "mkrz7pbq5b", "mkrz7pbq5b-1:2", "mkrz7pbq5b-1:mkrz7pbq5c-3:4", "2026-01-02T15:04:05Z", "-", "1-:", "zz-1:zzz-1:zzzz", "1-2:-3", "9999999999999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := feed.ParseCursor(text)
		if err != nil {
			return
		}
		again, err := feed.ParseCursor(c.String())
		if c.Since >= 9e14 && (err != nil || again.String() != c.String()) {
			t.Errorf("%q is printed as %q, and that as %v, %v", text, c, again, err)
		}
	})
}
