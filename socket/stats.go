package socket

import (
	"time"

	"scenecast/histogram"
)

// roundBounds are those of the histograms of a loop.
var roundBounds = []time.Duration{
	100 * time.Microsecond, time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second,
}

// Stats say how late a loop looks up, since its start and now.
type Stats struct {
	// Rounds is how long its rounds were. While one lasts, the loop looks at nothing that comes. A wait for something to do is in none,
	// and neither is the time for which a handover holds the loop.
	Rounds histogram.Snapshot
	// Waits is how long tasks had waited when the loop took them up: of those that it takes up together, the one that waited longest.
	Waits histogram.Snapshot
	// Stalled is how long the round lasts that is under way; 0: the loop waits for something to do.
	Stalled time.Duration
	// Tasks are those that wait, and Waiting is how long the first of them has.
	Tasks   int
	Waiting time.Duration
}

// Stats tells how the loop does. Any goroutine may call it.
func (l *Loop) Stats() Stats {
	s := Stats{Rounds: l.rounds.Snapshot(), Waits: l.waits.Snapshot()}
	l.mu.Lock()
	defer l.mu.Unlock()
	if began := l.round.Load(); began != 0 {
		s.Stalled = max(0, l.elapsed()-time.Duration(began))
	}
	if s.Tasks = len(l.tasks); s.Tasks > 0 {
		s.Waiting = l.elapsed() - l.posted
	}
	return s
}

// beginRound notes that a round begins, and returns the loop's time. The owner's goroutine only, as endRound.
func (l *Loop) beginRound() (now time.Duration) {
	now = l.elapsed()
	l.round.Store(max(1, int64(now)))
	return now
}

func (l *Loop) endRound() {
	l.rounds.Observe(l.elapsed() - time.Duration(l.round.Load()))
	l.round.Store(0)
}
