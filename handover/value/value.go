// Package value is the form of what several packages hand over: pushes, labels, positions, tallies.
package value

import (
	"errors"
	"fmt"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/handover"
	"scenecast/label"
)

var (
	fieldID          = handover.Required(1)
	fieldApp         = handover.Required(2)
	fieldEpoch       = handover.Required(3)
	fieldSeq         = handover.Required(4)
	fieldAt          = handover.Required(5)
	fieldTo          = handover.Required(6)
	fieldEvent       = handover.Required(7)
	fieldData        = handover.Required(8)
	fieldTTL         = handover.Required(9)
	fieldCoalesce    = handover.Required(10)
	fieldRetain      = handover.Required(11)
	fieldReceipt     = handover.Required(12)
	fieldTimeout     = handover.Required(13)
	fieldKey         = handover.Required(14)
	fieldConfinement = handover.Required(15)
	fieldUser        = handover.Required(16)
)

// EncodePush appends the fields of a push.
func EncodePush(e *handover.Encoder, p *scenecast.Push) {
	e.Text(fieldID, p.ID)
	e.Text(fieldApp, p.App)
	e.Uint(fieldEpoch, p.Position.Epoch)
	e.Uint(fieldSeq, p.Position.Seq)
	e.Time(fieldAt, p.At)
	e.Text(fieldTo, p.To.String())
	e.Text(fieldEvent, p.Message.Event)
	e.Bytes(fieldData, p.Message.Data)
	e.Duration(fieldTTL, p.TTL)
	e.Text(fieldCoalesce, p.Coalesce)
	e.Text(fieldRetain, p.Retain)
	e.Uint(fieldReceipt, uint64(p.Receipt))
	e.Duration(fieldTimeout, p.Timeout)
	e.Text(fieldKey, p.IdempotencyKey)
	e.Text(fieldConfinement, p.Confinement)
	e.Text(fieldUser, p.Message.User)
}

// Decoder decodes pushes. It keeps the audiences and the names of apps that it has met, so that pushes share them. The zero value is ready;
// not safe for concurrent use.
type Decoder struct {
	audiences map[string]audience.Expr
	apps      map[string]string
}

// maxAudiences bounds what a decoder keeps.
const maxAudiences = 4096

// Push decodes what EncodePush has appended. The push is the caller's own.
func (d *Decoder) Push(v *handover.Value) *scenecast.Push {
	p := new(scenecast.Push)
	to := ""
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldID:
			p.ID = v.Text()
		case fieldApp:
			p.App = d.app(v.Text())
		case fieldEpoch:
			p.Position.Epoch = v.Uint()
		case fieldSeq:
			p.Position.Seq = v.Uint()
		case fieldAt:
			p.At = v.Time()
		case fieldTo:
			to = v.Text()
		case fieldEvent:
			p.Message.Event = v.Text()
		case fieldData:
			p.Message.Data = append([]byte(nil), v.Bytes()...)
		case fieldTTL:
			p.TTL = v.Duration()
		case fieldCoalesce:
			p.Coalesce = v.Text()
		case fieldRetain:
			p.Retain = v.Text()
		case fieldReceipt:
			if n := v.Count(); n < len(scenecast.Receipts) {
				p.Receipt = scenecast.Receipt(n)
			} else {
				v.Fail(fmt.Errorf("%w: receipt %d", handover.ErrMalformed, n))
			}
		case fieldTimeout:
			p.Timeout = v.Duration()
		case fieldKey:
			p.IdempotencyKey = v.Text()
		case fieldConfinement:
			p.Confinement = v.Text()
		case fieldUser:
			p.Message.User = v.Text()
		default:
			return false
		}
		return true
	})
	if p.IdempotencyKey == p.ID {
		p.IdempotencyKey = p.ID // the same text, as the log counts it
	}
	var err error
	if p.To, err = d.audience(to); err != nil {
		v.Fail(fmt.Errorf("%w: a push to %.80q: %w", handover.ErrMalformed, to, err))
	}
	return p
}

