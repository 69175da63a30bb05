package feed

import (
	"bytes"
	"sync"

	"scenecast/hook/event"
	"scenecast/label"
)

// view is how much of an event a listener may know.
type view int

const (
	whole          view = iota // who is not confined
	confined                   // who is: not what tells of more than the page that the event is of
	confinedBefore             // … who may know as well which labels the page had before
	views
)

// of is what the view has of an event. For a confined listener that is nothing of the node, of the position, which counts everybody's pushes, of labels
// with which the page was not within the confinement, and of a push nothing of its trace.
func (v view) of(e event.Event) event.Event {
	if v == whole {
		return e
	}
	e.Data.Node, e.Data.Position = 0, ""
	if v == confined {
		e.Data.Before = label.Set{}
	}
	if e.Type == event.Pushed {
		e.Trace = nil
	}
	return e
}

// telling is an event while the streams are told of it, with feed.mu held.
type telling struct {
	item  *item
	views [views]*shared // made for the first stream that has the view
}

func (t *telling) share(v view) *shared {
	if t.views[v] == nil {
		t.views[v] = &shared{item: item{t.item.node, t.item.stamp, v.of(t.item.event)}}
	}
	return t.views[v]
}

// shared is an event for those streams of this node that have the same view of it. Nothing in it is of one stream alone, and the event does not change.
type shared struct {
	item
	streams int // that are told of it; written with feed.mu held, until all are

	mu   sync.Mutex
	json []byte // what event.AppendJSON appends; nil: nothing has been encoded yet, or a single stream needs it
}

// appendJSON appends the event as JSON, which the first stream of several encodes for all of them.
func (e *shared) appendJSON(b []byte) []byte {
	if e.streams == 1 {
		return e.event.AppendJSON(b)
	}
	e.mu.Lock()
	encoded := e.json
	if encoded == nil {
		begin := len(b)
		b = e.event.AppendJSON(b)
		e.json = bytes.Clone(b[begin:])
	}
	e.mu.Unlock()
	return append(b, encoded...)
}
