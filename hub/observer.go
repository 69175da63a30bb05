package hub

import (
	"scenecast"
	"scenecast/label"
)

// Observer is told what changes among the connections of a hub: presence is made of that, and hooks. Its methods are called on the
// owner goroutines of the shards, on several at once but in order for each connection. They must not wait, and must not call the hub.
type Observer interface {
	// Joined is called when a connection has joined, before its protocol knows of it.
	Joined(c Member)
	// Relabelled is called when a connection has other labels; before is what it had.
	Relabelled(c Member, before label.Set)
	// Left is called when a connection has ended, and still has its labels.
	Left(c Member, e scenecast.Ending)
}

// GapObserver is an Observer that is also told when a connection has missed pushes that it cannot get any more.
type GapObserver interface {
	MissedPushes(c Member, n scenecast.GapNotice)
}

// AdmissionObserver is an Observer that is also told with what a connection was admitted, after Joined. It is not told of one that was taken
// over from another process.
type AdmissionObserver interface {
	Admitted(c Member, a scenecast.Admission)
}

// Member is one connection as an observer sees it. It is valid only during the call.
type Member interface {
	ID() scenecast.ConnID
	App() string
	Labels() label.Set
	// Trusted reports whether the key was set by the page's token or by the backend.
	Trusted(key string) bool
	// Address is where the connection is found later.
	Address() Address
	// SetTracked notes something about the connection, as long as it is here: that presence keeps a record of it. So nobody needs to look
	// for the record of one that has none.
	SetTracked(tracked bool)
	// Tracked is what was noted last; false: nothing was.
	Tracked() bool
}

// observers are several of them as one: each is told, in their order.
type observers []Observer

func (o observers) joined(c Member) {
	for _, each := range o {
		each.Joined(c)
	}
}

func (o observers) relabelled(c Member, before label.Set) {
	for _, each := range o {
		each.Relabelled(c, before)
	}
}

func (o observers) missedPushes(c Member, n scenecast.GapNotice) {
	for _, each := range o {
		if g, ok := each.(GapObserver); ok {
			g.MissedPushes(c, n)
		}
	}
}

func (o observers) admitted(c Member, a scenecast.Admission) {
	for _, each := range o {
		if of, ok := each.(AdmissionObserver); ok {
			of.Admitted(c, a)
		}
	}
}

func (o observers) left(c Member, e scenecast.Ending) {
	for _, each := range o {
		each.Left(c, e)
	}
}
