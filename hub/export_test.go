package hub

import (
	"fmt"
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

// Tokens is how many tokens a shard keeps something of.
func Tokens(s *Shard) int { return len(s.tokens.byIndex) }

// Trusts reports whether a member's key is trusted.
func Trusts(s *Shard, slot scenecast.Slot, key string) bool { return s.viewOf(slot).Trusted(key) }

// CheckTokens returns what is wrong with the tokens of a shard.
func CheckTokens(s *Shard) error {
	t := &s.tokens
	for i, state := range t.heap {
		if state.inHeap != i || t.byIndex[state.index] != state || i > 0 && t.heap.Less(i, (i-1)/2) {
			return fmt.Errorf("token %d of the heap, of slot %d, is out of place", i, state.index)
		}
	}
	if len(t.heap) > 0 && (t.wakes.IsZero() || t.heap[0].due.Before(t.wakes)) {
		return fmt.Errorf("the timer fires at %v, and something is due at %v", t.wakes, t.heap[0].due)
	}
	return nil
}
