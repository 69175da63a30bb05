package feed_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"scenecast"
	"scenecast/hook/event"
	"scenecast/hook/feed"
	"scenecast/label"
)

// bus carries the messages of a cluster, those of each node in order and each with a delay of its own.
type bus struct {
	mu      sync.Mutex
	nodes   map[scenecast.NodeID]*feed.Feed
	lines   map[scenecast.NodeID]chan []byte
	lose    bool                         // messages
	deaf    scenecast.NodeID             // gets none
	cut     map[[2]scenecast.NodeID]bool // from the one to the other there are none
	drop    func(message []byte) bool    // nil: none is lost
	carried int
	done    sync.WaitGroup
}

func newBus() *bus {
	return &bus{nodes: make(map[scenecast.NodeID]*feed.Feed), lines: make(map[scenecast.NodeID]chan []byte), cut: make(map[[2]scenecast.NodeID]bool)}
}

func (b *bus) ids() (ids []scenecast.NodeID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id := range b.nodes {
		ids = append(ids, id)
	}
	return ids
}

func (b *bus) start(id scenecast.NodeID, o feed.Options) *feed.Feed {
	line := make(chan []byte, 100_000)
	o.Node, o.Nodes, o.Logger = id, b.ids, slog.New(slog.DiscardHandler)
	o.Broadcast = func(m []byte) { line <- m }
	if o.Keep == 0 {
		o.Keep, o.MaxEvents, o.MaxBytes = 5*time.Minute, 1000, 1<<20
	}
	f := feed.New(o)
	b.mu.Lock()
	b.nodes[id], b.lines[id] = f, line
	b.mu.Unlock()
	b.done.Go(func() {
		for m := range line {
			time.Sleep(rand.N(30 * time.Millisecond))
			b.mu.Lock()
			b.carried++
			to := make(map[scenecast.NodeID]*feed.Feed)
			for other, f := range b.nodes {
				if other != id && other != b.deaf && !b.lose && !b.cut[[2]scenecast.NodeID{id, other}] && (b.drop == nil || !b.drop(m)) {
					to[other] = f
				}
			}
			b.mu.Unlock()
			for _, f := range to {
				if !feed.IsMessage(m) {
					panic("not a message of the feed")
				}
				f.Received(m)
			}
		}
	})
	f.Start()
	return f
}

// with changes what the bus does.
func (b *bus) with(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

func (b *bus) sent() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.carried
}

// die ends a node without a word.
func (b *bus) die(id scenecast.NodeID) {
	b.mu.Lock()
	f := b.nodes[id]
	delete(b.nodes, id)
	b.mu.Unlock()
	f.Close()
}

func (b *bus) stop() {
	for _, id := range b.ids() {
		b.die(id)
	}
	for _, line := range b.lines {
		close(line)
	}
	b.done.Wait()
}

func emit(f *feed.Feed, id, page string) {
	if f.Wants("shop", event.Connected) {
		f.Emit(event.Event{ID: id, Type: event.Connected, At: time.Now(), Data: event.Data{
			App: "shop", Labels: label.New(label.Label{Key: "page", Value: page}), Node: 7,
		}})
	}
}

// reader reads a stream as a client does.
type reader struct {
	*feed.Stream
	got    []string
	cursor string
	missed int
}

func open(t *testing.T, f *feed.Feed, since string) *reader {
	t.Helper()
	o := feed.StreamOptions{App: "shop"}
	if since != "" {
		c, err := feed.ParseCursor(since)
		if err != nil {
			t.Fatal(err)
		}
		o.Since = c
	}
	s, err := f.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{Stream: s}
	for !r.read(t) {
	}
	return r
}

// read reads a part; ready: it was the first one.
func (r *reader) read(t *testing.T) (ready bool) {
	t.Helper()
	p, err := r.Next(context.Background(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if p.Missed {
		r.missed++
	}
	for _, e := range p.Events {
		r.got = append(r.got, e.ID)
		r.cursor = string(e.Cursor)
	}
	r.cursor = string(p.Cursor)
	return p.Ready
}
