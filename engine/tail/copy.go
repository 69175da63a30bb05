package tail

import (
	"slices"
	"sync"

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

	fieldPartial = handover.Required(5)
	fieldKnown   = handover.Required(6)

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
	mu       sync.Locker // of the owner
	log      *Log
	keys     *Keys
	first    uint64   // the oldest that was copied
	after    uint64   // what lies up to here in the log was copied
	keyAfter uint64   // … and its keys
	open     []uint64 // pushes that were copied before it was known what became of them
}

// NewCopy begins a copy. The lock is the owner's.
func NewCopy(mu sync.Locker, l *Log, k *Keys) *Copy { return &Copy{mu: mu, log: l, keys: k} }

// Pushes is the next part of the log, as a list; nil: there is no more just now.
func (c *Copy) Pushes() []byte {
	c.mu.Lock()
	entries := c.log.From(c.after, partPushes, partBytes)
	c.mu.Unlock()
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
	c.mu.Lock()
	attempts := c.keys.From(c.keyAfter, partKeys)
	c.mu.Unlock()
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

func (c *Copy) outcome(p *Progress, seq uint64) Outcome {
	o := p.Outcome()
	if !o.Done {
		c.open = append(c.open, seq)
	}
	return o
}

// Rest encodes what is left when nothing is published any more: the log's shape, and what is known now of pushes that were copied before it
// was, and of these.
func (c *Copy) Rest(e *handover.Encoder, changed []uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	shape := c.log.Shape()
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
		if p := ProgressAt(c.log, c.keys, seq); p != nil {
			e.Record(fieldProgress, func(e *handover.Encoder) {
				e.Uint(fieldSeq, seq)
				encodeOutcome(e, fieldSeqResult, p.Outcome())
			})
		}
	}
}

func encodeOutcome(e *handover.Encoder, f handover.Field, o Outcome) {
	e.Record(f, func(e *handover.Encoder) {
		value.Tally(e, fieldTally, o.Tally)
		if o.Answer != o.Tally {
			value.Tally(e, fieldAnswer, o.Answer)
		}
		e.Bool(fieldQueued, o.Queued)
		e.Bool(fieldDone, o.Done)
		if o.Partial {
			e.Bool(fieldPartial, true)
		}
		if o.Known > 0 {
			e.Uint(fieldKnown, uint64(o.Known))
		}
	})
}

func decodeOutcome(v *handover.Value) (o Outcome) {
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
		case fieldPartial:
			o.Partial = v.Bool()
		case fieldKnown:
			o.Known = v.Count()
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
