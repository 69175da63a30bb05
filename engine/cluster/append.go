package cluster

import (
	"time"

	"scenecast"
	"scenecast/language"
)

// maxInFlight is how many records of a node are on their way at a time. With one, the network's round trip would bound what gets
// through; with more, records would be smaller and the log's work more.
const maxInFlight = 2

// appendMore, with mu held, appends what waits, as far as records may be on their way.
func (e *Engine) appendMore() {
	for e.appending < maxInFlight {
		if len(e.queue) == 0 {
			e.seal()
		}
		if len(e.queue) == 0 {
			return
		}
		o := e.queue[0]
		e.queue[0] = nil
		e.queue = e.queue[1:]
		if o.isThereAgain() {
			e.keepOther(o.of)
			continue
		}
		e.appendRecord(o)
	}
}

// appendRecord, with mu held, puts a record on its way.
func (e *Engine) appendRecord(o *ownRecord) {
	if o.began.IsZero() {
		e.queued -= len(o.bytes)
		o.epoch = e.tail.Newest().Epoch
		head := appendHead(make([]byte, 0, len(o.bytes)+24), max(1, o.version), e.options.ID, o.number)
		body, count := o.withTraces()
		o.bytes = append(appendCount(head, count), body...)
		if o.retries != (scenecast.Position{}) { // to pages of this node it has come before
			o.bytes = again(o.bytes, o.retries.Epoch)
		}
		e.kept[o.number] = o
		o.appendTimer = time.AfterFunc(e.options.UnavailableAfter, func() { e.appendOverdue(o) })
	}
	if !o.began.IsZero() {
		e.counts.appendedAgain.Add(1)
	}
	o.began, o.pause, o.sending, o.failure = time.Now(), 0, true, nil
	e.inFlight[o] = struct{}{}
	e.appending++
	o.flightTimer = time.AfterFunc(e.options.UnavailableAfter, func() { e.flightOverdue(o) })
	e.tryAppend(o)
}

// tryAppend, with mu held, gives a record to the backend.
func (e *Engine) tryAppend(o *ownRecord) {
	e.backend.Append(o.bytes, func(err error) { e.appendEnded(o, err) })
}

// The time between two attempts to append a record.
const (
	firstPause = 20 * time.Millisecond
	mostPause  = 500 * time.Millisecond
)

// appendEnded is told how an attempt to append a record has ended. Without success there is another one, until the node gives the
// record up.
func (e *Engine) appendEnded(o *ownRecord, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err == nil:
		e.counts.appended.Add(1)
		o.appended, o.taken = true, time.Now()
		e.removeInFlight(o)
		e.appended = o.taken
		e.setDown(false, nil)
		e.noteSafe(o)
		e.completeAll(o)
		switch {
		case o.again && o.placed() <= e.epochBegin:
			e.queue = append(e.queue, o)
		case o.of != nil:
			e.keepOther(o.of)
		default:
			e.inOrder = append(e.inOrder, o)
			e.keptBytes += len(o.bytes)
		}
		o.again = false
		e.appendMore()
		e.prune()
	case e.ctx.Err() != nil, time.Since(o.began) > e.options.AppendAgain:
		e.giveUp(o)
	default:
		e.logger.Debug("engine: a record was not appended", "err", err)
		o.failure = err
		o.pause = min(max(firstPause, 2*o.pause), mostPause)
		o.retry = time.AfterFunc(o.pause, func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			if e.ctx.Err() != nil {
				e.giveUp(o)
			} else if o.sending && o.isThereAgain() {
				e.removeInFlight(o)
				e.keepOther(o.of)
				e.appendMore()
			} else if o.sending {
				e.counts.appendedAgain.Add(1)
				o.markAgain() // also where this node has not read yet that an epoch has begun
				e.tryAppend(o)
			}
		})
	}
}

// placed is the record's number in the log, as far as that is known to have it; otherwise 0.
func (o *ownRecord) placed() uint64 {
	if o.of != nil {
		return o.of.place
	}
	return o.place
}

// giveUp, with mu held, ends the attempts to append a record. Whether one of them has come through is not known.
func (e *Engine) giveUp(o *ownRecord) {
	e.removeInFlight(o)
	o.bytes = nil
	if o.of != nil {
		delete(e.others.byName, o.of.name)
	}
	if !o.read {
		e.failAll(o, scenecast.ErrUncertain)
	}
	if o.left == 0 {
		delete(e.kept, o.number)
	}
	if e.ctx.Err() != nil {
		return
	}
	if e.down && e.appending == 0 {
		e.probe()
	}
	e.appendMore()
}

// removeInFlight, with mu held, notes that a record is not on its way any more.
func (e *Engine) removeInFlight(o *ownRecord) {
	o.sending = false
	o.flightTimer.Stop()
	delete(e.inFlight, o)
	e.appending--
}

// probe, with mu held, has a record without pushes on its way: while publishes are refused, it is what finds out that records get
// through again.
func (e *Engine) probe() {
	e.records++
	e.appendRecord(&ownRecord{number: e.records})
}

// flightOverdue is told that a record has been on its way for long, the first time or again. Where no record at all gets through,
// nothing more is taken.
func (e *Engine) flightOverdue(o *ownRecord) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if o.sending && !e.appended.After(o.began) {
		err := language.Errorf("no record was appended for %v", e.options.UnavailableAfter)
		if o.failure != nil {
			err = language.Errorf("%w: %w", err, o.failure)
		}
		e.setDown(true, err)
	}
}

// appendOverdue is told that a record has not come back for long. Who waits for it is told that its end is not known.
func (e *Engine) appendOverdue(o *ownRecord) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if o.appended && o.read {
		return
	}
	e.stopWaitingForAppend(o)
	for _, s := range o.pushes {
		if !s.isDecided() && !s.isUncertain {
			s.isUncertain = true
			e.counts.uncertain.Add(1)
			close(s.uncertain)
		}
	}
}

// stopWaitingForAppend, with mu held, has nobody wait any longer for the backend to say that a record is safe. Who waits for a push
// that was read back is told that this is not known.
func (e *Engine) stopWaitingForAppend(o *ownRecord) {
	if !o.appended {
		o.unsafe = true
		e.completeAll(o)
	}
}

// failQueued, with mu held, gives up what was not on its way: surely none of it was published.
func (e *Engine) failQueued() {
	e.seal()
	var again []*ownRecord
	for _, o := range e.queue {
		if !o.began.IsZero() { // it was on its way before
			again = append(again, o)
			continue
		}
		e.queued -= len(o.bytes)
		e.failAll(o, scenecast.ErrUnavailable)
	}
	e.queue = again
}