func (d *Decoder) audience(text string) (audience.Expr, error) {
	if to, known := d.audiences[text]; known {
		return to, nil
	}
	to, err := audience.Parse(text)
	if err == nil && len(d.audiences) < maxAudiences {
		if d.audiences == nil {
			d.audiences = make(map[string]audience.Expr)
		}
		d.audiences[text] = to
	}
	return to, err
}

func (d *Decoder) app(name string) string {
	if known, ok := d.apps[name]; ok {
		return known
	}
	if d.apps == nil {
		d.apps = make(map[string]string)
	}
	d.apps[name] = name
	return name
}

// Labels appends a set of labels as a list of keys and values, unless it is empty.
func Labels(e *handover.Encoder, f handover.Field, s label.Set) {
	if s.Len() == 0 {
		return
	}
	texts := make([]string, 0, 2*s.Len())
	for l := range s.All() {
		texts = append(texts, l.Key, l.Value)
	}
	e.Texts(f, texts)
}

var errLabels = errors.New("a key without a value")

// DecodeLabels reads what Labels has appended.
func DecodeLabels(v *handover.Value) label.Set {
	texts := v.Texts()
	if len(texts)%2 != 0 {
		v.Fail(errLabels)
		return label.Set{}
	}
	labels := make([]label.Label, len(texts)/2)
	for i := range labels {
		labels[i] = label.Label{Key: texts[2*i], Value: texts[2*i+1]}
	}
	return label.New(labels...)
}

// Position appends a position, unless it is the zero one.
func Position(e *handover.Encoder, f handover.Field, p scenecast.Position) {
	if p != (scenecast.Position{}) {
		e.Uints(f, []uint64{p.Epoch, p.Seq})
	}
}

// DecodePosition reads what Position has appended.
func DecodePosition(v *handover.Value) (p scenecast.Position) {
	n := v.Uints()
	if len(n) != 2 {
		v.Fail(handover.ErrMalformed)
		return p
	}
	return scenecast.Position{Epoch: n[0], Seq: n[1]}
}

var (
	fieldNodes    = handover.Required(1)
	fieldMatched  = handover.Required(2)
	fieldQueued   = handover.Required(3)
	fieldDropped  = handover.Required(4)
	fieldWritten  = handover.Required(5)
	fieldAcked    = handover.Required(6)
	fieldTimedOut = handover.Required(7)
)

// Tally appends a tally, also one without anything.
func Tally(e *handover.Encoder, f handover.Field, t scenecast.Tally) {
	e.Record(f, func(e *handover.Encoder) {
		e.Int(fieldNodes, int64(t.Nodes))
		e.Int(fieldMatched, int64(t.Matched))
		e.Int(fieldQueued, int64(t.Queued))
		e.Int(fieldDropped, int64(t.Dropped))
		e.Int(fieldWritten, int64(t.Written))
		e.Int(fieldAcked, int64(t.Acked))
		e.Int(fieldTimedOut, int64(t.TimedOut))
	})
}

// DecodeTally reads what Tally has appended.
func DecodeTally(v *handover.Value) (t scenecast.Tally) {
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldNodes:
			t.Nodes = int(v.Int())
		case fieldMatched:
			t.Matched = int(v.Int())
		case fieldQueued:
			t.Queued = int(v.Int())
		case fieldDropped:
			t.Dropped = int(v.Int())
		case fieldWritten:
			t.Written = int(v.Int())
		case fieldAcked:
			t.Acked = int(v.Int())
		case fieldTimedOut:
			t.TimedOut = int(v.Int())
		default:
			return false
		}
		return true
	})
	return t
}

// Keys appends a list of keys of which nil means something else than none.
func Keys(e *handover.Encoder, f handover.Field, keys []string) {
	if keys != nil {
		e.Texts(f, append([]string{""}, keys...))
	}
}

// DecodeKeys reads what Keys has appended.
func DecodeKeys(v *handover.Value) []string {
	texts := v.Texts()
	if len(texts) == 0 {
		v.Fail(handover.ErrMalformed)
		return nil
	}
	return texts[1:]
}

// Age appends how long ago something was, also 0.
func Age(e *handover.Encoder, f handover.Field, d time.Duration) { e.Duration(f, d+1) }

// DecodeAge reads what Age has appended.
func DecodeAge(v *handover.Value) time.Duration { return v.Duration() - 1 }
