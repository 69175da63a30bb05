package replay

import (
	"scenecast"
	"scenecast/handover"
	"scenecast/handover/value"
	"scenecast/label"
)

var (
	fieldAt       = handover.Required(1)
	fieldSpan     = handover.Required(2)
	fieldReceipts = handover.Required(3)
	fieldPart     = handover.Required(4)
	fieldHad      = handover.Required(5)

	fieldUntil  = handover.Required(1)
	fieldLabels = handover.Required(2)

	fieldPartAt    = handover.Required(1)
	fieldPartUntil = handover.Required(2)
	fieldLast      = handover.Required(3)
	fieldBefore    = handover.Required(4)
	fieldAfter     = handover.Required(5)
)

// Export appends where the page is in the log. What was delivered to it and is not sent is left to the log.
func (c *CatchUp) Export(e *handover.Encoder) {
	value.Position(e, fieldAt, c.at)
	for _, s := range c.spans {
		e.Record(fieldSpan, func(e *handover.Encoder) {
			e.Uint(fieldUntil, s.until)
			value.Labels(e, fieldLabels, s.labels)
		})
	}
	for _, p := range c.parts {
		e.Record(fieldPart, p.export)
	}
	for _, p := range c.had {
		e.Record(fieldHad, p.export)
	}
	var receipts []uint64
	for _, r := range c.pending {
		receipts = append(receipts, r.seq)
	}
	for _, l := range c.tail.frames {
		if l.Frame.Done != nil {
			receipts = append(receipts, l.Position.Seq)
		}
	}
	e.Uints(fieldReceipts, receipts)
}

func (p *part) export(e *handover.Encoder) {
	value.Position(e, fieldPartAt, p.at)
	value.Position(e, fieldPartUntil, p.until)
	e.Uint(fieldLast, uint64(p.last))
	value.Labels(e, fieldBefore, p.before)
	value.Labels(e, fieldAfter, p.after)
}

func decodePart(v *handover.Value) (p part) {
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldPartAt:
			p.at = value.DecodePosition(v)
		case fieldPartUntil:
			p.until = value.DecodePosition(v)
		case fieldLast:
			p.last = v.Count()
		case fieldBefore:
			p.before = value.DecodeLabels(v)
		case fieldAfter:
			p.after = value.DecodeLabels(v)
		default:
			return false
		}
		return true
	})
	return p
}

// Moved is a catch-up that comes from another process.
type Moved struct {
	at       scenecast.Position
	spans    []labelSpan
	parts    []part
	had      []part
	Receipts []uint64 // of pushes that are left to the log, in order
}

// Decode reads what Export has appended.
func Decode(v *handover.Value) *Moved {
	m := new(Moved)
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldAt:
			m.at = value.DecodePosition(v)
		case fieldSpan:
			var s labelSpan
			v.Record(func(f handover.Field, v *handover.Value) bool {
				switch f {
				case fieldUntil:
					s.until = v.Uint()
				case fieldLabels:
					s.labels = value.DecodeLabels(v)
				default:
					return false
				}
				return true
			})
			m.spans = append(m.spans, s)
		case fieldReceipts:
			m.Receipts = v.Uints()
		case fieldPart:
			m.parts = append(m.parts, decodePart(v))
		case fieldHad:
			m.had = append(m.had, decodePart(v))
		default:
			return false
		}
		return true
	})
	if len(m.spans) == 0 {
		m.spans = []labelSpan{{labels: label.Set{}}}
	}
	return m
}

// Adopt goes on with a catch-up of another process. done is what is told of each of Moved.Receipts, in their order; nil: nobody waits.
func Adopt(app string, p scenecast.Protocol, m *Moved, done []func(slot uint32, written bool)) *CatchUp {
	c := &CatchUp{app: app, protocol: p, at: m.at, spans: m.spans, parts: m.parts, had: m.had}
	for i, seq := range m.Receipts {
		if done[i] != nil {
			c.pending = append(c.pending, pendingReceipt{seq, done[i]})
		}
	}
	return c
}
