package hub

import (
	"context"
	"errors"
	"slices"

	"scenecast"
	"scenecast/label"
)

// catchUp is a member that has come back and is getting what it has missed. Until it has caught up with its shard, what the
// shard delivers is not sent to it but left in the log, and comes with the rest: so there is no hole and no double at the
// seam, however fast pushes arrive, and nothing is kept for the member besides.
//
// It goes in steps. A step reads a piece of the log and encodes it off the loop, and has the loop send it in one write. The
// next begins when the kernel has taken that. So a page has at most one step's bytes outstanding, and no loop waits.
type catchUp struct {
	slot     scenecast.Slot
	app      string
	protocol scenecast.Protocol
	at       scenecast.Position // everything up to here has been sent
	chapters []chapter          // what its labels were when; the last one goes on
	owed     []owed             // receipts of pushes that were delivered meanwhile
}

// chapter is a part of the log, and the labels with which a member goes through it.
type chapter struct {
	until  uint64 // the sequence number of its last push; of the last chapter, nothing
	labels label.Set
}

// owed is a receipt that wants to know whether a push was written.
type owed struct {
	receipt  *receipt
	position scenecast.Position
}

const (
	stepPushes   = 256      // that a step looks at
	stepBytes    = 64 << 10 // after which a step sends nothing more, unless it has sent nothing
	stepsAtATime = 2        // of all pages together, so that live pages do not wait for those that come back
)

// catchUpFrom begins to replay what a member has missed.
func (s *Shard) catchUpFrom(slot scenecast.Slot, after scenecast.Position, labels label.Set) {
	m := s.at(slot)
	m.catchingUp = true
	k := s.kinds.all[m.kind]
	c := &catchUp{slot: slot, app: k.app.app, protocol: k.protocol, at: after, chapters: []chapter{{labels: labels}}}
	s.catchUps[slot.Index] = c
	s.step(c)
}

// step reads the next piece of the log.
func (s *Shard) step(c *catchUp) {
	after, chapters := c.at, slices.Clone(c.chapters)
	s.hub.replays.Go(func() {
		select {
		case s.hub.steps <- struct{}{}:
		case <-s.hub.closing.Done():
			return
		}
		defer func() { <-s.hub.steps }()
		p := c.read(s.hub.closing, s.hub.log, after, chapters)
		s.loop.Post(func() { s.replay(c, p) })
	})
}

// piece is what a step has read.
type piece struct {
	frames  []byte               // as the page gets them
	at      scenecast.Position   // the last push that was looked at
	lasting []scenecast.Position // of the pushes in it with a ttl
	err     error
}

// read reads and encodes. It does not touch the catch-up's state, which is the owner's.
func (c *catchUp) read(ctx context.Context, log scenecast.Log, after scenecast.Position, chapters []chapter) piece {
	p := piece{at: after}
	var pushes []*scenecast.Push
	pushes, p.err = log.After(ctx, after, stepPushes)
	for _, push := range pushes {
		for len(chapters) > 1 && push.Position.Seq > chapters[0].until {
			chapters = chapters[1:]
		}
		if push.App == c.app && push.To.Match(chapters[0].labels) {
			frame := c.protocol.EncodePush(push)
			if len(p.frames) > 0 && len(p.frames)+len(frame) > stepBytes {
				return p
			}
			p.frames = append(p.frames, frame...)
			if push.TTL > 0 {
				p.lasting = append(p.lasting, push.Position)
			}
		}
		p.at = push.Position
	}
	return p
}

// replay sends a piece, and goes on or ends.
func (s *Shard) replay(c *catchUp, p piece) {
	if s.catchUps[c.slot.Index] != c {
		return // it has left
	}
	if p.err != nil {
		missed := scenecast.Missed{Reason: scenecast.GapFailure, Newest: s.position}
		if gap := (*scenecast.GapError)(nil); errors.As(p.err, &gap) {
			missed.Reason, missed.Newest = gap.Reason, gap.Newest
		}
		p.at = missed.Newest
		s.tellGap(c.slot, c.protocol, missed)
	}
	if len(p.frames) > 0 && !s.loop.Send(c.slot, p.frames) && s.catchUps[c.slot.Index] != c {
		return // its outbox was full, and it has been closed
	}
	c.at = p.at
	for len(c.chapters) > 1 && c.at.Seq >= c.chapters[0].until {
		c.chapters = c.chapters[1:]
	}
	for _, position := range p.lasting {
		s.gotLasting(c, position)
	}
	s.pay(c)
	if c.at == s.position {
		s.caughtUp(c)
		return
	}
	s.loop.WhenWritten(c.slot, func() {
		if s.catchUps[c.slot.Index] == c {
			s.step(c)
		}
	})
}

// caughtUp ends a catch-up: from now on the member gets what the shard delivers.
func (s *Shard) caughtUp(c *catchUp) {
	delete(s.catchUps, c.slot.Index)
	s.members.at(c.slot.Index).catchingUp = false
	s.catchLate(c.slot, c.chapters[0].labels)
}

// relabelled has what comes after the shard's position go by other labels.
func (s *Shard) relabelled(index uint32, labels label.Set) {
	c := s.catchUps[index]
	c.chapters[len(c.chapters)-1].until = s.position.Seq
	c.chapters = append(c.chapters, chapter{labels: labels})
}

// owe notes that a push was delivered to a member that is catching up.
func (s *Shard) owe(index uint32, d *delivery) {
	if d.receipt != nil {
		c := s.catchUps[index]
		c.owed = append(c.owed, owed{d.receipt, d.push.Position})
		s.pay(c) // it may be one that the page has had on another shard
	}
}

// pay settles the receipts of what a member has been sent, when it is written.
func (s *Shard) pay(c *catchUp) {
	n := 0
	for n < len(c.owed) && c.owed[n].position.Seq <= c.at.Seq {
		n++
	}
	if n == 0 {
		return
	}
	paid := slices.Clone(c.owed[:n])
	c.owed = c.owed[n:]
	s.loop.WhenWritten(c.slot, func() {
		for _, o := range paid {
			o.receipt.settle(true)
		}
	})
}

// gotLasting notes that a member has got a lasting push by replay.
func (s *Shard) gotLasting(c *catchUp, position scenecast.Position) {
	for _, l := range s.lasting[c.app] {
		if l.push.Position == position {
			l.got.set(c.slot.Index)
		}
	}
}

// giveUp ends the catch-up of a member that leaves.
func (s *Shard) giveUp(index uint32) {
	for _, o := range s.catchUps[index].owed {
		o.receipt.settle(false)
	}
	delete(s.catchUps, index)
}

// tellGap tells a page of what it will not get, if its protocol can.
func (s *Shard) tellGap(slot scenecast.Slot, p scenecast.Protocol, m scenecast.Missed) {
	if g, ok := p.(scenecast.GapEncoder); ok {
		s.loop.Send(slot, g.EncodeGap(m))
	}
}
