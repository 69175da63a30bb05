package hub

import (
	"unsafe"

	"scenecast"
	"scenecast/hub/receipt"
	"scenecast/hub/replay"
)

// Position is where a shard is in the log.
func Position(s *Shard) scenecast.Position { return s.position }

// CatchingUp is how many members of a shard are catching up.
func CatchingUp(s *Shard) int { return len(s.catchUps) }

// Awaiting is how many pushes a shard takes acknowledgements of.
func Awaiting(s *Shard) int { return s.receipts.Len() }

// Lasting is how many pushes of an app last on a shard.
func Lasting(s *Shard, app string) int {
	return s.ttlStores[app].Len()
}

// MemberBytes is what a connection takes in its shard, beside its labels.
const MemberBytes = unsafe.Sizeof(member{})

// Sweeping reports whether a shard comes again to let go of pushes whose ttl has passed.
func Sweeping(s *Shard) bool { return s.sweeping }

// Sessions is of how many pages the hub remembers what they have left behind.
func Sessions(h *Hub) int { return h.sessions.Len() }

// SessionBytes is how much memory that takes.
func SessionBytes(h *Hub) int { return h.sessions.Bytes() }

// Join has a page join with an ID that another node has given it.
func Join(s *Shard, slot scenecast.Slot, a scenecast.Admission, id scenecast.ConnID) {
	s.join(slot, a, id)
}

// LatePasses is how many members are being given pushes that last, and how many of them can go on.
func LatePasses(s *Shard) (all, ready int) { return len(s.latePasses), len(s.readyLate) }

// StepsAtATime is how many steps run together.
func StepsAtATime() int { return replay.StepsAtATime() }

// The bounds that tests go over.
const (
	StepBytes = replay.StepBytes
	MaxSpans  = replay.MaxSpans
	AwaitMost = receipt.MaxPushes
	AwaitFor  = receipt.MaxAge
)
