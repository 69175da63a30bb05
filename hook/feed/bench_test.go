package feed_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/hook"
	"scenecast/hook/event"
	"scenecast/hook/feed"
	"scenecast/hub"
	"scenecast/label"
)

// joining is a page with five labels, as the hub shows it.
type joining struct {
	hub.Member
	labels label.Set
}

func (joining) App() string          { return "shop" }
func (joining) ID() scenecast.ConnID { return scenecast.ConnID{Node: 1, Seq: 7} }
func (m joining) Labels() label.Set  { return m.labels }

// BenchmarkJoin is what a page that joins takes of its loop: without a feed, with one that nobody listens to, and with listeners that read and print
// what they get, whose time on other goroutines counts where there is one core (-cpu 1).
func BenchmarkJoin(b *testing.B) {
	member := hub.Member(joining{labels: label.FromMap(map[string][]string{"page": {"home"}, "group": {"g17"}, "order": {"1742"}, "@id": {"1-7"}, "@protocol": {"scenecast.v1"}})})
	run := func(name string, withFeed bool, listeners int) {
		b.Run(name, func(b *testing.B) {
			hooks := hook.New(1)
			var listening sync.WaitGroup
			if withFeed {
				f := feed.New(feed.Options{Node: 1, Keep: time.Minute, MaxEvents: 10_000, MaxBytes: 10 << 20, Logger: slog.New(slog.DiscardHandler)})
				hooks.SetSinks([]hook.Sink{f})
				defer listening.Wait()
				defer f.Close()
				for range listeners {
					s, err := f.Open(feed.StreamOptions{App: "shop"})
					if err != nil {
						b.Fatal(err)
					}
					listening.Go(func() {
						for buffer := []byte(nil); ; {
							p, err := s.Next(context.Background(), time.Minute)
							if err != nil {
								return
							}
							for _, e := range p.Events {
								buffer = e.AppendJSON(buffer[:0])
							}
						}
					})
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				hooks.Joined(member)
			}
		})
	}
	run("no feed", false, 0)
	run("nobody listens", true, 0)
	for _, n := range []int{1, 10} {
		run(fmt.Sprint(n, " listen"), true, n)
	}
}

// viewers are streams that are read as the API reads them.
type viewers struct {
	feed    *feed.Feed
	streams []*feed.Stream
	buffer  []byte
	event   event.Event
}

func newViewers(t testing.TB, n int, within audience.Expr) *viewers {
	f := feed.New(feed.Options{Node: 1, Keep: time.Minute, MaxEvents: 100, MaxBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(f.Close)
	v := &viewers{feed: f, event: event.Event{ID: "1.ABCDEFGHIJKLMNOPQRSTUVWXYZ", Type: event.Connected, At: time.Now(), Data: event.Data{
		App: "shop", Node: 1, Connection: scenecast.ConnID{Node: 1, Seq: 7},
		Labels: label.FromMap(map[string][]string{"page": {"home"}, "group": {"g17"}, "order": {"1742"}, "@id": {"1-7"}, "@protocol": {"scenecast.v1"}}),
	}}}
	for range n {
		s, err := f.Open(feed.StreamOptions{App: "shop", Within: within})
		if err != nil {
			t.Fatal(err)
		}
		v.streams = append(v.streams, s)
	}
	v.happen(t, 0)
	return v
}

// happen has some events happen, which each viewer then reads.
func (v *viewers) happen(t testing.TB, events int) {
	for range events {
		v.feed.Emit(v.event)
	}
	for _, s := range v.streams {
		p, err := s.Next(context.Background(), time.Minute)
		if err != nil || len(p.Events) != events {
			t.Fatalf("%d events, %v", len(p.Events), err)
		}
		v.buffer = v.buffer[:0]
		for _, e := range p.Events {
			v.buffer = append(v.buffer, e.Cursor...)
			v.buffer = e.AppendJSON(v.buffer)
		}
	}
}

// BenchmarkViewers is what an event takes until all viewers have read it and it is printed for each, where 50 come in a part.
func BenchmarkViewers(b *testing.B) {
	within, err := audience.Parse(`page == "home"`)
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1, 10} {
		for name, within := range map[string]audience.Expr{"whole": {}, "confined": within} {
			b.Run(fmt.Sprint(name, "-", n), func(b *testing.B) {
				const events = 50
				v := newViewers(b, n, within)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				for b.Loop() {
					v.happen(b, events)
				}
				runtime.ReadMemStats(&after)
				of := float64(b.N * events)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/of, "ns/event")
				b.ReportMetric(float64(after.Mallocs-before.Mallocs)/of, "allocs/event")
				b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/of, "B/event")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// TestViewersAllocateNothing: what an event allocates does not grow with those who read it, confined or not.
func TestViewersAllocateNothing(t *testing.T) {
	within, err := audience.Parse(`page == "home"`)
	if err != nil {
		t.Fatal(err)
	}
	for name, within := range map[string]audience.Expr{"whole": {}, "confined": within} {
		const events, more, each = 100, 9, 10 // each is more than a part allocates, however many events it has
		allocated := func(viewers int) float64 {
			v := newViewers(t, viewers, within)
			return testing.AllocsPerRun(20, func() { v.happen(t, events) })
		}
		one, several := allocated(1), allocated(1+more)
		if several > one+events+more*each { // several share what is encoded, which is an allocation of the event
			t.Errorf("%s: %d events allocate %v times for one, and %v times for %d", name, events, one, several, 1+more)
		}
	}
}

// TestNobodyListensCostsNothing: what happens while nobody listens, and nobody has, allocates nothing.
func TestNobodyListensCostsNothing(t *testing.T) {
	f := feed.New(feed.Options{Node: 1, Keep: time.Minute, MaxEvents: 10, MaxBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler)})
	defer f.Close()
	hooks := hook.New(1)
	hooks.SetSinks([]hook.Sink{f})
	member := hub.Member(joining{labels: label.FromMap(map[string][]string{"page": {"home"}})})
	push := &scenecast.Push{App: "shop"}
	if n := testing.AllocsPerRun(100, func() {
		hooks.Joined(member)
		hooks.Left(member, scenecast.Ending{})
		f.Pushed(push)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
