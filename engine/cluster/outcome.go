package cluster

import (
	"errors"
	"time"

	"scenecast"
	"scenecast/engine/tail"
)

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
	if s.record.isMoved {
		t, _ := s.progress.SoFar()
		e.moving.finished(s.outcome.position.Seq, t)
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
