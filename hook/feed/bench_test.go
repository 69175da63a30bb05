package feed_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"scenecast"
	"scenecast/hook"
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
