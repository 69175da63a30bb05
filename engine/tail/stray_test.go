package tail

import (
	"errors"
	"testing"
	"time"

	"scenecast"
)

// TestStray: pushes of the epoch 1 come again in the epoch 3. Of positions in the epochs since, up to those, nobody can say whether a page has
// them: it is told a gap, and goes on behind them, with what has been pushed since.
func TestStray(t *testing.T) {
	now := time.Unix(1000, 0)
	l := NewLog(Options{})
	add := func(epoch, seq uint64) {
		p := pushAt(seq, now)
		p.Position.Epoch = epoch
		l.Add(p, new(Progress), now)
	}
	l.Begin(1, 0, 0)
	add(1, 5)
	l.Begin(2, 100, 5)
	add(2, 105)
	l.Begin(3, 200, 105)
	add(3, 205)
	add(3, 206)
	l.Stray(1, 205)
	add(3, 207)
	for _, c := range []struct {
		at     scenecast.Position
		goesOn uint64 // behind a gap; 0: there is none
	}{
		{scenecast.Position{Epoch: 1, Seq: 5}, 0},
		{scenecast.Position{Epoch: 1, Seq: 6}, 205},
		{scenecast.Position{Epoch: 2, Seq: 100}, 205},
		{scenecast.Position{Epoch: 2, Seq: 105}, 205},
		{scenecast.Position{Epoch: 3, Seq: 204}, 205},
		{scenecast.Position{Epoch: 3, Seq: 205}, 0},
		{scenecast.Position{Epoch: 3, Seq: 206}, 0},
		{scenecast.Position{Epoch: 4, Seq: 204}, 207}, // which is none of this log's: it begins at the end
	} {
		// Another node has told last that it was in the epoch before, which leaves nothing open.
		pushes, err := l.After(c.at, 10, now, scenecast.Position{Epoch: 2, Seq: 190})
		var gap *scenecast.GapError
		switch {
		case c.goesOn == 0 && err != nil:
			t.Errorf("behind %v: %v", c.at, err)
		case c.goesOn == 0:
		case !errors.As(err, &gap) || gap.Reason != scenecast.GapEpoch || gap.Newest != scenecast.Position{Epoch: 3, Seq: c.goesOn}:
			t.Errorf("behind %v: %v, %v; want a gap up to %d", c.at, pushes, err, c.goesOn)
		}
	}
	if pushes, err := l.After(scenecast.Position{Epoch: 3, Seq: 205}, 10, now, scenecast.Position{}); len(pushes) != 2 || err != nil {
		t.Errorf("behind the gap: %v, %v; want two pushes", pushes, err)
	}
}
