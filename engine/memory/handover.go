package memory

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"scenecast"
	"scenecast/engine/tail"
	"scenecast/handover"
	"scenecast/handover/value"
)

// What a part of the log that is copied holds at most.
const (
	partPushes = 512
	partBytes  = 1 << 20
	partKeys   = 4096
)

var (
	fieldPush    = handover.Required(1)
	fieldOutcome = handover.Required(2)

	fieldKeyApp      = handover.Required(1)
	fieldKeyID       = handover.Required(2)
	fieldKeyAt       = handover.Required(3)
	fieldFingerprint = handover.Required(4)
	fieldPushID      = handover.Required(5)
	fieldPosition    = handover.Required(6)
	fieldKeyOutcome  = handover.Required(7)

	fieldTally  = handover.Required(1)
	fieldAnswer = handover.Required(2)
	fieldQueued = handover.Required(3)
	fieldDone   = handover.Required(4)

	fieldNewest   = handover.Required(1)
	fieldMissing  = handover.Required(2)
	fieldSpan     = handover.Required(3)
	fieldProgress = handover.Required(4)

	fieldEpoch  = handover.Required(1)
	fieldBegin  = handover.Required(2)
	fieldEnd    = handover.Required(3)
	fieldAstray = handover.Required(4)

	fieldSeq       = handover.Required(1)
	fieldSeqResult = handover.Required(2)
)

// Copy copies the log to another process while it goes on, part by part. Not safe for concurrent use.
type Copy struct {
	engine   *Engine
	first    uint64   // the oldest that was copied
	after    uint64   // what lies up to here in the log was copied
	keyAfter uint64   // … and its keys
	open     []uint64 // pushes that were copied before it was known what became of them
}

// Copy begins a copy.
func (e *Engine) Copy() *Copy { return &Copy{engine: e} }

// Pushes is the next part of the log, as a list; nil: there is no more just now.
func (c *Copy) Pushes() []byte {
	c.engine.mu.Lock()
	entries := c.engine.log.From(c.after, partPushes, partBytes)
	c.engine.mu.Unlock()
	if len(entries) == 0 {
		return nil
	}
	var list handover.List
	if c.first == 0 {
		c.first = entries[0].Push.Position.Seq
	}
	for _, entry := range entries {
		c.after = entry.Push.Position.Seq
		outcome := c.outcome(entry.Progress, c.after)
		list.Add(func(e *handover.Encoder) {
			e.Record(fieldPush, func(e *handover.Encoder) { value.EncodePush(e, entry.Push) })
			encodeOutcome(e, fieldOutcome, outcome)
		})
	}
	return list.Encoded()
}

// Has reports whether the push with a sequence number was copied.
func (c *Copy) Has(seq uint64) bool { return c.first != 0 && seq >= c.first && seq <= c.after }

// Keys is the next part of the idempotency keys, as a list; nil: there are no more just now. Those of pushes that were not copied wait until
// all are wanted: a push and its key share what has become of it.
func (c *Copy) Keys(all bool) []byte {
	c.engine.mu.Lock()
	attempts := c.engine.keys.From(c.keyAfter, partKeys)
	c.engine.mu.Unlock()
	var list handover.List
	for _, a := range attempts {
		if !all && a.Position.Seq > c.after {
			break
		}
		c.keyAfter = a.Position.Seq
		outcome := c.outcome(a.Progress, c.keyAfter)
		list.Add(func(e *handover.Encoder) {
			e.Text(fieldKeyApp, a.Key.App)
			e.Text(fieldKeyID, a.Key.ID)
			e.Time(fieldKeyAt, a.At)
			e.Bytes(fieldFingerprint, a.Fingerprint[:])
			e.Text(fieldPushID, a.ID)
			value.Position(e, fieldPosition, a.Position)
			encodeOutcome(e, fieldKeyOutcome, outcome)
		})
	}
	return list.Encoded() // nil where nothing was added
}

func (c *Copy) outcome(p *tail.Progress, seq uint64) tail.Outcome {
	o := p.Outcome()
	if !o.Done {
		c.open = append(c.open, seq)
	}
	return o
}

// Rest encodes what is left when nothing is published any more: the log's shape, and what is known now of pushes that were copied before it
// was, and of these.
func (c *Copy) Rest(e *handover.Encoder, changed []uint64) {
	engine := c.engine
	engine.mu.Lock()
	defer engine.mu.Unlock()
	shape := engine.log.Shape()
	e.Uint(fieldNewest, shape.Newest)
	e.Uint(fieldMissing, shape.Missing)
	for _, s := range shape.Lineage {
		e.Record(fieldSpan, func(e *handover.Encoder) {
			e.Uint(fieldEpoch, s.Epoch)
			e.Uint(fieldBegin, s.Begin)
			e.Uint(fieldEnd, s.End)
			e.Uint(fieldAstray, s.Astray)
		})
	}
	seqs := slices.Concat(c.open, changed)
	slices.Sort(seqs)
	for _, seq := range slices.Compact(seqs) {
		if p := tail.ProgressAt(engine.log, engine.keys, seq); p != nil {
			e.Record(fieldProgress, func(e *handover.Encoder) {
				e.Uint(fieldSeq, seq)
				encodeOutcome(e, fieldSeqResult, p.Outcome())
			})
		}
	}
}

func encodeOutcome(e *handover.Encoder, f handover.Field, o tail.Outcome) {
	e.Record(f, func(e *handover.Encoder) {
		value.Tally(e, fieldTally, o.Tally)
		if o.Answer != o.Tally {
			value.Tally(e, fieldAnswer, o.Answer)
		}
		e.Bool(fieldQueued, o.Queued)
		e.Bool(fieldDone, o.Done)
	})
}

