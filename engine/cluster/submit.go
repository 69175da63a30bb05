package cluster

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"time"

	"scenecast"
	"scenecast/engine/tail"
	"scenecast/problem"
)

// ownRecord is a record of this node's, from the first push that is submitted for it until nothing about it can change any more.
type ownRecord struct {
	number uint64 // among the node's records
	bytes  []byte
	pushes []*submission
	left   int // of the pushes, those that have not ended

	pause    time.Duration // before the next attempt
	retry    *time.Timer
	began    time.Time // when it was put on its way, the last time
	taken    time.Time // when the backend took it, the last time
	appended bool      // the backend has said that it is safe
	unsafe   bool      // it has not, for long: nobody waits for that any more
	read     bool      // it has been read back
	place    uint64    // its number in the log, as far as that is known to have it; otherwise 0
	sending  bool      // it is on its way
	again    bool      // an epoch has begun meanwhile

	reported    map[scenecast.NodeID]bool // whether each node that is waited for since it was read back has reported
	early       map[scenecast.NodeID]bool // nodes that have reported before it was read back
	answerTimer *time.Timer               // calls answersOverdue
	appendTimer *time.Timer               // calls appendOverdue
	flightTimer *time.Timer               // calls flightOverdue
}

// submission is one push of a record.
type submission struct {
	push        *scenecast.Push
	fingerprint [sha256.Size]byte
	progress    *tail.Progress
	waiting     map[scenecast.NodeID]struct{} // nodes that have not told everything, once it was read back
	early       []scenecast.NodeID            // nodes that have told everything before

	read        chan struct{} // closed when the log has said what becomes of it, or err is set
	outcome     published     // … and is this
	err         error         // or this
	uncertain   chan struct{} // closed when it is not known whether it will be published
	isUncertain bool
	ended       bool
	record      *ownRecord
}

// published is where the log has a push, or the one that it stands for.
type published struct {
	id       string
	position scenecast.Position
	progress *tail.Progress
	replayed bool
	partial  bool // the progress counts this node's part alone
}

// maxInFlight is how many records of a node are on their way at a time. With one, the network's round trip would bound what gets
// through; with more, records would be smaller and the log's work more.
const maxInFlight = 2

// Submit implements scenecast.Engine.
func (e *Engine) Submit(p scenecast.Push) (scenecast.Pending, error) {
	p.Message.Data = bytes.Clone(p.Message.Data) // it is kept, and the caller's buffer is the caller's
	var fingerprint [sha256.Size]byte
	if p.IdempotencyKey != "" {
		fingerprint = p.Fingerprint()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, scenecast.ErrClosed
	}
	now := e.options.Now()
	if key := (tail.Name{App: p.App, ID: p.IdempotencyKey}); key.ID != "" {
		if a := e.keys.Find(key, now); a != nil {
			if a.Fingerprint != fingerprint {
				return nil, scenecast.ErrKeyReused
			}
			return &retry{e, attempted(a)}, nil
		}
		switch s := e.byKey[key]; {
		case s == nil:
		case s.fingerprint == fingerprint: // also if it is uncertain: it is on its way still, and nothing is gained by another one
			return &waiter{e, s, true}, nil
		case !s.isUncertain:
			return nil, scenecast.ErrKeyReused
		}
	}
	if e.down || e.state != nil || !e.isLive || e.queued >= e.options.MaxQueued {
		e.counts.refused.Add(1)
		return nil, scenecast.ErrUnavailable
	}
	if err := e.backend.CheckRoom(); err != nil {
		e.counts.refused.Add(1)
		return nil, err
	}
	if size := len(p.Message.Data) + recordOverhead; size > e.backend.MaxRecord() {
		return nil, problem.New(problem.TooLarge, "the message has %d bytes, and the log takes records of %d", len(p.Message.Data), e.backend.MaxRecord()).
			At("message")
	}
	p.At = now
	s := &submission{push: &p, fingerprint: fingerprint, progress: new(tail.Progress), read: make(chan struct{}), uncertain: make(chan struct{})}
	e.enqueue(s)
	e.appendMore()
	return &waiter{e, s, false}, nil
}

// recordOverhead is more than what a record has besides one message: an audience may have 4 KiB of text.
const recordOverhead = 16 << 10

// enqueue, with mu held, puts a push into the record that takes what is submitted.
func (e *Engine) enqueue(s *submission) {
	size := len(s.push.Message.Data) + 256
	if o := e.open; o != nil && (len(o.pushes) == maxPushes || len(o.bytes)+size > maxRecordBytes) {
		e.seal()
	}
	if e.open == nil {
		e.records++
		e.open = &ownRecord{number: e.records}
	}
	o := e.open
	s.record = o
	before := len(o.bytes)
	o.bytes = appendPush(o.bytes, s.push)
	o.pushes = append(o.pushes, s)
	o.left++
	e.queued += len(o.bytes) - before
	if key := s.push.IdempotencyKey; key != "" {
		e.byKey[tail.Name{App: s.push.App, ID: key}] = s
	}
}

