// Package replay gives a page that comes back what it has missed: it reads the log from where the page was to where its shard is. It
// knows positions, labels and frames, and neither slots nor sockets.
//
// A CatchUp is the page's state, which its owner drives in steps: Begin says what to read, a Reader reads and encodes it off the
// owner's goroutine, and Take advances to its end when the owner sends it. The next step begins when the kernel has taken that. So a
// page has at most one step's bytes outstanding, and no loop waits.
//
// Until a page has caught up with its shard, what the shard delivers is not sent to it but left in the log, and comes with the rest:
// so there is no hole and no double at the seam, however fast pushes arrive. A step reads no farther than the shard was when it began,
// because the page's labels behind that are not known yet. What is delivered while the last step runs is kept, if it is not much, and
// follows it (the tail): so pushes cannot outrun the steps.
package replay

import (
	"slices"

	"scenecast"
	"scenecast/label"
)

// The bounds of a step, and of what is kept for a page.
const (
	StepPushes = 256      // that a step looks at
	StepBytes  = 64 << 10 // after which a step has nothing more, unless it has nothing
	MaxTail    = 64       // frames that are kept while a step runs; together of StepBytes at most
	MaxSpans   = 256      // of a page that changes its labels and does not read
)

// CatchUp is a page that is catching up. It has one owner.
type CatchUp struct {
	app      string
	protocol scenecast.Protocol
	at       scenecast.Position // everything up to here has been sent
	spans    []labelSpan        // the labels it has in the log behind that; the last one goes on
	pending  []pendingReceipt   // of pushes that were delivered meanwhile and are left to the log, in order
	until    scenecast.Position // where the shard was when the step began
	tail     liveTail           // what was delivered to it since then
	parts    []part             // what it gets before it goes on
	inPart   bool               // the step is of the first of them
	had      []part             // parts that it has read farther than its shard has come
}

// labelSpan is a part of the log, and the labels with which a page goes through it.
type labelSpan struct {
	until  uint64 // the sequence number of its last push; of the last span, nothing
	labels label.Set
}

// pendingReceipt is somebody who wants to know what becomes of a push that is left to the log.
type pendingReceipt struct {
	seq  uint64
	done func(slot uint32, written bool)
}

// liveTail is what was delivered while a step runs.
type liveTail struct {
	frames   []Live
	bytes    int
	overflow bool // it was too much: it is left to the log
}

// Live is a frame that was delivered to a page that is catching up.
type Live struct {
	Position scenecast.Position
	Frame    *scenecast.Frame
}

// New begins the catch-up of a page with these labels that has everything up to a position.
func New(app string, p scenecast.Protocol, after scenecast.Position, labels label.Set) *CatchUp {
	return &CatchUp{app: app, protocol: p, at: after, spans: []labelSpan{{labels: labels}}}
}

// At is the position up to which the page has been sent everything.
func (c *CatchUp) At() scenecast.Position { return c.at }

// Protocol is the page's.
func (c *CatchUp) Protocol() scenecast.Protocol { return c.protocol }

// Begin begins a step, of a page whose shard is at a position.
func (c *CatchUp) Begin(shard scenecast.Position) Step {
	c.leaveTail()
	if len(c.parts) > 0 {
		return c.beginPart()
	}
	c.until, c.tail.overflow = shard, len(c.had) > 0
	return Step{app: c.app, protocol: c.protocol, after: c.at, until: c.until, spans: slices.Clone(c.spans), had: slices.Clone(c.had)}
}

// Deliver notes that a push was delivered to the page; what becomes of it, its Done is told later.
func (c *CatchUp) Deliver(l Live) {
	t := &c.tail
	t.frames = append(t.frames, l)
	t.bytes += len(l.Frame.Data)
	if t.overflow || len(t.frames) > MaxTail || t.bytes > StepBytes {
		t.overflow = true
		c.leaveTail()
	}
}

// leaveTail leaves what was delivered to the log.
func (c *CatchUp) leaveTail() {
	for _, l := range c.tail.frames {
		if l.Frame.Done != nil {
			c.pending = append(c.pending, pendingReceipt{l.Position.Seq, l.Frame.Done})
		}
	}
	c.tail.frames, c.tail.bytes = nil, 0
}

// Relabel has what comes behind the shard's position go by other labels. False: the page has changed them too often for what it reads.
func (c *CatchUp) Relabel(shard scenecast.Position, labels label.Set) bool {
	last := len(c.spans) - 1
	if last > 0 && c.spans[last-1].until == shard.Seq { // nothing was delivered with the labels before
		c.spans[last].labels = labels
		return true
	}
	if len(c.spans) == MaxSpans {
		return false
	}
	c.spans[last].until = shard.Seq
	c.spans = append(c.spans, labelSpan{labels: labels})
	return true
}

// Take advances to the end of a chunk. Done, unless it is nil, is to be told what becomes of it: receipts of these pushes wait for what is in
// it.
func (c *CatchUp) Take(chunk Chunk) (done func(slot uint32, written bool), receipts []uint64) {
	if c.inPart {
		c.takePart(chunk)
		return nil, nil
	}
	c.at = chunk.At
	c.leaveHad()
	for len(c.spans) > 1 && c.at.Seq >= c.spans[0].until {
		c.spans = c.spans[1:]
	}
	return c.takePending(c.at.Seq)
}

// Skip advances to where the page goes on that has missed what lies before, and returns what Take does.
func (c *CatchUp) Skip(to scenecast.Position) (done func(slot uint32, written bool)) {
	c.leaveTail()
	c.at = to
	done, _ = c.takePending(to.Seq)
	return done
}

// takePending takes out the receipts of pushes up to a place in the log.
func (c *CatchUp) takePending(upTo uint64) (done func(slot uint32, written bool), receipts []uint64) {
	n := 0
	for n < len(c.pending) && c.pending[n].seq <= upTo {
		n++
	}
	if n == 0 {
		return nil, nil
	}
	taken := c.pending[:n:n]
	c.pending = c.pending[n:]
	for _, r := range taken {
		receipts = append(receipts, r.seq)
	}
	return func(slot uint32, written bool) {
		for _, r := range taken {
			r.done(slot, written)
		}
	}, receipts
}

// NeedsStep reports whether there is more in the log than what is at hand, of a page whose shard is at a position. Where an epoch has begun
// while the step ran, only the log can say whether the page goes on from where it is: it may have come from a node that had read farther, in
// what the log has lost and now has again.
func (c *CatchUp) NeedsStep(shard scenecast.Position) bool {
	return len(c.parts)+len(c.had) > 0 || c.tail.overflow || c.at.Seq < c.until.Seq || c.at.Seq > shard.Seq || c.until.Epoch != shard.Epoch
}

// Tail ends the catch-up, and returns what was delivered and is not sent yet. The Done of what the page has had, before it came to this
// shard, is to be told that it was written.
func (c *CatchUp) Tail() (had, rest []Live) {
	tail := c.tail.frames
	c.tail = liveTail{}
	n := 0
	for n < len(tail) && tail[n].Position.Seq <= c.at.Seq {
		n++
	}
	return tail[:n], tail[n:]
}

// Abandon ends the catch-up of a page that leaves, and returns what Take does: none of it is written.
func (c *CatchUp) Abandon() (done func(slot uint32, written bool)) {
	c.leaveTail()
	done, _ = c.takePending(^uint64(0))
	return done
}
