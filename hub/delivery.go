package hub

import (
	"sync"

	"scenecast"
	"scenecast/hub/receipt"
)

// delivery is one push on its way through the shards, which share its encoded frames.
type delivery struct {
	push    *scenecast.Push
	receipt *receipt.Receipt // nil: nobody waits for more than what is queued

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
	f := &scenecast.Frame{Data: by.EncodePush(d.push, scenecast.Live), Coalesce: d.push.CoalesceKey()}
	d.frames = append(d.frames, encoded{by, f})
	return f
}

// tracked is the frame of a wire with a Done, from frames, or made and added to them. They are those of one delivery on one shard.
func tracked(f *scenecast.Frame, done func(slot uint32, written bool), by scenecast.Protocol, frames []encoded) (*scenecast.Frame, []encoded) {
	for _, e := range frames {
		if e.by == by {
			return e.frame, frames
		}
	}
	f = f.WithDone(done)
	return f, append(frames, encoded{by, f})
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
