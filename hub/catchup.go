package hub

import (
	"errors"
	"runtime"
	"slices"

	"scenecast"
	"scenecast/label"
)

// catchUp is a member that has come back and is getting what it has missed. Until it has caught up with its shard, what the
// shard delivers is not sent to it but left in the log, and comes with the rest: so there is no hole and no double at the
// seam, however fast pushes arrive.
//
// It goes in steps. A step reads a piece of the log and encodes it off the loop, and has the loop send it in one write. The
// next begins when the kernel has taken that. So a page has at most one step's bytes outstanding, and no loop waits. A step
// reads no farther than the shard was when it began, because the member's labels behind that are not known yet. What the
// shard delivers while the last step runs is kept, if it is not much, and follows it: so pushes cannot outrun the steps.
type catchUp struct {
	slot     scenecast.Slot
	app      string
	protocol scenecast.Protocol
	at       scenecast.Position // everything up to here has been sent
	chapters []chapter          // what its labels were when; the last one goes on
	owed     []owed             // receipts of pushes that were delivered meanwhile and are left to the log

	until     scenecast.Position // where the shard was when the step began
	rest      []*delivery        // what was delivered to it since then …
	restBytes int                // … and how much that is
	tooMuch   bool               // it was too much: it is left to the log
}

// chapter is a part of the log, and the labels with which a member goes through it.
type chapter struct {
	until  uint64 // the sequence number of its last push; of the last chapter, nothing
	labels label.Set
}

// owed is a receipt that wants to know whether a push was written.
type owed struct {
	receipt *receipt
	seq     uint64
}

const (
	stepPushes   = 256      // that a step looks at
	stepBytes    = 64 << 10 // after which a step sends nothing more, unless it has sent nothing
	mostRest     = 64       // pushes that are kept while a step runs
	mostChapters = 256      // of a page that changes scenes and does not read
)

// stepsAtATime is how many steps of all pages run together: they leave half of the machine to the pages that are there.
func stepsAtATime() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// catchUpFrom begins to replay what a member has missed.
func (s *Shard) catchUpFrom(slot scenecast.Slot, after scenecast.Position, labels label.Set) {
	m := s.at(slot)
	m.catchingUp = true
	k := s.kinds.all[m.kind]
	c := &catchUp{slot: slot, app: k.app.app, protocol: k.protocol, at: after, chapters: []chapter{{labels: labels}}}
	s.catchUps[slot.Index] = c
	s.step(c)
}

// isCatchingUp reports whether the catch-up goes on; otherwise its member has left.
func (s *Shard) isCatchingUp(c *catchUp) bool { return s.catchUps[c.slot.Index] == c }

// step reads the next piece of the log.
func (s *Shard) step(c *catchUp) {
	c.leaveRest()
	c.until, c.tooMuch = s.position, false
	after, until, chapters := c.at, c.until, slices.Clone(c.chapters)
	s.hub.replays.Go(func() {
		select {
		case s.hub.steps <- struct{}{}:
		case <-s.hub.closing.Done():
			return
		}
		defer func() { <-s.hub.steps }()
		if s.hub.closing.Err() != nil {
			return
		}
		p := c.read(s.hub, after, until, chapters)
		s.loop.Post(func() { s.replay(c, p) })
	})
}

// piece is what a step has read.
type piece struct {
	frames  []byte             // as the page gets them
	at      scenecast.Position // the last push that was looked at
	lasting []uint64           // sequence numbers of the pushes in it with a ttl
	err     error
}

// read reads and encodes. It does not touch the catch-up's state, which is the owner's.
func (c *catchUp) read(h *Hub, after, until scenecast.Position, chapters []chapter) piece {
	p := piece{at: after}
	var pushes []*scenecast.Push
	pushes, p.err = h.log.After(h.closing, after, stepPushes)
	for _, push := range pushes {
		if push.Position.Seq > until.Seq {
			return p.reached(until)
		}
		for len(chapters) > 1 && push.Position.Seq > chapters[0].until {
			chapters = chapters[1:]
		}
		if push.App == c.app && push.To.Match(chapters[0].labels) {
			frame := h.replayed.encode(push, c.protocol)
			if len(p.frames) > 0 && len(p.frames)+len(frame) > stepBytes {
				return p
			}
			if p.frames == nil {
				p.frames = newPiece()
			}
			p.frames = append(p.frames, frame...)
			if push.TTL > 0 {
				p.lasting = append(p.lasting, push.Position.Seq)
			}
		}
		p.at = push.Position
	}
	if p.err == nil && len(pushes) == 0 {
		return p.reached(until)
	}
	return p
}

// reached notes that there is nothing more up to a position, where the piece does not lead farther.
func (p piece) reached(until scenecast.Position) piece {
	if p.at.Epoch != until.Epoch || p.at.Seq < until.Seq {
		p.at = until
	}
	return p
}

// replay sends a piece. When it is written, the catch-up goes on.
func (s *Shard) replay(c *catchUp, p piece) {
	if !s.isCatchingUp(c) {
		return
	}
	if p.err != nil {
		s.miss(c, p.err)
		return
	}
	paid := c.pay(p.at.Seq)
	if !s.sendPiece(c, p.frames, paid) {
		return
	}
	c.at = p.at
	for len(c.chapters) > 1 && c.at.Seq >= c.chapters[0].until {
		c.chapters = c.chapters[1:]
	}
	for _, seq := range p.lasting {
		if l := s.lasting[c.app].find(seq); l != nil {
			l.got.set(c.slot.Index)
		}
	}
	if len(p.frames) == 0 {
		s.goOn(c)
		return
	}
	s.loop.OnWritten(c.slot, func() {
		freePiece(p.frames)
		if s.isCatchingUp(c) {
			s.goOn(c)
		}
	})
}

