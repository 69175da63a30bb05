package cluster

import (
	"encoding/json"
	"fmt"
	"time"

	"scenecast"
	"scenecast/engine/tail"
	"scenecast/handover"
	"scenecast/handover/value"
)

// Restoring makes an engine that stands by one that another process has copied.
type Restoring struct {
	*tail.Restoring
	engine *Engine
}

// Restore begins to restore. finished is told what has become of a push whose publisher waits in the process before; it does not wait.
func (e *Engine) Restore(finished func(seq uint64, t scenecast.Tally)) *Restoring {
	e.moving.finished = finished
	return &Restoring{tail.NewRestoring(e.tail, e.keys), e}
}

// Rest takes what Copy.Rest has encoded.
func (r *Restoring) Rest(record []byte) error {
	e := r.engine
	e.taking.Lock() // the backend tells already
	defer e.taking.Unlock()
	if e.moving.journal.isFull() {
		return errJournalFull
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var of time.Time
	now := time.Now()
	err := handover.Decode(record, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldTail:
			if err := r.Restoring.Rest(v.Bytes()); err != nil {
				v.Fail(err)
			}
		case fieldEncodedAt:
			of = v.Time()
		case fieldBegan: // the others measure by it how late messages are
			e.began = now.Add(-v.Duration() - now.Sub(of))
		case fieldBegin:
			e.begin = v.Time()
		case fieldMessages:
			e.messages.Store(v.Uint())
		case fieldRecords:
			e.records = v.Uint()
		case fieldRead:
			e.readTo = v.Uint()
			e.moving.before = e.readTo
		case fieldEpochBegin:
			e.epochBegin = v.Uint()
		case fieldEpochAge:
			e.epochRead = now.Add(-v.Duration())
		case fieldUnsettled:
			e.unsettled = v.Uints()
		case fieldSafe:
			e.safe = v.Uint()
		case fieldAhead:
			e.members.ahead = value.DecodePosition(v)
		case fieldAskNo:
			e.askNo = v.Uint()
		default:
			return e.restorePart(f, v, now)
		}
		return true
	})
	if err == nil && of.IsZero() {
		err = fmt.Errorf("%w: an engine without its clock", handover.ErrMalformed)
	}
	return err
}

// restorePart restores what there are several of.
func (e *Engine) restorePart(f handover.Field, v *handover.Value, now time.Time) bool {
	switch f {
	case fieldOrigin:
		var id scenecast.NodeID
		s := new(seen)
		v.Record(func(f handover.Field, v *handover.Value) bool {
			if f == fieldID {
				id = scenecast.NodeID(v.Uint())
				return true
			}
			return s.restore(f, v)
		})
		if e.seen[id] == nil {
			e.origins = append(e.origins, id)
		}
		e.seen[id] = s
	case fieldMember:
		e.restoreMember(v, now)
	case fieldSender:
		e.restoreSender(v)
	case fieldOwn:
		e.restoreOwn(v)
	case fieldRoute:
		var seq uint64
		var from recordName
		v.Record(func(f handover.Field, v *handover.Value) bool {
			switch f {
			case fieldRouteSeq:
				seq = v.Uint()
			case fieldRouteOrigin:
				from.origin = scenecast.NodeID(v.Uint())
			case fieldRouteNumber:
				from.number = v.Uint()
			default:
				return false
			}
			return true
		})
		e.routes.add(seq, from)
	case fieldQuestion:
		e.restoreQuestion(v)
	case fieldFormer:
		if err := json.Unmarshal(v.Bytes(), &e.members.former); err != nil {
			v.Fail(err)
		}
	default:
		return false
	}
	return true
}

func (e *Engine) restoreMember(v *handover.Value, now time.Time) {
	var id scenecast.NodeID
	m := new(member)
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldID:
			id = scenecast.NodeID(v.Uint())
		case fieldBeat:
			if err := json.Unmarshal(v.Bytes(), &m.beat); err != nil {
				v.Fail(err)
			}
		case fieldHeard:
			m.heard = now.Add(-v.Duration())
		case fieldKnows:
			m.knows = v.Bool()
		case fieldLate:
			m.late = v.Bool()
		case fieldSince:
			m.since = v.Time()
		default:
			return false
		}
		return true
	})
	e.members.byID[id] = m
}

func (e *Engine) restoreSender(v *handover.Value) {
	var id scenecast.NodeID
	s := new(sender)
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldID:
			id = scenecast.NodeID(v.Uint())
		case fieldSmallest:
			s.smallest = v.Duration()
		case fieldBefore:
			s.before = v.Duration()
		case fieldMinute:
			s.minute = v.Duration()
		default:
			return s.seen.restore(f, v)
		}
		return true
	})
	e.members.senders[id] = s
}

