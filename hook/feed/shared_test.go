package feed_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/hook/event"
	"scenecast/hook/feed"
	"scenecast/label"
)

// TestSharedEvents: listeners who may know the same of an event share what is encoded, and nobody gets what another one may know: whoever reads first.
func TestSharedEvents(t *testing.T) {
	parse := func(text string) audience.Expr {
		if text == "" {
			return audience.Expr{}
		}
		e, err := audience.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	trace, err := scenecast.ParseTraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	set := func(page, plan string) label.Set {
		return label.New(label.Label{Key: "page", Value: page}, label.Label{Key: "plan", Value: plan})
	}
	moved := event.Event{ID: "1", Type: event.Relabelled, At: at, Trace: &trace, Data: event.Data{App: "shop", Node: 7, Labels: set("home", "pro"), Before: set("cart", "pro")}}
	gap := event.Event{ID: "2", Type: event.Gap, At: at, Data: event.Data{App: "shop", Node: 7, Labels: set("cart", "pro"), Position: "1-9"}}
	push := &scenecast.Push{ID: "P", App: "shop", At: at, Confinement: parse(`page == "home"`).String(), Trace: &trace, Position: scenecast.Position{Epoch: 1, Seq: 9}}

	const (
		begin       = `{"id":"1","type":"relabelled","timestamp":"2026-01-02T03:04:05Z","data":{"app":"shop",`
		end         = `},"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}`
		labels      = `"labels":{"page":"home","plan":"pro"}`
		before      = `,"before":{"page":"cart","plan":"pro"}`
		movedWhole  = begin + `"node":7,` + labels + before + end
		movedInside = begin + labels + before + end
		movedInto   = begin + labels + end
		gapBegin    = `{"id":"2","type":"gap","timestamp":"2026-01-02T03:04:05Z","data":{"app":"shop",`
		gapWhole    = gapBegin + `"node":7,"labels":{"page":"cart","plan":"pro"},"position":"1-9"}}`
		gapConfined = gapBegin + `"labels":{"page":"cart","plan":"pro"}}}`
		pushBegin   = `{"id":"push.P","type":"push","timestamp":"2026-01-02T03:04:05Z","data":{"app":"shop","push":"P"`
	)
	pushWhole, pushConfined := pushBegin+`,"position":"`+push.Position.String()+`"`+end, pushBegin+`}}`
	all := []event.Type{event.Relabelled, event.Gap, event.Pushed}
	listeners := []struct {
		to, within string
		types      []event.Type
		want       []string
	}{
		{"", "", nil, []string{movedWhole, gapWhole}},
		{"", "", all, []string{movedWhole, gapWhole, pushWhole}},
		{`page == "cart"`, "", nil, []string{gapWhole}},
		{"", `plan == "pro"`, nil, []string{movedInside, gapConfined}},
		{"", `plan == "pro"`, all, []string{movedInside, gapConfined}},
		{"", `plan == "pro" && page == "home"`, nil, []string{movedInto}},
		{"", `page == "home"`, all, []string{movedInto, pushConfined}},
		{"", `page == "home"`, nil, []string{movedInto}},
		{"", `plan == "free"`, all, nil},
	}
	for first := range listeners {
		f := startAlone()
		streams := make([]*feed.Stream, len(listeners))
		for i, l := range listeners {
			if streams[i], err = f.Open(feed.StreamOptions{App: "shop", To: parse(l.to), Within: parse(l.within), Types: l.types}); err != nil {
				t.Fatal(err)
			}
		}
		f.Emit(moved)
		f.Emit(gap)
		f.Pushed(push)
		for n := range listeners {
			i := (first + n) % len(listeners)
			var got []string
			for len(got) < len(listeners[i].want) {
				p, err := streams[i].Next(t.Context(), time.Minute)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range p.Events {
					got = append(got, string(e.AppendJSON(nil)))
				}
			}
			if !slices.Equal(got, listeners[i].want) {
				t.Errorf("first %d: to %q within %q of %v:\n got %s\nwant %s", first, listeners[i].to, listeners[i].within, listeners[i].types,
					strings.Join(got, "\n     "), strings.Join(listeners[i].want, "\n     "))
			}
		}
		f.Close()
		for i, s := range streams { // nothing more waits for anybody
			if p, err := s.Next(t.Context(), time.Minute); len(p.Events) > 0 || err == nil && !p.Ready {
				t.Errorf("first %d: listener %d gets %d events more, %v", first, i, len(p.Events), err)
			}
		}
	}
}

// startAlone starts a feed without other nodes.
func startAlone() *feed.Feed {
	return feed.New(feed.Options{Node: 1, Keep: time.Minute, MaxEvents: 100, MaxBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler)})
}

// TestSharedAtOnce: streams that are read at the same time, each at its own speed, all get all events.
func TestSharedAtOnce(t *testing.T) {
	f := startAlone()
	const streams, events = 8, 2000
	var reading sync.WaitGroup
	for range streams {
		s, err := f.Open(feed.StreamOptions{App: "shop"})
		if err != nil {
			t.Fatal(err)
		}
		reading.Go(func() {
			var cursor []byte
			for n := 0; n < events; {
				p, err := s.Next(context.Background(), time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				for _, e := range p.Events {
					if got, want := string(e.AppendJSON(nil)), string(e.Event.AppendJSON(nil)); got != want || e.Data.Version != int64(n) {
						t.Errorf("event %d:\n got %s\nwant %s", n, got, want)
						return
					}
					if string(cursor) == string(e.Cursor) {
						t.Errorf("event %d has the cursor of the one before it, %s", n, cursor)
					}
					cursor = append(cursor[:0], e.Cursor...)
					n++
				}
			}
		})
	}
	for n := range events {
		f.Emit(event.Event{ID: "e", Type: event.Joined, At: time.Now(), Data: event.Data{App: "shop", Version: int64(n)}})
	}
	reading.Wait()
	f.Close()
}
