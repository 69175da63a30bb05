package hub

import (
	"errors"
	"time"

	"scenecast"
	"scenecast/hub/replay"
	"scenecast/label"
)

// catchUp is a member that has come back and is getting what it has missed; see hub/replay.
type catchUp struct {
	*replay.CatchUp
	slot scenecast.Slot
	app  string
	from uint64 // where its shard was when it began: what is behind that was delivered meanwhile
}

// askAfterEpoch is for how long after an epoch has begun the log is asked also for those who come back to where the shard is: pushes that
// it has lost, and a page may have, come again then, and the log knows of them. It is longer than any engine has pages wait for those.
const askAfterEpoch = 30 * time.Second

// moveTo notes where the shard is in the log.
func (s *Shard) moveTo(p scenecast.Position) {
	if p.Epoch != s.position.Epoch {
		s.epochBegan = time.Now()
	}
	s.position = p
}

// resume has a member go on where it was. What it has missed comes in steps, of which the first is to be taken; nil: it has missed
// nothing, or begins where its shard is.
func (s *Shard) resume(slot scenecast.Slot, r scenecast.Resume, labels label.Set) *catchUp {
	if !r.Wanted || r.Malformed || r.After == s.position && time.Since(s.epochBegan) > askAfterEpoch {
		return nil
	}
	return s.beginCatchUp(slot, r.After, labels)
}

// beginCatchUp has a member with these labels catch up that has everything up to a position.
func (s *Shard) beginCatchUp(slot scenecast.Slot, after scenecast.Position, labels label.Set) *catchUp {
	m := s.members.at(slot.Index)
	m.set(catchingUp)
	k := s.classes.all[m.class]
	c := &catchUp{replay.New(k.app.app, k.protocol, after, labels), slot, k.app.app, s.position.Seq}
	s.catchUps[slot.Index] = c
	s.hub.replayed.catchUps.Add(1)
	return c
}

// relabelFrom is relabel for a member that gets what is in the log and reaches it by the new labels alone.
func (s *Shard) relabelFrom(slot scenecast.Slot, before, next label.Set, from scenecast.History) {
	m := s.members.at(slot.Index)
	begins := !m.is(catchingUp)
	if begins {
		s.beginCatchUp(slot, s.position, before)
	}
	c := s.catchUps[slot.Index]
	if from.Last == 0 {
		s.ttlStores[c.app].DeliveredUpTo(slot.Index, from.After.Seq, func(p *scenecast.Push) bool { return p.To.Match(next) && !p.To.Match(before) })
	}
	s.relabel(slot, before, next)
	if !c.AddPart(from, s.position, before, next) {
		s.closeBacklog(c)
	}
	if begins {
		s.step(c)
	}
}

// isCatchingUp reports whether the catch-up goes on; otherwise its member has left.
func (s *Shard) isCatchingUp(c *catchUp) bool { return s.catchUps[c.slot.Index] == c }

// step reads the next chunk of the log.
func (s *Shard) step(c *catchUp) {
	s.hub.reader.Read(c.Begin(s.position), func(chunk replay.Chunk) {
		s.loop.Post(func() { s.sendChunk(c, chunk) })
	})
}

// sendChunk sends what a step has read. When it is written, the catch-up goes on.
func (s *Shard) sendChunk(c *catchUp, chunk replay.Chunk) {
	if !s.isCatchingUp(c) {
		return
	}
	if chunk.Err != nil {
		s.skip(c, chunk.Err)
		return
	}
	s.hub.replayed.steps.Add(1)
	before, part := c.At(), c.InPart()
	done, receipts := c.Take(chunk)
	if len(chunk.Frames) == 0 {
		tellDone(done, c.slot.Index, true) // the page has had them on another shard, before they came to this one
		s.goOn(c)
		return
	}
	if s.loop.SendShared(c.slot, &scenecast.Frame{Data: chunk.Frames, Done: done, Receipts: receipts}) {
		s.hub.replayed.bytes.Add(int64(len(chunk.Frames)))
		for _, seq := range chunk.Kept {
			s.ttlStores[c.app].Delivered(c.slot.Index, seq)
		}
	} else {
		tellDone(done, c.slot.Index, false)
		if !part {
			s.takeBack(c, before, chunk.At)
		}
	}
	s.loop.OnWritten(c.slot, func() {
		chunk.Free()
		if s.isCatchingUp(c) {
			s.goOn(c)
		}
	})
}

