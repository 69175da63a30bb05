package hub

import (
	"time"

	"scenecast"
	"scenecast/hub/replay"
)

// latePass is a member's way through the pushes that last, for those that it matches and has not got. A member has one at most, however
// often it is relabelled, and it goes in steps that the loop runs in the background, in turn with those of others: so no page, and no
// change of many pages, keeps the loop from the rest. After each send it waits until the kernel has taken that.
type latePass struct {
	slot  scenecast.Slot
	after uint64   // the place in the log up to which it has looked
	again bool     // the labels have changed since it began: it begins again when it is at its end
	sent  []uint64 // what was sent and is not known to be written
}

// The work of one step of all late passes together, in labels that audiences look at: a step takes some 50 µs.
const (
	lateStepWork = 2000
	latePassWork = 40  // to look at a member at all
	lateSendWork = 200 // to send
)

// startLatePass gives a member the pushes that last and that it matches, behind whatever is being done: an answer to the page's own
// request above all, behind which pushes are those of the new scene. A member that is catching up comes to them when it has.
func (s *Shard) startLatePass(slot scenecast.Slot) {
	m := s.at(slot)
	if m == nil || m.is(catchingUp) || s.ttlStores[s.app(m).app].Len() == 0 {
		return
	}
	if p := s.latePasses[slot.Index]; p != nil {
		p.again = true
		return
	}
	p := &latePass{slot: slot}
	s.latePasses[slot.Index] = p
	s.resumeLatePass(p)
}

// resumeLatePass has a pass go on when it is its turn.
func (s *Shard) resumeLatePass(p *latePass) {
	s.readyLate = append(s.readyLate, p)
	if !s.runsLate {
		s.runsLate = s.loop.PostBackground(s.stepLatePasses)
	}
}

// stepLatePasses is one step of all late passes together. It reports whether there is more to do.
func (s *Shard) stepLatePasses() bool {
	for work := lateStepWork; work > 0 && len(s.readyLate) > 0; {
		p := s.readyLate[0]
		s.readyLate[0] = nil
		s.readyLate = s.readyLate[1:]
		if s.latePasses[p.slot.Index] == p {
			work = s.stepLatePass(p, work)
		}
	}
	s.runsLate = len(s.readyLate) > 0
	return s.runsLate
}

// stepLatePass goes on with one pass, and returns what is left of the work.
func (s *Shard) stepLatePass(p *latePass, work int) (left int) {
	m := s.at(p.slot)
	if m.is(catchingUp) { // when it has caught up, it begins again
		delete(s.latePasses, p.slot.Index)
		return work
	}
	k := s.classes.all[m.class]
	store := s.ttlStores[k.app.app]
	now := time.Now()
	store.Expire(now)
	if store.Len() == 0 {
		delete(s.latePasses, p.slot.Index)
		return work - latePassWork
	}
	var frames [][]byte
	bytes := 0
	labels, traits := k.app.index.Labels(p.slot.Index), k.protocol.Traits()
	at, work, ended := store.Step(p.slot.Index, labels, p.after, now, work-latePassWork, func(push *scenecast.Push) bool {
		frame := s.hub.frames.Encode(push, k.protocol, scenecast.Late, traits.TopicOf(push, labels))
		if bytes > 0 && bytes+len(frame) > replay.StepBytes {
			return false
		}
		bytes += len(frame)
		frames = append(frames, frame)
		p.sent = append(p.sent, push.Position.Seq)
		return true
	})
	p.after = at
	if len(frames) == 0 {
		s.goOnLate(p, ended)
		return work
	}
	chunk := make([]byte, 0, bytes)
	for _, frame := range frames {
		chunk = append(chunk, frame...)
	}
	work -= lateSendWork + bytes/64
	if !s.loop.Send(p.slot, chunk) {
		delete(s.latePasses, p.slot.Index) // its outbox is full: there is no use in going on
		return work
	}
	for _, seq := range p.sent {
		store.Delivered(p.slot.Index, seq)
	}
	s.loop.OnWritten(p.slot, func() {
		if s.latePasses[p.slot.Index] == p {
			p.sent = nil
			s.goOnLate(p, ended)
		}
	})
	return work
}

// goOnLate has a pass go on, or begin again, or end.
func (s *Shard) goOnLate(p *latePass, ended bool) {
	switch {
	case !ended:
		s.resumeLatePass(p)
	case p.again:
		p.after, p.again = 0, false
		s.resumeLatePass(p)
	default:
		delete(s.latePasses, p.slot.Index)
	}
}

// abandonLatePass ends the pass of a member that leaves. What was on its way to it, it has not got: it has no position that would bring
// it back.
func (s *Shard) abandonLatePass(index uint32) {
	p := s.latePasses[index]
	if p == nil {
		return
	}
	delete(s.latePasses, index)
	store := s.ttlStores[s.app(s.members.at(index)).app]
	for _, seq := range p.sent {
		store.NotDelivered(index, seq-1, seq)
	}
}
