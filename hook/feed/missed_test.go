package feed_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/hook/feed"
)

// TestMissed: a stream is told where events may be missing, and only there.
func TestMissed(t *testing.T) {
	few := feed.Options{Keep: time.Minute, MaxEvents: 5, MaxBytes: 1 << 20}
	for name, c := range map[string]struct {
		options feed.Options
		happen  func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader
		missed  bool
	}{
		"nothing happens": {few, func(*testing.T, *bus, *feed.Feed, *feed.Feed, *reader) *reader { return nil }, false},
		"more than is kept": {few, func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader {
			r.Close()
			for i := range 6 {
				emit(two, fmt.Sprint(i), "home")
			}
			return open(t, one, r.cursor)
		}, true},
		"as much as is kept": {few, func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader {
			time.Sleep(20 * time.Second)
			for range 12 {
				r.read(t)
			}
			r.Close()
			for i := range 5 {
				emit(two, fmt.Sprint(i), "home")
			}
			return open(t, one, r.cursor)
		}, false},
		"more bytes than are kept": {feed.Options{Keep: time.Minute, MaxEvents: 100, MaxBytes: 1000}, func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader {
			r.Close()
			for i := range 4 {
				emit(two, fmt.Sprint(i), "home")
			}
			return open(t, one, r.cursor)
		}, true},
		"it was away for too long": {few, func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader {
			r.Close()
			time.Sleep(2 * time.Minute)
			return open(t, one, r.cursor)
		}, true},
		"a time before the node": {few, func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader {
			return open(t, one, time.Now().Add(-time.Hour).Format(time.RFC3339))
		}, true},
		"messages are lost": {few, func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader {
			lose := func(is bool) {
				b.mu.Lock()
				b.lose = is
				b.mu.Unlock()
			}
			lose(true)
			emit(two, "a", "home")
			time.Sleep(100 * time.Millisecond)
			lose(false)
			return nil
		}, true},
		"a node has not heard for a while that it is listened to": {few, func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader {
			hear := func(deaf scenecast.NodeID) {
				b.mu.Lock()
				b.deaf = deaf
				b.mu.Unlock()
			}
			hear(2)
			time.Sleep(8 * time.Second)
			emit(two, "unsent", "home")
			time.Sleep(time.Second)
			hear(0)
			for range 12 {
				r.read(t)
			}
			return nil
		}, true},
		"a node is gone, and comes back": {few, func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader {
			emit(two, "before", "home")
			r.read(t)
			b.mu.Lock()
			delete(b.nodes, 2)
			b.mu.Unlock()
			time.Sleep(2 * time.Second)
			emit(two, "meanwhile", "home")
			time.Sleep(time.Second)
			b.mu.Lock()
			b.nodes[2] = two
			b.mu.Unlock()
			for range 5 {
				r.read(t)
			}
			if !slices.Equal(r.got, []string{"before", "meanwhile"}) {
				t.Errorf("of the node that was gone: %v", r.got)
			}
			return nil
		}, true},
		"a node comes": {few, func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader {
			three := b.start(3, few)
			emit(three, "early", "home") // the stream is not known there yet
			for range 5 {
				r.read(t)
			}
			if !slices.Equal(r.got, []string{"early"}) {
				t.Errorf("of the node that has come: %v", r.got)
			}
			return nil
		}, false},
		"a node restarts in words": {few, func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader {
			emit(two, "last", "home")
			two.Close()
			time.Sleep(100 * time.Millisecond)
			b.mu.Lock()
			delete(b.nodes, 2)
			b.mu.Unlock()
			for range 5 {
				r.read(t)
			}
			if !slices.Equal(r.got, []string{"last"}) {
				t.Errorf("of the node that went: %v", r.got)
			}
			return nil
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBus()
				one, two := b.start(1, c.options), b.start(2, c.options)
				time.Sleep(15 * time.Second)
				r := open(t, one, "")
				time.Sleep(10 * time.Second)
				for range 12 {
					r.read(t)
				}
				if r.missed > 0 {
					t.Error("told before")
				}
				if next := c.happen(t, b, one, two, r); next != nil {
					r = next
				} else {
					for range 4 {
						r.read(t)
					}
				}
				if (r.missed > 0) != c.missed || r.missed > 1 {
					t.Errorf("told %d times that events are missing, want %v", r.missed, c.missed)
				}
				r.Close()
				b.stop()
			})
		})
	}
}
