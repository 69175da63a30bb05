package hub

import (
	"sync"

	"scenecast"
)

// delivery is one push on its way through the shards, which share what it looks like on each wire.
type delivery struct {
	push scenecast.Push

	mu     sync.Mutex
	frames []encoded // one per wire variant: a handful at most, so a list is searched faster than a map
}

type encoded struct {
	by    scenecast.Encoder
	frame []byte
}

// encode is the push in the encoder's wire form, made the first time that any shard needs it.
func (d *delivery) encode(by scenecast.Encoder) encoded {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.frames {
		if e.by == by {
			return e
		}
	}
	e := encoded{by, by.EncodePush(&d.push)}
	d.frames = append(d.frames, e)
	return e
}

// sum adds up the tallies of the shards and reports when it has as many as it was told.
type sum struct {
	mu      sync.Mutex
	tally   scenecast.Tally
	missing int
	report  func(scenecast.Tally)
}

func newSum(missing int, report func(scenecast.Tally)) *sum {
	return &sum{tally: scenecast.Tally{Nodes: 1}, missing: missing, report: report}
}

func (s *sum) add(t scenecast.Tally) {
	s.mu.Lock()
	s.tally.Add(t)
	s.missing--
	done, tally := s.missing == 0, s.tally
	s.mu.Unlock()
	if done {
		s.report(tally)
	}
}
