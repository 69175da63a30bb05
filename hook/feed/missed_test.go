package feed_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/hook/event"
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
		"another stream renews a lease that was over": {few, func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader {
			b.with(func() { b.deaf = 2 })
			time.Sleep(8 * time.Second)
			emit(two, "unsent", "home")
			time.Sleep(time.Second)
			b.with(func() {
				b.deaf = 0
				b.drop = func(m []byte) bool { return bytes.Contains(m, []byte(`"want"`)) } // the question alone comes
			})
			other := open(t, one, "")
			time.Sleep(time.Second)
			b.with(func() { b.drop = nil })
			for range 4 {
				other.read(t)
			}
			if other.missed > 0 {
				t.Error("the other stream is told, which has missed nothing")
			}
			other.Close()
			return nil
		}, true},
		"a lease is over while nothing happens": {few, func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader {
			b.with(func() { b.deaf = 2 })
			time.Sleep(8 * time.Second)
			b.with(func() { b.deaf = 0 })
			for range 12 {
				r.read(t)
			}
			return nil
		}, false},
		"only events of another app are lost": {few, func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader {
			blog, err := one.Open(feed.StreamOptions{App: "blog"})
			if err != nil {
				t.Fatal(err)
			}
			other := &reader{Stream: blog}
			for range 3 {
				other.read(t)
			}
			b.with(func() { b.lose = true })
			two.Emit(event.Event{ID: "1", Type: event.Connected, At: time.Now(), Data: event.Data{App: "blog"}})
			time.Sleep(100 * time.Millisecond)
			b.with(func() { b.lose = false })
			for range 4 {
				other.read(t)
			}
			if other.missed != 1 {
				t.Errorf("the stream of that app is told %d times", other.missed)
			}
			blog.Close()
			return nil
		}, false},
		"the last before a node goes in words is lost": {few, func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader {
			b.with(func() { b.lose = true })
			emit(two, "last", "home")
			time.Sleep(100 * time.Millisecond)
			b.with(func() { b.lose = false })
			two.Close()
			return nil
		}, true},
		"a part of an answer is lost": {feed.Options{Keep: time.Minute, MaxEvents: 1000, MaxBytes: 1 << 20}, func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader {
			r.Close()
			for i := range 500 {
				emit(two, fmt.Sprint(i), "home")
			}
			time.Sleep(time.Second)
			b.with(func() { b.drop = func(m []byte) bool { return bytes.Contains(m, []byte(`"part":1`)) } })
			return open(t, one, r.cursor)
		}, true},
		"a client goes to another node before the one that it was at hears of what was lost": {few, func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader {
			b.with(func() { b.cut[[2]scenecast.NodeID{2, 1}] = true })
			emit(two, "unheard", "home")
			for range 20 {
				r.read(t)
			}
			r.Close()
			b.with(func() { clear(b.cut) })
			next := open(t, two, r.cursor)
			if !slices.Equal(next.got, []string{"unheard"}) {
				t.Errorf("at the other node: %v", next.got)
			}
			return next
		}, false},
		"a node goes in words that has not answered": {few, func(t *testing.T, b *bus, one, two *feed.Feed, r *reader) *reader {
			b.with(func() { b.drop = func(m []byte) bool { return bytes.Contains(m, []byte(`"ask"`)) } })
			three := b.start(3, few)
			emit(three, "unasked", "home")
			time.Sleep(1500 * time.Millisecond) // by then it is asked, and the time for the answer is not over
			three.Close()
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
