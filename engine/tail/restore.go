package tail

import (
	"crypto/sha256"
	"fmt"
	"time"

	"scenecast"
	"scenecast/handover"
	"scenecast/handover/value"
)

// Restoring makes a log and its keys, which nobody uses yet, those that another process has copied. Not safe for concurrent use.
type Restoring struct {
	log     *Log
	keys    *Keys
	decoder value.Decoder
	lasting map[uint64]*scenecast.Push // those of the log with a ttl, by sequence number
}

// NewRestoring begins to restore a log and its keys.
func NewRestoring(l *Log, k *Keys) *Restoring {
	return &Restoring{log: l, keys: k, lasting: make(map[uint64]*scenecast.Push)}
}

// Lasting are the pushes with a ttl that were in the log, by sequence number.
func (r *Restoring) Lasting() map[uint64]*scenecast.Push { return r.lasting }

// Pushes takes a part of the log.
func (r *Restoring) Pushes(list []byte) error {
	now := time.Now()
	return handover.DecodeList(list, func(record []byte) error {
		var p *scenecast.Push
		progress := new(Progress)
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
		case p == nil || p.Position.Seq <= r.log.Newest().Seq:
			return fmt.Errorf("%w: pushes out of order", handover.ErrMalformed)
		}
		if p.TTL > 0 {
			r.lasting[p.Position.Seq] = p
		}
		r.log.Add(p, progress, now)
		return nil
	})
}

// Keys takes a part of the idempotency keys.
func (r *Restoring) Keys(list []byte) error {
	return handover.DecodeList(list, func(record []byte) error {
		a := new(Attempt)
		var outcome Outcome
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
		if e, ok := r.log.AtSeq(a.Position.Seq); ok {
			a.Progress = e.Progress // one for both, as it was
		} else {
			a.Progress = new(Progress)
			a.Progress.Restore(outcome)
		}
		r.keys.Add(a)
		return nil
	})
}

// Rest takes what Copy.Rest has encoded. Log and keys are whole then.
func (r *Restoring) Rest(record []byte) error {
	var shape Shape
	outcomes := make(map[uint64]Outcome)
	err := handover.Decode(record, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldNewest:
			shape.Newest = v.Uint()
		case fieldMissing:
			shape.Missing = v.Uint()
		case fieldSpan:
			var s Span
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
			var o Outcome
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
	if len(shape.Lineage) == 0 || shape.Newest < r.log.Newest().Seq {
		return fmt.Errorf("%w: a log without an epoch, or that ends before its pushes", handover.ErrMalformed)
	}
	r.log.Restore(shape)
	for seq, o := range outcomes {
		if p := ProgressAt(r.log, r.keys, seq); p != nil {
			p.Restore(o)
		}
	}
	return nil
}