func (e *Engine) restoreQuestion(v *handover.Value) {
	var w waitingAsk
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldFrom:
			w.from = scenecast.NodeID(v.Uint())
		case fieldText:
			if err := json.Unmarshal(v.Bytes(), &w.question); err != nil {
				v.Fail(err)
			}
		case fieldUntil:
			w.until = v.Time()
		default:
			return false
		}
		return true
	})
	e.waiting = append(e.waiting, w)
}

// restoreOwn restores a record whose publishers wait in the process before.
func (e *Engine) restoreOwn(v *handover.Value) {
	o := &ownRecord{read: true, isMoved: true, reported: make(map[scenecast.NodeID]bool)}
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldNumber:
			o.number = v.Uint()
		case fieldPlace:
			o.place = v.Uint()
		case fieldAppended:
			o.appended = v.Bool()
			o.unsafe = !o.appended
		case fieldReported:
			for _, id := range v.Uints() {
				o.reported[scenecast.NodeID(id)] = true
			}
		case fieldUnreported:
			for _, id := range v.Uints() {
				o.reported[scenecast.NodeID(id)] = false
			}
		case fieldPush:
			e.restorePush(v, o)
		default:
			return false
		}
		return true
	})
	if o.left > 0 {
		e.kept[o.number] = o
	}
}

func (e *Engine) restorePush(v *handover.Value, o *ownRecord) {
	index, known := 0, 0
	var t scenecast.Tally
	s := &submission{push: new(scenecast.Push), record: o, waiting: make(map[scenecast.NodeID]struct{}), read: make(chan struct{}), uncertain: make(chan struct{})}
	close(s.read)
	v.Record(func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldIndex:
			index = v.Count()
		case fieldPushID:
			s.push.ID = v.Text()
		case fieldPosition:
			s.outcome.position = value.DecodePosition(v)
		case fieldReceipt:
			s.push.Receipt = scenecast.Receipt(v.Count())
		case fieldTimeout:
			s.push.Timeout = v.Duration()
		case fieldTally:
			t = value.DecodeTally(v)
		case fieldKnown:
			known = v.Count()
		case fieldWaiting:
			for _, id := range v.Uints() {
				s.waiting[scenecast.NodeID(id)] = struct{}{}
			}
		default:
			return false
		}
		return true
	})
	if index >= maxPushes || index < len(o.pushes) {
		v.Fail(fmt.Errorf("%w: a record's push %d", handover.ErrMalformed, index))
		return
	}
	s.progress = tail.ProgressAt(e.tail, e.keys, s.outcome.position.Seq)
	if s.progress == nil { // it is not kept any more
		s.progress = new(tail.Progress)
		s.progress.Restore(tail.Outcome{Tally: t, Queued: true, Known: known})
	}
	s.outcome.id, s.outcome.progress = s.push.ID, s.progress
	for len(o.pushes) < index { // those before it have ended
		before := &submission{push: new(scenecast.Push), record: o, ended: true, err: scenecast.ErrClosed}
		if before.progress = tail.ProgressAt(e.tail, e.keys, seqOf(o.place, len(o.pushes))); before.progress == nil {
			before.progress = new(tail.Progress)
		}
		o.pushes = append(o.pushes, before)
	}
	o.pushes = append(o.pushes, s)
	o.left++
}

// armMoved, with mu held, has the records of the process before wait as long as they may.
func (e *Engine) armMoved() {
	for _, o := range e.kept {
		if o.isMoved && len(o.reported) > 1 {
			o.answerTimer = time.AfterFunc(e.options.AnswerTimeout, func() { e.answersOverdue(o) })
		}
	}
}

// export appends which numbers were seen: the highest, and how many in a row were, were not, and so on, from the highest down.
func (s *seen) export(out *handover.Encoder) {
	out.Uint(fieldHighest, s.highest)
	var runs []uint64
	had, run := true, uint64(0)
	for n := s.highest; n > 0 && s.highest-n < seenWindow; n-- {
		if has := s.bits[n/64%(seenWindow/64)]&(1<<(n%64)) != 0; has != had {
			runs, had, run = append(runs, run), has, 0
		}
		run++
	}
	out.Uints(fieldSeen, append(runs, run))
}

func (s *seen) restore(f handover.Field, v *handover.Value) bool {
	switch f {
	case fieldHighest:
		s.highest = v.Uint()
	case fieldSeen:
		n := s.highest
		for i, run := range v.Uints() {
			for ; run > 0 && n > 0 && s.highest-n < seenWindow; run-- {
				if i%2 == 0 {
					s.bits[n/64%(seenWindow/64)] |= 1 << (n % 64)
				}
				n--
			}
		}
	default:
		return false
	}
	return true
}
