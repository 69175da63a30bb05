package cluster

import (
	"encoding/json"
	"time"

	"scenecast/engine/tail"
	"scenecast/handover"
	"scenecast/handover/value"
)

// What goes from the process that is the node to the one that is to be it, besides the log's tail and its keys.
var (
	fieldTail       = handover.Required(1)
	fieldEncodedAt  = handover.Required(2)
	fieldBegan      = handover.Required(3)
	fieldBegin      = handover.Required(4)
	fieldMessages   = handover.Required(5)
	fieldRecords    = handover.Required(6)
	fieldRead       = handover.Required(7)
	fieldEpochBegin = handover.Required(8)
	fieldEpochAge   = handover.Required(9)
	fieldUnsettled  = handover.Required(10)
	fieldSafe       = handover.Required(11)
	fieldAhead      = handover.Required(12)
	fieldAskNo      = handover.Required(13)
	fieldOrigin     = handover.Required(14)
	fieldMember     = handover.Required(15)
	fieldSender     = handover.Required(16)
	fieldOwn        = handover.Required(17)
	fieldRoute      = handover.Required(18)
	fieldQuestion   = handover.Required(19)
	fieldFormer     = handover.Optional(20)

	fieldID       = handover.Required(1)
	fieldSeen     = handover.Required(2)
	fieldHighest  = handover.Required(3)
	fieldSmallest = handover.Required(4)
	fieldBefore   = handover.Required(5)
	fieldMinute   = handover.Required(6)

	fieldBeat  = handover.Required(2)
	fieldHeard = handover.Required(3)
	fieldKnows = handover.Required(4)
	fieldLate  = handover.Required(5)
	fieldSince = handover.Required(6)

	fieldNumber     = handover.Required(1)
	fieldPlace      = handover.Required(2)
	fieldAppended   = handover.Required(3)
	fieldReported   = handover.Required(4)
	fieldUnreported = handover.Required(5)
	fieldPush       = handover.Required(6)

	fieldPushID   = handover.Required(1)
	fieldPosition = handover.Required(2)
	fieldReceipt  = handover.Required(3)
	fieldTimeout  = handover.Required(4)
	fieldTally    = handover.Required(5)
	fieldKnown    = handover.Required(6)
	fieldWaiting  = handover.Required(7)
	fieldIndex    = handover.Required(8)

	fieldRouteSeq    = handover.Required(1)
	fieldRouteOrigin = handover.Required(2)
	fieldRouteNumber = handover.Required(3)

	fieldFrom  = handover.Required(1)
	fieldText  = handover.Required(2)
	fieldUntil = handover.Required(3)
)

// messageMargin is how many messages the process before may have sent that it did not know of when it encoded how many there were.
const messageMargin = 1024

// Copy is the engine's state on its way to another process: the tail of the log and its keys while all goes on, and behind Quiesce the rest.
type Copy struct {
	*tail.Copy
	engine *Engine
}

// Copy begins a copy.
func (e *Engine) Copy() *Copy { return &Copy{tail.NewCopy(&e.mu, e.tail, e.keys), e} }

// Rest encodes what is left. The engine takes nothing meanwhile, and IsIdle. Changed are pushes of which more may be known than was copied.
func (c *Copy) Rest(out *handover.Encoder, changed []uint64) {
	out.Record(fieldTail, func(out *handover.Encoder) { c.Copy.Rest(out, changed) })
	e := c.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	out.Time(fieldEncodedAt, now)
	out.Duration(fieldBegan, now.Sub(e.began))
	out.Time(fieldBegin, e.begin)
	out.Uint(fieldMessages, e.messages.Load()+messageMargin)
	out.Uint(fieldRecords, e.records)
	out.Uint(fieldRead, e.readTo)
	out.Uint(fieldEpochBegin, e.epochBegin)
	if !e.epochRead.IsZero() {
		out.Duration(fieldEpochAge, now.Sub(e.settlesFrom()))
	}
	out.Uints(fieldUnsettled, e.unsettled)
	out.Uint(fieldSafe, e.safe)
	value.Position(out, fieldAhead, e.members.ahead)
	out.Uint(fieldAskNo, e.askNo)
	for _, id := range e.origins {
		out.Record(fieldOrigin, func(out *handover.Encoder) {
			out.Uint(fieldID, uint64(id))
			e.seen[id].export(out)
		})
	}
	for id, m := range e.members.byID {
		out.Record(fieldMember, func(out *handover.Encoder) {
			out.Uint(fieldID, uint64(id))
			body, _ := json.Marshal(m.beat) // texts and numbers: it cannot fail
			out.Bytes(fieldBeat, body)
			out.Duration(fieldHeard, now.Sub(m.heard))
			out.Bool(fieldKnows, m.knows)
			out.Bool(fieldLate, m.late)
			out.Time(fieldSince, m.since)
		})
	}
	for id, s := range e.members.senders {
		out.Record(fieldSender, func(out *handover.Encoder) {
			out.Uint(fieldID, uint64(id))
			s.seen.export(out)
			out.Duration(fieldSmallest, s.smallest)
			out.Duration(fieldBefore, s.before)
			out.Duration(fieldMinute, s.minute)
		})
	}
	if former := e.members.former.export(); former != nil {
		out.Bytes(fieldFormer, former)
	}
	e.moving.awaiting = make(map[uint64]*submission)
	for _, o := range e.kept {
		if o.left > 0 {
			out.Record(fieldOwn, func(out *handover.Encoder) { e.exportOwn(out, o) })
		}
	}
	for seq, from := range e.routes.bySeq {
		if _, kept := e.tail.AtSeq(seq); kept {
			out.Record(fieldRoute, func(out *handover.Encoder) {
				out.Uint(fieldRouteSeq, seq)
				out.Uint(fieldRouteOrigin, uint64(from.origin))
				out.Uint(fieldRouteNumber, from.number)
			})
		}
	}
	for _, w := range e.waiting {
		text, err := json.Marshal(w.question)
		if err != nil {
			continue
		}
		out.Record(fieldQuestion, func(out *handover.Encoder) {
			out.Uint(fieldFrom, uint64(w.from))
			out.Bytes(fieldText, text)
			out.Time(fieldUntil, w.until)
		})
	}
}

// exportOwn encodes a record of this node's that the log has, and of which nodes have more to tell.
func (e *Engine) exportOwn(out *handover.Encoder, o *ownRecord) {
	out.Uint(fieldNumber, o.number)
	out.Uint(fieldPlace, o.place)
	out.Bool(fieldAppended, o.appended)
	var reported, unreported []uint64
	for id, has := range o.reported {
		if has {
			reported = append(reported, uint64(id))
		} else {
			unreported = append(unreported, uint64(id))
		}
	}
	out.Uints(fieldReported, reported)
	out.Uints(fieldUnreported, unreported)
	for i, s := range o.pushes {
		if s.ended {
			continue
		}
		e.moving.awaiting[s.outcome.position.Seq] = s
		out.Record(fieldPush, func(out *handover.Encoder) {
			out.Uint(fieldIndex, uint64(i))
			out.Text(fieldPushID, s.push.ID)
			value.Position(out, fieldPosition, s.outcome.position)
			out.Uint(fieldReceipt, uint64(s.push.Receipt))
			out.Duration(fieldTimeout, s.push.Timeout)
			t, _ := s.progress.SoFar()
			value.Tally(out, fieldTally, t)
			out.Uint(fieldKnown, uint64(s.progress.Known))
			var waiting []uint64
			for id := range s.waiting {
				waiting = append(waiting, uint64(id))
			}
			out.Uints(fieldWaiting, waiting)
		})
	}
}