// seal, with mu held, has the open record wait to be appended.
func (e *Engine) seal() {
	if e.open != nil {
		e.queue = append(e.queue, e.open)
		e.open = nil
	}
}

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
		e.appendRecord(o)
	}
}

// appendRecord, with mu held, puts a record on its way.
func (e *Engine) appendRecord(o *ownRecord) {
	if o.began.IsZero() {
		e.queued -= len(o.bytes)
		head := appendHead(make([]byte, 0, len(o.bytes)+24), e.options.ID, o.number)
		o.bytes = append(appendCount(head, len(o.pushes)), o.bytes...)
		e.kept[o.number] = o
		o.appendTimer = time.AfterFunc(e.options.UnavailableAfter, func() { e.appendOverdue(o) })
	}
	if !o.began.IsZero() {
		e.counts.appendedAgain.Add(1)
	}
	o.began, o.pause, o.sending = time.Now(), 0, true
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
		e.completeAll(o)
		if again := o.again && o.place <= e.epochBegin; again {
			e.queue = append(e.queue, o)
		} else {
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
		o.pause = min(max(firstPause, 2*o.pause), mostPause)
		o.retry = time.AfterFunc(o.pause, func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			if e.ctx.Err() != nil {
				e.giveUp(o)
			} else if o.sending {
				e.counts.appendedAgain.Add(1)
				e.tryAppend(o)
			}
		})
	}
}

// giveUp, with mu held, ends the attempts to append a record. Whether one of them has come through is not known.
func (e *Engine) giveUp(o *ownRecord) {
	e.removeInFlight(o)
	o.bytes = nil
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
		e.setDown(true, errors.New("no record was appended for "+e.options.UnavailableAfter.String()))
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

// forgetKey, with mu held, lets the log alone say who has a push's key.
func (e *Engine) forgetKey(s *submission) {
	key := tail.Name{App: s.push.App, ID: s.push.IdempotencyKey}
	if e.byKey[key] == s {
		delete(e.byKey, key)
	}
}

// fail, with mu held, ends a push of which the log has said nothing, and will say nothing that anybody waits for.
func (e *Engine) fail(s *submission, err error) {
	if s.isDecided() {
		return
	}
	s.err = err
	switch {
	case errors.Is(err, scenecast.ErrUnavailable):
		e.counts.refused.Add(1)
	case errors.Is(err, scenecast.ErrUncertain) && !s.isUncertain:
		e.counts.uncertain.Add(1)
	}
	close(s.read)
	e.end(s)
}

// failAll, with mu held, does so with all pushes of a record.
func (e *Engine) failAll(o *ownRecord, err error) {
	for _, s := range o.pushes {
		e.fail(s, err)
	}
}

// isDecided reports whether it is known what becomes of the push.
func (s *submission) isDecided() bool { return s.err != nil || s.outcome.progress != nil }

// decide notes what the log has said.
func (s *submission) decide(v published) {
	if !s.isDecided() {
		s.outcome = v
		close(s.read)
	}
}

// completeAll, with mu held, ends the pushes of a record of which everything is in.
func (e *Engine) completeAll(o *ownRecord) {
	for _, s := range o.pushes {
		e.completeIf(s)
	}
}

// completeIf, with mu held, ends a push if everything is in: the log has it, safely, and every node has told of it.
func (e *Engine) completeIf(s *submission) {
	if s.ended || !s.record.appended && !s.record.unsafe || !s.record.read || len(s.waiting) > 0 || s.outcome.progress == nil {
		return
	}
	if !s.outcome.replayed {
		s.progress.Add(scenecast.Tally{}, true)
	}
	e.end(s)
}

// end, with mu held, notes that nothing about a push is waited for any more. A record of which that is true of all pushes keeps
// only its bytes, as long as it may be appended again.
func (e *Engine) end(s *submission) {
	if s.ended {
		return
	}
	s.ended = true
	e.forgetKey(s)
	o := s.record
	if o.left--; o.left > 0 {
		return
	}
	o.pushes = nil
	if o.appendTimer != nil {
		o.appendTimer.Stop()
	}
	if o.answerTimer != nil {
		o.answerTimer.Stop()
	}
	if o.bytes == nil {
		delete(e.kept, o.number)
	}
}

// maxKept bounds the bytes of records that may be appended again, whatever their age.
const maxKept = 64 << 20

// prune, with mu held, lets go of records that are too old to be appended again.
func (e *Engine) prune() {
	for len(e.inOrder) > 0 {
		o := e.inOrder[0]
		if time.Since(o.taken) < e.options.AppendAgain && e.keptBytes <= maxKept {
			return
		}
		e.inOrder[0] = nil
		e.inOrder = e.inOrder[1:]
		e.keptBytes -= len(o.bytes)
		o.bytes = nil
		if o.left == 0 {
			delete(e.kept, o.number)
		}
	}
}
