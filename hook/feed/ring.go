package feed

import (
	"sort"

	"scenecast"
	"scenecast/hook/event"
	"scenecast/label"
)

// item is an event of a node.
type item struct {
	node  scenecast.NodeID
	stamp int64 // when, in µs; of the events of a node no two have the same
	event event.Event
}

// size is about what it takes in memory.
func (i item) size() int64 {
	d := i.event.Data
	n := 300 + len(i.event.ID) + len(d.Key) + len(d.Value) + len(d.User) + len(d.Trigger) + len(d.By) + len(d.Push) + len(d.Position)
	for _, s := range []label.Set{d.Labels, d.Before} {
		for l := range s.All() {
			n += 48 + len(l.Key) + len(l.Value)
		}
	}
	return int64(n)
}

// ring keeps the newest events of one app at this node.
type ring struct {
	began   int64 // when this node began to keep events of the app
	dropped int64 // the stamp of the newest that is not kept any more
	items   []item
	bytes   int64
}

func (r *ring) add(i item, o Options) {
	r.items = append(r.items, i)
	r.bytes += i.size()
	n := 0
	for len(r.items)-n > o.MaxEvents || r.bytes > o.MaxBytes {
		r.bytes -= r.items[n].size()
		n++
	}
	r.drop(n)
}

// forget drops what is older.
func (r *ring) forget(than int64) {
	n := r.find(than)
	for _, i := range r.items[:n] {
		r.bytes -= i.size()
	}
	r.drop(n)
}

func (r *ring) drop(n int) {
	if n == 0 {
		return
	}
	r.dropped = r.items[n-1].stamp
	clear(r.items[:n]) // lets the collector have them; append moves the rest when the slice is full
	r.items = r.items[n:]
}

// find is the index of the first event behind a stamp.
func (r *ring) find(stamp int64) int {
	return sort.Search(len(r.items), func(i int) bool { return r.items[i].stamp > stamp })
}
