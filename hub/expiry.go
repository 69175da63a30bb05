package hub

import (
	"container/heap"
	"time"

	"scenecast"
)

// tokenState is what the hub keeps of the token of a member, where that says more than whose credential it is.
type tokenState struct {
	scenecast.Token
	index  uint32    // of the member's slot
	due    time.Time // when something is to be done: the page told of the end, or closed
	told   bool      // that the end is near
	inHeap int       // its place in the heap; -1: it never ends
}

// tokens are the tokens of a shard's members, those that end in a heap: so there is one timer for all of them. Members whose tokens say
// nothing, as those of the configuration do, are not among them.
type tokens struct {
	byIndex map[uint32]*tokenState
	heap    expiryHeap
	timer   *time.Timer
	wakes   time.Time // when the timer fires; zero: it does not run
}

// expiryHeap has what is due first at its root (container/heap).
type expiryHeap []*tokenState

func (h expiryHeap) Len() int           { return len(h) }
func (h expiryHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h expiryHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].inHeap, h[j].inHeap = i, j
}

func (h *expiryHeap) Push(x any) {
	t := x.(*tokenState)
	t.inHeap = len(*h)
	*h = append(*h, t)
}

func (h *expiryHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.inHeap = -1
	return t
}

// setToken notes the token that a member has from now on.
func (s *Shard) setToken(index uint32, t scenecast.Token) {
	s.tokens.remove(index)
	if t.ExpiresAt.IsZero() && t.IssuedAt.IsZero() && t.ID == "" {
		return
	}
	state := &tokenState{Token: t, index: index, inHeap: -1}
	if s.tokens.byIndex == nil {
		s.tokens.byIndex = make(map[uint32]*tokenState)
	}
	s.tokens.byIndex[index] = state
	if t.ExpiresAt.IsZero() {
		return
	}
	state.due, state.told = t.ExpiresAt, true
	if t.Notice > 0 {
		// Half of a short time is left to the page.
		state.due, state.told = t.ExpiresAt.Add(-min(t.Notice, time.Until(t.ExpiresAt)/2)), false
	}
	heap.Push(&s.tokens.heap, state)
	s.scheduleExpiry()
}

// remove forgets the token of a member.
func (t *tokens) remove(index uint32) {
	state := t.byIndex[index]
	if state == nil {
		return
	}
	delete(t.byIndex, index)
	if state.inHeap >= 0 {
		heap.Remove(&t.heap, state.inHeap)
	}
}

// scheduleExpiry has the timer fire when the next token is due.
func (s *Shard) scheduleExpiry() {
	t := &s.tokens
	if len(t.heap) == 0 || !t.wakes.IsZero() && !t.heap[0].due.Before(t.wakes) {
		return
	}
	if t.timer != nil {
		t.timer.Stop()
	}
	t.wakes = t.heap[0].due
	t.timer = time.AfterFunc(min(time.Until(t.wakes), longestSleep), func() { s.loop.PostBackground(s.expire) })
}

// longestSleep bounds how late a token ends where somebody sets the clock forward: timers do not notice, and tokens end by the clock.
const longestSleep = time.Minute

// expiriesAtOnce is how many members a slice tells of the end of their token, or closes.
const expiriesAtOnce = 8

// expire does what is due about tokens. It reports whether more is.
func (s *Shard) expire() (more bool) {
	t := &s.tokens
	now := time.Now()
	for range expiriesAtOnce {
		if len(t.heap) == 0 || now.Before(t.heap[0].due) {
			t.wakes = time.Time{}
			s.scheduleExpiry()
			return false
		}
		state := t.heap[0]
		slot := s.slot(state.index)
		if !state.told {
			state.due, state.told = state.ExpiresAt, true
			heap.Fix(&t.heap, 0)
			s.tellExpiring(slot, state.ExpiresAt.Sub(now))
			continue
		}
		s.close(slot, scenecast.EndingBy(scenecast.CauseTokenExpired, "the page's token has expired"))
	}
	return true
}

// tellExpiring tells a page that its token ends, where its wire can.
func (s *Shard) tellExpiring(slot scenecast.Slot, in time.Duration) {
	if encode := s.classes.all[s.members.at(slot.Index).class].protocol.Traits().EncodeExpiring; encode != nil {
		s.loop.Send(slot, encode(in))
	}
}