// sendPiece sends a piece, and sees to the receipts of what is in it. False: the member has left.
func (s *Shard) sendPiece(c *catchUp, frames []byte, paid []owed) bool {
	settle := func(_ uint32, written bool) {
		for _, o := range paid {
			o.receipt.settle(written, c.protocol.Traits().Acknowledges)
		}
	}
	switch {
	case len(frames) == 0:
		settle(0, true) // it has had them on another shard, before they came to this one
	case len(paid) == 0:
		s.loop.Send(c.slot, frames)
	case !s.loop.SendShared(c.slot, &scenecast.Frame{Data: frames, Done: settle}):
		settle(0, false)
	}
	return s.isCatchingUp(c) // no, if its outbox was full and it was closed for that
}

// miss has a member go on where the log does, and tells it that it has missed what lies between.
func (s *Shard) miss(c *catchUp, err error) {
	missed := scenecast.GapNotice{Reason: scenecast.GapFailure, Newest: s.position}
	if gap := (*scenecast.GapError)(nil); errors.As(err, &gap) {
		missed.Reason, missed.Newest = gap.Reason, gap.Newest
	}
	s.unsee(c, missed.Newest)
	c.leaveRest()
	for _, o := range c.pay(missed.Newest.Seq) {
		o.receipt.settle(false, c.protocol.Traits().Acknowledges)
	}
	c.at = missed.Newest
	s.tellGap(c.slot, c.protocol, missed)
	switch {
	case !s.isCatchingUp(c):
	case missed.Reason == scenecast.GapFailure: // a log that fails would fail again
		s.caughtUp(c)
	default:
		s.step(c)
	}
}

// goOn takes the next step, unless what is left is at hand.
func (s *Shard) goOn(c *catchUp) {
	if c.tooMuch || c.at.Seq < c.until.Seq || c.at.Seq > s.position.Seq {
		s.step(c)
		return
	}
	s.caughtUp(c)
}

// caughtUp ends a catch-up: from now on the member gets what the shard delivers.
func (s *Shard) caughtUp(c *catchUp) {
	delete(s.catchUps, c.slot.Index)
	s.members.at(c.slot.Index).catchingUp = false
	for _, d := range c.rest {
		if d.push.Position.Seq <= c.at.Seq {
			d.settle(true, c.protocol) // as in sendPiece
		} else if !s.loop.SendShared(c.slot, d.encode(c.protocol)) {
			d.settle(false, c.protocol)
		}
	}
	s.catchLate(c.slot, 0)
}

// relabelled has what comes after the shard's position go by other labels.
func (s *Shard) relabelled(index uint32, labels label.Set) {
	c := s.catchUps[index]
	last := len(c.chapters) - 1
	if last > 0 && c.chapters[last-1].until == s.position.Seq { // nothing was delivered with the labels before
		c.chapters[last].labels = labels
		return
	}
	if len(c.chapters) == mostChapters {
		s.loop.Post(func() { // not now: whoever relabels goes on with the member
			if s.isCatchingUp(c) {
				s.close(c.slot, scenecast.EndingBy(scenecast.CauseReplayBacklog, "changes scenes faster than it reads"))
			}
		})
		return
	}
	c.chapters[last].until = s.position.Seq
	c.chapters = append(c.chapters, chapter{labels: labels})
}

// keep notes that a push was delivered to a member that is catching up.
func (c *catchUp) keep(d *delivery) {
	c.rest = append(c.rest, d)
	c.restBytes += len(d.push.Message.Data)
	if c.tooMuch || len(c.rest) > mostRest || c.restBytes > stepBytes {
		c.tooMuch = true
		c.leaveRest()
	}
}

// leaveRest leaves what was delivered to the log.
func (c *catchUp) leaveRest() {
	for _, d := range c.rest {
		if d.receipt != nil {
			c.owed = append(c.owed, owed{d.receipt, d.push.Position.Seq})
		}
	}
	c.rest, c.restBytes = nil, 0
}

// pay takes the receipts of pushes up to this one out of those that are owed.
func (c *catchUp) pay(upTo uint64) (paid []owed) {
	n := 0
	for n < len(c.owed) && c.owed[n].seq <= upTo {
		n++
	}
	paid, c.owed = c.owed[:n:n], c.owed[n:]
	return paid
}

// unsee takes back that a member has got lasting pushes that it has not: everything behind where it is, up to a position.
func (s *Shard) unsee(c *catchUp, upTo scenecast.Position) {
	after := c.at.Seq
	if c.at.Epoch != upTo.Epoch {
		after = 0
	}
	for _, l := range s.lasting[c.app].behind(after) {
		if l.push.Position.Seq <= upTo.Seq {
			l.got.clear(c.slot.Index)
		}
	}
}

// giveUp ends the catch-up of a member that leaves.
func (s *Shard) giveUp(index uint32) {
	c := s.catchUps[index]
	delete(s.catchUps, index)
	s.unsee(c, s.position)
	c.leaveRest()
	for _, o := range c.owed {
		o.receipt.settle(false, c.protocol.Traits().Acknowledges)
	}
}

// tellGap tells a page of what it will not get, if its protocol can.
func (s *Shard) tellGap(slot scenecast.Slot, p scenecast.Protocol, m scenecast.GapNotice) {
	if encode := p.Traits().EncodeGap; encode != nil {
		s.loop.Send(slot, encode(m))
	}
}
