package hub

import (
	"slices"
	"sync"
	"time"

	"scenecast"
	"scenecast/label"
)

// lasting is a push with a ttl: pages that come to match it within that time get it too, each once. All shards share it.
type lasting struct {
	push  *scenecast.Push
	until time.Time

	mu    sync.Mutex
	pages map[string]struct{} // that have got it and have left
}

// newLasting is nil for a push without a ttl.
func newLasting(p *scenecast.Push) *lasting {
	if p.TTL == 0 {
		return nil
	}
	return &lasting{push: p, until: p.At.Add(p.TTL)}
}

// leave notes that a page has left that has got the push.
func (l *lasting) leave(pageID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pages == nil {
		l.pages = make(map[string]struct{})
	}
	l.pages[pageID] = struct{}{}
}

// knows reports whether the page has got the push on an earlier connection.
func (l *lasting) knows(pageID string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.pages[pageID]
	return ok
}

// lastingHere is a lasting push as a shard knows it.
type lastingHere struct {
	*lasting
	got slotSet // members of this shard that have got it
}

// MaxLasting is how many pushes of an app may last at a time, which every page that joins is held against. When there are
// more, the oldest ends early.
const MaxLasting = 10_000

// last has a push last that these members have got. The newest of a retain key takes the place of the one before.
func (s *Shard) last(l *lasting, members []uint32) {
	all := slices.DeleteFunc(s.lasting[l.push.App], func(other *lastingHere) bool {
		return other.hasEnded() || l.push.Retain != "" && other.push.Retain == l.push.Retain
	})
	if len(all) >= MaxLasting {
		all = slices.Delete(all, 0, 1)
	}
	s.lasting[l.push.App] = append(all, &lastingHere{l, newSlotSet(members)})
}

func (l *lasting) hasEnded() bool { return !time.Now().Before(l.until) }

// catchLateSoon is catchLate for a member that has been relabelled. It comes behind whatever is being done: an answer to the
// page's own request above all, behind which pushes are those of the new scene.
func (s *Shard) catchLateSoon(slot scenecast.Slot) {
	if m := s.at(slot); m.catchingUp || len(s.lasting[s.app(m).app]) == 0 {
		return
	}
	s.loop.Post(func() {
		if m := s.at(slot); m != nil && !m.catchingUp {
			s.catchLate(slot, s.app(m).index.Labels(slot.Index))
		}
	})
}

// catchLate gives a member the lasting pushes that it matches with these labels and has not got yet.
func (s *Shard) catchLate(slot scenecast.Slot, labels label.Set) {
	m := s.at(slot)
	if m == nil {
		return
	}
	k := s.kinds.all[m.kind]
	all := s.lasting[k.app.app]
	if len(all) == 0 {
		return
	}
	pageID := s.pageID(slot.Index)
	ended := false
	for _, l := range all {
		switch {
		case l.hasEnded():
			ended = true
		case l.got.has(slot.Index) || !l.push.To.Match(labels) || pageID != "" && l.knows(pageID):
		case !s.loop.Send(slot, encodeLate(k.protocol, l.push)):
			return // its outbox is full, or it has been closed for that
		default:
			l.got.set(slot.Index)
		}
	}
	if ended {
		s.forgetEnded(k.app.app)
	}
}

func (s *Shard) forgetEnded(app string) {
	all := slices.DeleteFunc(s.lasting[app], func(l *lastingHere) bool { return l.hasEnded() })
	if len(all) == 0 {
		delete(s.lasting, app)
	} else {
		s.lasting[app] = all
	}
}

func encodeLate(p scenecast.Protocol, push *scenecast.Push) []byte {
	if late, ok := p.(scenecast.LateEncoder); ok {
		return late.EncodeLate(push)
	}
	return p.EncodePush(push)
}

// remember notes, for a member that leaves, what it has got and what it has not acknowledged: its slot will be another's.
func (s *Shard) remember(index uint32, app string) {
	if len(s.lasting[app]) == 0 && len(s.awaiting) == 0 {
		return
	}
	pageID := s.pageID(index)
	for _, l := range s.lasting[app] {
		if l.got.clear(index) && pageID != "" {
			l.leave(pageID)
		}
	}
	for i := range s.awaiting {
		if a := &s.awaiting[i]; a.members.clear(index) {
			a.receipt.leave(pageID)
		}
	}
}
