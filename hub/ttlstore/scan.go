package ttlstore

import (
	"time"

	"scenecast"
	"scenecast/label"
)

// costCandidate is what it costs to look at a push, beside its audience's size.
const costCandidate = 4

// Step looks for pushes behind a place in the log that a page matches and has not got, and gives them to send in the order of the log.
// If send returns false, it stops before that push. It stops also when it has done so much work, counted in labels that audiences look
// at (audience.Expr.Size), but not before it has looked at one push. It returns the last place that it has come by, what is left of the
// work, and whether there is nothing more.
func (s *Store) Step(slot uint32, labels label.Set, after uint64, now time.Time, work int, send func(p *scenecast.Push) bool) (at uint64, left int, ended bool) {
	var room [16]cursor
	cursors := s.filed.cursors(labels, after, room[:0])
	work -= len(cursors)
	for first := true; first || work > 0; first = false {
		e := next(cursors)
		if e == nil {
			return after, work, true
		}
		work -= costCandidate + len(cursors)
		if e.push != nil && now.Before(e.until) && e.block.got.Items(slot)&(1<<e.item) == 0 {
			work -= e.cost
			if e.push.To.Match(labels) && !send(e.push) {
				return after, work, false
			}
		}
		after = e.seq
	}
	return after, work, false
}
