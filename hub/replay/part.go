package replay

import (
	"slices"

	"scenecast"
	"scenecast/label"
)

// maxParts bounds what a page may ask for that does not read.
const maxParts = 1024

// part is a part of the log that a page gets besides: pushes that reach it by its labels, and would not by those that it had before. A page
// reads its parts before it goes on, and each up to where its shard was when it got the labels.
type part struct {
	at, until     scenecast.Position
	last          int // of the pushes up to until, the newest, so many; 0: those behind at
	before, after label.Set
}

// has reports whether a push is in the part, wherever it is in the log.
func (p *part) has(push *scenecast.Push) bool {
	return push.To.Match(p.after) && !push.To.Match(p.before)
}

// AddPart has a page get a part of the log, whose labels have changed now that its shard is at a position. False: it has asked for too many.
func (c *CatchUp) AddPart(from scenecast.History, shard scenecast.Position, before, after label.Set) bool {
	if len(c.parts) == maxParts {
		return false
	}
	c.parts = append(c.parts, part{at: from.After, until: shard, last: from.Last, before: before, after: after})
	c.tail.overflow = true // what comes from now on comes behind the part
	c.leaveTail()
	return true
}

// InPart reports whether the step is of a part.
func (c *CatchUp) InPart() bool { return c.inPart }

// beginPart begins a step of the first part.
func (c *CatchUp) beginPart() Step {
	c.inPart, c.tail.overflow = true, true
	p := c.parts[0]
	return Step{app: c.app, protocol: c.protocol, after: p.at, until: p.until, spans: []labelSpan{{labels: p.after}}, part: &p}
}

// takePart advances in the first part to the end of a chunk. A page may have come from a node that had read more than this one.
func (c *CatchUp) takePart(chunk Chunk) {
	c.inPart = false
	p := &c.parts[0]
	p.at, p.last = chunk.At, 0
	if p.at.Seq > p.until.Seq {
		c.had = append(c.had, *p)
	}
	if p.at.Seq >= p.until.Seq {
		c.parts = c.parts[1:]
	}
}

// SkipPart ends the part of which the step is; false: it is of none.
func (c *CatchUp) SkipPart() bool {
	if !c.inPart {
		return false
	}
	c.inPart, c.parts = false, c.parts[1:]
	return true
}

// leaveHad forgets the parts behind which the page has come.
func (c *CatchUp) leaveHad() {
	c.had = slices.DeleteFunc(c.had, func(p part) bool { return p.at.Seq <= c.at.Seq })
}

// isOf reports whether a push that matches is one that the step is to read.
func (s *Step) isOf(push *scenecast.Push) bool {
	if s.part != nil {
		return s.part.has(push)
	}
	return !slices.ContainsFunc(s.had, func(p part) bool { return push.Position.Seq <= p.at.Seq && p.has(push) })
}

// findLast finds where the newest pushes of a part begin. It looks at all that is kept, in pieces, and encodes nothing.
func (r *Reader) findLast(s Step) Chunk {
	var behind []scenecast.Position // of which each of them is the next
	at := s.after
	for {
		pushes, err := r.log.After(r.closing, at, StepPushes)
		if err != nil {
			return Chunk{At: s.until, Err: err}
		}
		for _, p := range pushes {
			if p.Position.Seq > s.until.Seq {
				pushes = nil
				break
			}
			if p.App == s.app && s.part.has(p) {
				if len(behind) == s.part.last {
					behind = append(behind[:0], behind[1:]...)
				}
				behind = append(behind, at)
			}
			at = p.Position
		}
		if len(pushes) == 0 {
			break
		}
	}
	if len(behind) == 0 {
		return Chunk{At: s.until}
	}
	return Chunk{At: behind[0]}
}
