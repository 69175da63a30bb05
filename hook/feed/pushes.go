package feed

import (
	"slices"
	"sync"

	"scenecast"
	"scenecast/hook/event"
)

// pushes are those that the streams are still to be told of. They are told by a goroutine of the feed: the engine holds its lock while a push
// is delivered, and the feed asks the engine for its nodes while it holds its own.
type pushes struct {
	more chan struct{} // holds a signal while there are some

	mu   sync.Mutex
	list []*scenecast.Push
	lost bool // there were too many
}

// Pushed tells the streams that listen for pushes of one that this node delivers, as every node does in the same order: so each stream hears
// of it by its own node, and of those that were published while it was not there not at all. It does not wait. While nobody listens for
// pushes, it does nothing.
func (f *Feed) Pushed(p *scenecast.Push) {
	if f.pushListeners.Load() == 0 {
		return
	}
	f.pushes.mu.Lock()
	if len(f.pushes.list) < maxQueued {
		f.pushes.list = append(f.pushes.list, p)
	} else {
		f.pushes.lost = true
	}
	f.pushes.mu.Unlock()
	signal(f.pushes.more)
}

// tellPushes tells the streams of the pushes that wait.
func (f *Feed) tellPushes() {
	f.pushes.mu.Lock()
	list, lost := f.pushes.list, f.pushes.lost
	f.pushes.list, f.pushes.lost = nil, false
	f.pushes.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range list {
		i := item{f.o.Node, f.stamp(), event.Event{ID: "push." + p.ID, Type: event.Pushed, At: p.At, Trace: p.Trace, Data: event.Data{
			App: p.App, Push: p.ID, Position: p.Position.String(), To: p.To.String(), Event: p.Message.Event,
		}}}
		t := telling{item: &i}
		for s := range f.streams {
			s.pushed(p, &t)
		}
	}
	for s := range f.streams {
		if lost && s.listensForPushes() {
			s.missedSome()
		}
	}
}

func (s *Stream) listensForPushes() bool { return slices.Contains(s.o.Types, event.Pushed) }

// pushed, with mu held, queues the event of a push, if the listener may know of that: one that is confined hears of the pushes that were made
// with its confinement, without their positions, which count those of others.
func (s *Stream) pushed(p *scenecast.Push, t *telling) {
	as := whole
	if !s.o.Within.IsZero() {
		as = confined
	}
	if p.App != s.o.App || !s.listensForPushes() || as == confined && p.Confinement != s.o.Within.String() {
		return
	}
	s.newest[t.item.node] = t.item.stamp
	s.enqueue(t.share(as))
}