// tellDone tells receipts what has become of copies; nil: there are none.
func tellDone(done func(slot uint32, written bool), slot uint32, written bool) {
	if done != nil {
		done(slot, written)
	}
}

// skip has a member go on where the log does, and tells it that it has missed what lies between.
func (s *Shard) skip(c *catchUp, err error) {
	missed := scenecast.GapNotice{Reason: scenecast.GapFailure, Newest: s.position}
	if gap := (*scenecast.GapError)(nil); errors.As(err, &gap) {
		missed.Reason, missed.Newest = gap.Reason, gap.Newest
	}
	if c.SkipPart() {
		s.tellGap(c.slot, c.Protocol(), missed)
		s.goOn(c)
		return
	}
	s.takeBack(c, c.At(), missed.Newest)
	tellDone(c.Skip(missed.Newest), c.slot.Index, false)
	s.tellGap(c.slot, c.Protocol(), missed)
	if missed.Reason == scenecast.GapFailure { // a log that fails would fail again
		s.endCatchUp(c)
	} else {
		s.step(c)
	}
}

// goOn takes the next step, unless what is left is at hand.
func (s *Shard) goOn(c *catchUp) {
	if c.NeedsStep(s.position) {
		s.step(c)
	} else {
		s.endCatchUp(c)
	}
}

// endCatchUp ends the catch-up of a member that stands where its shard does: from now on it gets what the shard delivers.
func (s *Shard) endCatchUp(c *catchUp) {
	delete(s.catchUps, c.slot.Index)
	s.members.at(c.slot.Index).clear(catchingUp)
	had, rest := c.Tail()
	for _, l := range had {
		tellDone(l.Frame.Done, c.slot.Index, true) // as in sendChunk
	}
	for _, l := range rest {
		if !s.loop.SendShared(c.slot, l.Frame) {
			tellDone(l.Frame.Done, c.slot.Index, false)
		}
	}
	s.startLatePass(c.slot)
}

// relabelCatchUp has what comes behind the shard's position go by other labels.
func (s *Shard) relabelCatchUp(c *catchUp, labels label.Set) {
	if c.Relabel(s.position, labels) {
		return
	}
	s.closeBacklog(c)
}

// closeBacklog closes a member that asks for more than it reads.
func (s *Shard) closeBacklog(c *catchUp) {
	s.loop.Post(func() { // not now: whoever relabels goes on with the member
		if s.isCatchingUp(c) {
			s.close(c.slot, scenecast.EndingBy(scenecast.CauseReplayBacklog, "changes scenes faster than it reads"))
		}
	})
}

// takeBack notes that a member has not got what lies between two positions, although it was delivered while the member was catching up.
// A position of another epoch may be none of this log, and says nothing of what the member has got before it began.
func (s *Shard) takeBack(c *catchUp, after, upTo scenecast.Position) {
	if after.Epoch != upTo.Epoch {
		after.Seq = c.from
	}
	s.ttlStores[c.app].NotDelivered(c.slot.Index, after.Seq, upTo.Seq)
}

// abandonCatchUp ends the catch-up of a member that leaves.
func (s *Shard) abandonCatchUp(index uint32) {
	c := s.catchUps[index]
	delete(s.catchUps, index)
	s.takeBack(c, c.At(), s.position)
	tellDone(c.Abandon(), index, false)
}

// tellGap tells a page of what it will not get, if its protocol can, and whoever observes it.
func (s *Shard) tellGap(slot scenecast.Slot, p scenecast.Protocol, m scenecast.GapNotice) {
	s.hub.replayed.gap(m.Reason)
	s.hub.observers.missedPushes(s.viewOf(slot), m)
	if encode := p.Traits().EncodeGap; encode != nil {
		s.loop.Send(slot, encode(m))
	}
}
