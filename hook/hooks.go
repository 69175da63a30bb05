package hook

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/hook/event"
	"scenecast/hub"
	"scenecast/label"
)

// Sink is told of events. Its methods are called on event loops too, so they never wait. Safe for concurrent use.
type Sink interface {
	// Wants reports whether events of an app and a type concern the sink at all.
	Wants(app string, of event.Type) bool
	// Emit tells of an event, of which the sink takes what it wants.
	Emit(e event.Event)
}

// Hooks tell sinks what happens at this node. They are an observer of the hub. Safe for concurrent use.
type Hooks struct {
	node scenecast.NodeID

	sinks atomic.Pointer[[]Sink]
}

var (
	_ hub.Observer    = (*Hooks)(nil)
	_ hub.GapObserver = (*Hooks)(nil)
)

// New makes hooks without sinks.
func New(node scenecast.NodeID) *Hooks { return &Hooks{node: node} }

// SetSinks says who is told from now on.
func (h *Hooks) SetSinks(sinks []Sink) { h.sinks.Store(&sinks) }

// Wants reports whether anybody is told of events of an app and a type.
func (h *Hooks) Wants(app string, of event.Type) bool {
	for _, s := range h.all() {
		if s.Wants(app, of) {
			return true
		}
	}
	return false
}

// Emit tells all sinks of an event. It gives one an ID and a time that has none.
func (h *Hooks) Emit(e event.Event) {
	if e.ID == "" {
		e.ID = h.NewID()
	}
	if e.At.IsZero() {
		e.At = time.Now()
	}
	e.Data.Node = cmp.Or(e.Data.Node, h.node)
	for _, s := range h.all() {
		s.Emit(e)
	}
}

// NewID is an ID that no other event, and no call of a backend, has in the cluster. It does not tell how many there are.
func (h *Hooks) NewID() string { return fmt.Sprintf("%v.%s", h.node, rand.Text()) }

func (h *Hooks) all() []Sink {
	if sinks := h.sinks.Load(); sinks != nil {
		return *sinks
	}
	return nil
}

// Joined implements hub.Observer.
func (h *Hooks) Joined(c hub.Member) {
	if h.Wants(c.App(), event.Connected) {
		h.Emit(event.Event{Type: event.Connected, Data: dataOf(c)})
	}
}

// Relabelled implements hub.Observer.
func (h *Hooks) Relabelled(c hub.Member, before label.Set) {
	if h.Wants(c.App(), event.Relabelled) && !withoutWatch(before).Equal(withoutWatch(c.Labels())) {
		data := dataOf(c)
		data.Before = withoutWatch(before)
		h.Emit(event.Event{Type: event.Relabelled, Data: data})
	}
}

// Left implements hub.Observer.
func (h *Hooks) Left(c hub.Member, e scenecast.Ending) {
	if h.Wants(c.App(), event.Disconnected) {
		data := dataOf(c)
		data.Cause, data.Code = e.Cause.String(), int(e.Code)
		h.Emit(event.Event{Type: event.Disconnected, Data: data})
	}
}

// MissedPushes implements hub.GapObserver.
func (h *Hooks) MissedPushes(c hub.Member, n scenecast.GapNotice) {
	if h.Wants(c.App(), event.Gap) {
		data := dataOf(c)
		data.Cause, data.Position = string(n.Reason), n.Newest.String()
		h.Emit(event.Event{Type: event.Gap, Data: data})
	}
}

func dataOf(c hub.Member) event.Data {
	return event.Data{App: c.App(), Connection: c.ID(), Labels: withoutWatch(c.Labels())}
}

// withoutWatch are labels without those that say what a page watches: they are the server's own notes, and change with each watch.
func withoutWatch(labels label.Set) label.Set {
	if !labels.Has(scenecast.LabelWatch) && !labels.Has(scenecast.LabelWatching) {
		return labels
	}
	return labels.With(scenecast.LabelWatch).With(scenecast.LabelWatching)
}
