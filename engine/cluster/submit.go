package cluster

import (
	"bytes"
	"crypto/sha256"
	"time"

	"scenecast"
	"scenecast/engine/tail"
	"scenecast/problem"
)

// ownRecord is a record of this node's, from the first push that is submitted for it until nothing about it can change any more. It is also
// one of another node's, while this one appends it again.
type ownRecord struct {
	number uint64       // among the node's records, from 1; 0: it is another node's
	epoch  uint64       // in which it was put on its way first
	of     *otherRecord // what it is; nil: it is this node's

	// retries is the oldest place of a push that one of this record's stands for, which this node has read and the log has lost; zero: none.
	retries scenecast.Position

	version byte // of the form that it is written in
	bytes   []byte
	pushes  []*submission
	left    int  // of the pushes, those that have not ended
	traced  bool // one of the pushes is sampled

	pause    time.Duration // before the next attempt
	retry    *time.Timer
	failure  error     // of the newest attempt that has failed, since it was put on its way
	began    time.Time // when it was put on its way, the last time
	taken    time.Time // when the backend took it, the last time
	appended bool      // the backend has said that it is safe
	unsafe   bool      // it has not, for long: nobody waits for that any more
	read     bool      // it has been read back
	place    uint64    // its number in the log, as far as that is known to have it; otherwise 0
	sending  bool      // it is on its way
	again    bool      // an epoch has begun meanwhile
	isMoved  bool      // its publishers wait in the process whose place this one takes

	reported    map[scenecast.NodeID]bool // whether each node that is waited for since it was read back has reported
	early       map[scenecast.NodeID]bool // nodes that have reported before it was read back
	answerTimer *time.Timer               // calls answersOverdue
	appendTimer *time.Timer               // calls appendOverdue
	flightTimer *time.Timer               // calls flightOverdue
}

// markAgain has what is appended from now on say that it has been on its way before, and may be in a part of the log that is lost.
func (o *ownRecord) markAgain() {
	if !o.began.IsZero() && len(o.bytes) > 0 {
		o.bytes = again(o.bytes, o.epoch)
	}
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
	if g := e.moving.gate; g != nil {
		return g.Submit(p)
	}
	return e.submit(p, fingerprint)
}

// submit, with mu held, puts a push on its way.
func (e *Engine) submit(p scenecast.Push, fingerprint [sha256.Size]byte) (scenecast.Pending, error) {
	now := e.options.Now()
	var lost scenecast.Position
	if key := (tail.Name{App: p.App, ID: p.IdempotencyKey}); key.ID != "" {
		if a := e.keys.Find(key, now); a != nil {
			if a.Fingerprint != fingerprint {
				return nil, scenecast.ErrKeyReused
			}
			if !e.tail.IsVoid(a.Position) {
				return &retry{e, attempted(a), p}, nil
			}
			lost = a.Position // and its origin may be gone: it is for nodes that have not read it
		}
		switch s := e.byKey[key]; {
		case s == nil:
		case s.fingerprint == fingerprint: // also if it is uncertain: it is on its way still, and nothing is gained by another one
			return &waiter{e, s, true}, nil
		case !s.isUncertain:
			return nil, scenecast.ErrKeyReused
		}
	}
	if err := e.backend.CheckRoom(); err != nil {
		e.counts.refused.Add(1)
		return nil, err
	}
	if e.down || e.state != nil || !e.isLive || e.queued >= e.options.MaxQueued {
		e.counts.refused.Add(1)
		return nil, scenecast.ErrUnavailable
	}
	if size := len(p.Message.Data) + recordOverhead; size > e.backend.MaxRecord() {
		return nil, problem.New(problem.TooLarge, "the message has %d bytes, and the log takes records of %d", len(p.Message.Data), e.backend.MaxRecord()).
			At("message")
	}
	p.At = now
	s := &submission{push: &p, fingerprint: fingerprint, progress: new(tail.Progress), read: make(chan struct{}), uncertain: make(chan struct{})}
	e.enqueue(s)
	if r := &s.record.retries; lost != (scenecast.Position{}) && (*r == scenecast.Position{} || lost.Seq < r.Seq) {
		*r = lost
	}
	e.appendMore()
	return &waiter{e, s, false}, nil
}

// recordOverhead is more than what a record has besides one message: an audience may have 4 KiB of text.
const recordOverhead = 16 << 10

// enqueue, with mu held, puts a push into the record that takes what is submitted.
func (e *Engine) enqueue(s *submission) {
	size := len(s.push.Message.Data) + 256
	if o := e.open; o != nil && (len(o.pushes) >= roomFor(o, s.push) || len(o.bytes)+size > maxRecordBytes) {
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
	o.version = max(o.version, versionOf(s.push))
	o.pushes = append(o.pushes, s)
	o.traced = o.traced || s.push.Trace != nil
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