func decodeOutcome(v *handover.Value) (o tail.Outcome) {
	answered := false
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldTally:
			o.Tally = value.DecodeTally(v)
		case fieldAnswer:
			o.Answer, answered = value.DecodeTally(v), true
		case fieldQueued:
			o.Queued = v.Bool()
		case fieldDone:
			o.Done = v.Bool()
		default:
			return false
		}
		return true
	})
	if !answered {
		o.Answer = o.Tally
	}
	return o
}

// Restoring makes the log of an engine that has not started one that another process has copied.
type Restoring struct {
	engine  *Engine
	decoder value.Decoder
	lasting map[uint64]*scenecast.Push // those of the log with a ttl, by sequence number
}

// Restore begins to restore the log.
func (e *Engine) Restore() *Restoring {
	return &Restoring{engine: e, lasting: make(map[uint64]*scenecast.Push)}
}

// Lasting are the pushes with a ttl that were in the log, by sequence number.
func (r *Restoring) Lasting() map[uint64]*scenecast.Push { return r.lasting }

// Pushes takes a part of the log.
func (r *Restoring) Pushes(list []byte) error {
	r.engine.mu.Lock()
	defer r.engine.mu.Unlock()
	now := time.Now()
	return handover.DecodeList(list, func(record []byte) error {
		var p *scenecast.Push
		progress := new(tail.Progress)
		err := handover.Decode(record, func(f handover.Field, v *handover.Value) bool {
			switch f {
			case fieldPush:
				p = r.decoder.Push(v)
			case fieldOutcome:
				progress.Restore(decodeOutcome(v))
			default:
				return false
			}
			return true
		})
		switch {
		case err != nil:
			return err
		case p == nil || p.Position.Seq <= r.engine.log.Newest().Seq:
			return fmt.Errorf("%w: pushes out of order", handover.ErrMalformed)
		}
		if p.TTL > 0 {
			r.lasting[p.Position.Seq] = p
		}
		r.engine.log.Add(p, progress, now)
		return nil
	})
}

// Keys takes a part of the idempotency keys.
func (r *Restoring) Keys(list []byte) error {
	r.engine.mu.Lock()
	defer r.engine.mu.Unlock()
	return handover.DecodeList(list, func(record []byte) error {
		a := new(tail.Attempt)
		var outcome tail.Outcome
		err := handover.Decode(record, func(f handover.Field, v *handover.Value) bool {
			switch f {
			case fieldKeyApp:
				a.Key.App = v.Text()
			case fieldKeyID:
				a.Key.ID = v.Text()
			case fieldKeyAt:
				a.At = v.Time()
			case fieldFingerprint:
				if copy(a.Fingerprint[:], v.Bytes()) != sha256.Size {
					v.Fail(handover.ErrMalformed)
				}
			case fieldPushID:
				a.ID = v.Text()
			case fieldPosition:
				a.Position = value.DecodePosition(v)
			case fieldKeyOutcome:
				outcome = decodeOutcome(v)
			default:
				return false
			}
			return true
		})
		if err != nil {
			return err
		}
		if e, ok := r.engine.log.AtSeq(a.Position.Seq); ok {
			a.Progress = e.Progress // one for both, as it was
		} else {
			a.Progress = new(tail.Progress)
			a.Progress.Restore(outcome)
		}
		r.engine.keys.Add(a)
		return nil
	})
}

// Rest takes what Copy.Rest has encoded. The engine is whole then.
func (r *Restoring) Rest(record []byte) error {
	e := r.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	var shape tail.Shape
	outcomes := make(map[uint64]tail.Outcome)
	err := handover.Decode(record, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldNewest:
			shape.Newest = v.Uint()
		case fieldMissing:
			shape.Missing = v.Uint()
		case fieldSpan:
			var s tail.Span
			v.Record(func(f handover.Field, v *handover.Value) bool {
				switch f {
				case fieldEpoch:
					s.Epoch = v.Uint()
				case fieldBegin:
					s.Begin = v.Uint()
				case fieldEnd:
					s.End = v.Uint()
				case fieldAstray:
					s.Astray = v.Uint()
				default:
					return false
				}
				return true
			})
			shape.Lineage = append(shape.Lineage, s)
		case fieldProgress:
			var seq uint64
			var o tail.Outcome
			v.Record(func(f handover.Field, v *handover.Value) bool {
				switch f {
				case fieldSeq:
					seq = v.Uint()
				case fieldSeqResult:
					o = decodeOutcome(v)
				default:
					return false
				}
				return true
			})
			outcomes[seq] = o
		default:
			return false
		}
		return true
	})
	if err != nil {
		return err
	}
	if len(shape.Lineage) == 0 || shape.Newest < e.log.Newest().Seq {
		return fmt.Errorf("%w: a log without an epoch, or that ends before its pushes", handover.ErrMalformed)
	}
	e.log.Restore(shape)
	for seq, o := range outcomes {
		if p := tail.ProgressAt(e.log, e.keys, seq); p != nil {
			p.Restore(o)
		}
	}
	if e.log.Len()+e.keys.Len() > 0 {
		e.startSweeping()
	}
	return nil
}

// Reporter is where it is reported what becomes of a push of before: a Node's report, without the first one.
func (e *Engine) Reporter(seq uint64) func(t scenecast.Tally, done bool) {
	e.mu.Lock()
	p := tail.ProgressAt(e.log, e.keys, seq)
	e.mu.Unlock()
	if p == nil {
		p = new(tail.Progress)
	}
	return func(t scenecast.Tally, done bool) { p.Add(t, done) }
}
