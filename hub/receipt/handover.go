package receipt

import (
	"time"

	"scenecast"
	"scenecast/handover"
	"scenecast/handover/value"
)

var (
	fieldPosition  = handover.Required(1)
	fieldAcked     = handover.Required(2)
	fieldRemaining = handover.Required(3)
	fieldTally     = handover.Required(4)
	fieldEnded     = handover.Required(5)
)

// Seq is the sequence number of the push.
func (r *Receipt) Seq() uint64 { return r.position.Seq }

// Export appends what has come in. What is still to come is counted anew in the other process, by who is to bring it.
func (r *Receipt) Export(e *handover.Encoder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	value.Position(e, fieldPosition, r.position)
	e.Bool(fieldAcked, r.acked)
	e.Duration(fieldRemaining, max(time.Until(r.until), time.Millisecond))
	value.Tally(e, fieldTally, r.tally)
	e.Bool(fieldEnded, r.ended)
}

// Moved has the receipt stop waiting, because another process has its pages, until Finish.
func (r *Receipt) Moved() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timer != nil {
		r.timer.Stop()
	}
}

// Finish ends a receipt with what another process tells of it.
func (r *Receipt) Finish(t scenecast.Tally) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		r.tally = t
		r.end()
	}
}

// Abandon ends a receipt of which nobody tells any more: as when its time has passed.
func (r *Receipt) Abandon() { r.timeOut() }

// Import makes a receipt of another process. It waits for nothing until Go.
func Import(v *handover.Value) *Receipt {
	r := new(Receipt)
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldPosition:
			r.position = value.DecodePosition(v)
		case fieldAcked:
			r.acked = v.Bool()
		case fieldRemaining:
			r.timeout = v.Duration()
		case fieldTally:
			r.tally = value.DecodeTally(v)
		case fieldEnded:
			r.ended = v.Bool()
		default:
			return false
		}
		return true
	})
	return r
}

// IsEnded reports whether a receipt had ended when it was imported.
func (r *Receipt) IsEnded() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended
}

// Go has an imported receipt report, and wait for what was found that is to come.
func (r *Receipt) Go(report func(scenecast.Tally, bool)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report, r.begun = report, true
	if !r.ended {
		r.wait(r.timeout)
	}
}

// All are the pushes whose acknowledgements are taken, in order.
func (p *Pending) All() []*Receipt {
	all := make([]*Receipt, len(p.pushes))
	for i, c := range p.pushes {
		all[i] = c.receipt
	}
	return all
}

// Since is when the push at an index of All came.
func (p *Pending) Since(i int) time.Time { return p.pushes[i].since }

// Asked are the sequence numbers of the pushes that the page in a slot has not acknowledged, and of these those that the receipt waits for.
func (p *Pending) Asked(slot uint32) (asked, waited []uint64) {
	for _, c := range p.pushes {
		if c.block.asked.Items(slot)&c.bit() != 0 {
			asked = append(asked, c.receipt.position.Seq)
			if c.block.waited.Items(slot)&c.bit() != 0 {
				waited = append(waited, c.receipt.position.Seq)
			}
		}
	}
	return asked, waited
}

// Adopt goes on with an imported receipt that asks for acknowledgements. They are adopted in the order of the log.
func (p *Pending) Adopt(r *Receipt, since time.Time) {
	c := p.Track(r)
	if c.block != nil {
		c.since = since
	}
}

// find is what is kept of a push; nil: nothing.
func (p *Pending) find(seq uint64) *Copies {
	for i := len(p.pushes) - 1; i >= 0; i-- {
		if p.pushes[i].receipt.position.Seq == seq {
			return p.pushes[i]
		}
	}
	return nil
}

// AdoptAsked has the page in a slot be one that is to acknowledge a push, which the receipt waits for or does not.
func (p *Pending) AdoptAsked(slot uint32, seq uint64, waited bool) {
	c := p.find(seq)
	if c == nil {
		return
	}
	c.block.asked.Add(slot, c.bit())
	if waited {
		c.block.waited.Add(slot, c.bit())
		c.receipt.adopt(0, 1)
	}
}

// AdoptCopy is what the frame with a copy of a push is given that is still to be written (scenecast.Frame.Done). Asked is as in Copies.Done.
func (p *Pending) AdoptCopy(slot uint32, r *Receipt, asked bool) func(slot uint32, written bool) {
	if c := p.find(r.position.Seq); c != nil && asked {
		c.block.inFlight.Add(slot, c.bit())
		r.adopt(1, 0)
		return c.doneAsked
	}
	r.adopt(1, 1)
	return func(_ uint32, written bool) { r.done(written, true) }
}

// adopt counts copies that an imported receipt finds in flight, and connections that it waits for.
func (r *Receipt) adopt(inFlight, waiting int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inFlight += inFlight
	r.waiting += waiting
}

// Left reports of a copy whose page has left whether the receipt waits for it, and whether it is of use.
func (u *Unacked) Left() (waited, useful bool) {
	u.receipt.mu.Lock()
	defer u.receipt.mu.Unlock()
	return u.waited, !u.acked
}

// Of is the receipt of the copy.
func (u *Unacked) Of() *Receipt { return u.receipt }

// NewUnacked is a copy of a push of an imported receipt whose page has left in the other process.
func NewUnacked(r *Receipt, waited bool) *Unacked {
	if waited {
		r.adopt(0, 1)
	}
	return &Unacked{receipt: r, waited: waited}
}
