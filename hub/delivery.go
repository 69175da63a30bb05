package hub

import (
	"sync"

	"scenecast"
)

// delivery is one push on its way through the shards, which share what it looks like on each wire.
type delivery struct {
	push    *scenecast.Push
	receipt *receipt // nil: nobody waits for more than what is queued

	mu     sync.Mutex
	frames []encoded // one per wire variant: a handful at most, so a list is searched faster than a map
}

type encoded struct {
	by    scenecast.Protocol
	frame *scenecast.Frame
}

// encode is the push in the encoder's wire form, made the first time that any shard needs it.
func (d *delivery) encode(by scenecast.Protocol) *scenecast.Frame {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.frames {
		if e.by == by {
			return e.frame
		}
	}
	f := &scenecast.Frame{Data: by.EncodePush(d.push, scenecast.Live), Coalesce: d.push.Coalesce}
	if d.receipt != nil {
		asked := by.Traits().Acknowledges
		f.Done = func(_ uint32, written bool) { d.receipt.settle(written, asked) }
	}
	d.frames = append(d.frames, encoded{by, f})
	return f
}

// settle tells the receipt what has become of the push on a connection of this protocol, if there is one.
func (d *delivery) settle(written bool, by scenecast.Protocol) {
	if d.receipt != nil {
		d.receipt.settle(written, by.Traits().Acknowledges)
	}
}

// adder is a tally or a reply: what a pointer to can be added to.
type adder[T any] interface {
	*T
	Add(other T)
}

// sum adds up the answers of the shards and reports when it has as many as it was told.
type sum[T any, P adder[T]] struct {
	mu      sync.Mutex
	total   T
	missing int
	report  func(T)
}

func newSum[T any, P adder[T]](missing int, start T, report func(T)) *sum[T, P] {
	return &sum[T, P]{total: start, missing: missing, report: report}
}

func (s *sum[T, P]) add(answer T) {
	s.mu.Lock()
	P(&s.total).Add(answer)
	s.missing--
	done, total := s.missing == 0, s.total
	s.mu.Unlock()
	if done {
		s.report(total)
	}
}
