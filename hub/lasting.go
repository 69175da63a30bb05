package hub

import (
	"slices"
	"sort"
	"time"

	"scenecast"
)

// lasting is a push with a ttl, as a shard knows it: pages that come to match it within that time get it too, each once.
type lasting struct {
	push  *scenecast.Push
	until time.Time
	got   slotSet // members of this shard that have got it
}

func (l *lasting) hasEnded(now time.Time) bool { return !now.Before(l.until) }

// lastings are those of an app, in the order of the log.
type lastings struct {
	all     []*lasting
	bytes   int       // of their messages
	soonest time.Time // none ends before
}

// What may last at a time in an app: every page that joins is held against each, and they are kept. When there are more, the
// oldest ends early.
const (
	MaxLasting      = 10_000
	MaxLastingBytes = 64 << 20 // of messages
)

// behind are those after a place in the log.
func (ls *lastings) behind(seq uint64) []*lasting {
	if ls == nil {
		return nil
	}
	return ls.all[sort.Search(len(ls.all), func(i int) bool { return ls.all[i].push.Position.Seq > seq }):]
}

// find is the one with this place in the log; nil: it does not last.
func (ls *lastings) find(seq uint64) *lasting {
	if behind := ls.behind(seq - 1); len(behind) > 0 && behind[0].push.Position.Seq == seq {
		return behind[0]
	}
	return nil
}

// add has one more push last. The newest of a retain key takes the place of the one before.
func (ls *lastings) add(l *lasting, now time.Time) {
	retain := l.push.Retain
	if retain != "" || !now.Before(ls.soonest) {
		ls.drop(func(other *lasting) bool { return other.hasEnded(now) || retain != "" && other.push.Retain == retain })
	}
	if len(ls.all) == 0 || l.until.Before(ls.soonest) {
		ls.soonest = l.until
	}
	ls.all = append(ls.all, l)
	ls.bytes += len(l.push.Message.Data)
	for len(ls.all) > MaxLasting || ls.bytes > MaxLastingBytes {
		ls.bytes -= len(ls.all[0].push.Message.Data)
		ls.all = slices.Delete(ls.all, 0, 1)
	}
}

// drop ends those of which the answer is yes.
func (ls *lastings) drop(ends func(*lasting) bool) {
	ls.soonest = time.Time{}
	ls.bytes = 0
	ls.all = slices.DeleteFunc(ls.all, func(l *lasting) bool {
		if ends(l) {
			return true
		}
		if ls.soonest.IsZero() || l.until.Before(ls.soonest) {
			ls.soonest = l.until
		}
		ls.bytes += len(l.push.Message.Data)
		return false
	})
}

// last has a push last that these members have got.
func (s *Shard) last(p *scenecast.Push, members []uint32) {
	ls := s.lasting[p.App]
	if ls == nil {
		ls = new(lastings)
		s.lasting[p.App] = ls
	}
	ls.add(&lasting{p, p.At.Add(p.TTL), newSlotSet(members)}, time.Now())
}

// catchLateSoon is catchLate for a member that has been relabelled. It comes behind whatever is being done: an answer to the
// page's own request above all, behind which pushes are those of the new scene.
func (s *Shard) catchLateSoon(slot scenecast.Slot) {
	if s.lasting[s.app(s.at(slot)).app] != nil {
		s.loop.Post(func() { s.catchLate(slot, 0) })
	}
}

// catchLate gives a member the lasting pushes behind a place in the log that it matches and has not got yet. They may be many:
// they go in steps, as a catch-up does. A member that is catching up comes to them when it has.
func (s *Shard) catchLate(slot scenecast.Slot, after uint64) {
	m := s.at(slot)
	if m == nil || m.catchingUp {
		return
	}
	k := s.kinds.all[m.kind]
	ls := s.lasting[k.app.app]
	if ls == nil {
		return
	}
	now := time.Now()
	labels := k.app.index.Labels(slot.Index)
	var frames []byte
	var sent []*lasting
	ended, more := false, false
	for _, l := range ls.behind(after) {
		if l.hasEnded(now) {
			ended = true
			continue
		}
		if l.got.has(slot.Index) || !l.push.To.Match(labels) {
			continue
		}
		frame := k.protocol.EncodePush(l.push, scenecast.Late)
		if more = len(frames) > 0 && len(frames)+len(frame) > stepBytes; more {
			break
		}
		frames = append(frames, frame...)
		sent = append(sent, l)
	}
	if ended {
		s.forgetEnded(k.app.app, now)
	}
	if len(sent) == 0 || !s.loop.Send(slot, frames) {
		return // there is nothing, or its outbox is full, or it has been closed for that
	}
	for _, l := range sent {
		l.got.set(slot.Index)
	}
	if more {
		last := sent[len(sent)-1].push.Position.Seq
		s.loop.OnWritten(slot, func() { s.catchLate(slot, last) })
	}
}

func (s *Shard) forgetEnded(app string, now time.Time) {
	ls := s.lasting[app]
	ls.drop(func(l *lasting) bool { return l.hasEnded(now) })
	if len(ls.all) == 0 {
		delete(s.lasting, app)
	}
}
