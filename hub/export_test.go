package hub

import "scenecast"

// Position is where a shard is in the log.
func Position(s *Shard) scenecast.Position { return s.position }

// CatchingUp is how many members of a shard are catching up.
func CatchingUp(s *Shard) int { return len(s.catchUps) }

// Awaiting is how many pushes a shard takes acknowledgements of.
func Awaiting(s *Shard) int { return len(s.awaiting) }

// Lasting is how many pushes of an app last on a shard.
func Lasting(s *Shard, app string) int {
	if ls := s.lasting[app]; ls != nil {
		return len(ls.all)
	}
	return 0
}

// Departed is of how many pages the hub remembers what they had got.
func Departed(h *Hub) int { return len(h.departed.pages) }

// Depart has a page of the app "a" leave that has got these pushes.
func Depart(h *Hub, id string, seqs []uint64) { h.departed.leave(pageName{"a", id}, seqs) }

// StepsAtATime is how many steps run together.
func StepsAtATime() int { return stepsAtATime() }

// The bounds that tests go over.
const (
	StepBytes    = stepBytes
	MostChapters = mostChapters
	MostDeparted = mostDeparted
	MostSeqs     = mostSeqs
	AwaitMost    = awaitMost
	AwaitFor     = awaitFor
)
