package cluster

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"scenecast"
)

// report is what this node has to tell of a push to the push's origin.
type report struct {
	origin scenecast.NodeID
	number uint64 // of the origin's record
	index  int
	seq    uint64 // of the push's position on this node
	tally  scenecast.Tally
	done   bool
}

// reports are on their way to their origins. One message goes to an origin at a time, and holds what has come together since the
// last one: so many pushes cost few messages, and one push alone is told at once.
type reports struct {
	engine *Engine

	mu      sync.Mutex
	pending map[scenecast.NodeID][]report
	sending map[scenecast.NodeID]bool
}

func (r *reports) init(e *Engine) {
	r.engine = e
	r.pending = make(map[scenecast.NodeID][]report)
	r.sending = make(map[scenecast.NodeID]bool)
}

// add never waits and takes no lock of the engine's: a node may report while it is being handed a push.
func (r *reports) add(t report) {
	if r.engine.muted.Load() { // the process that has the pages tells it
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending[t.origin] = append(r.pending[t.origin], t)
	if r.sending[t.origin] {
		return
	}
	r.sending[t.origin] = r.engine.spawn(func() { r.send(t.origin) })
	if !r.sending[t.origin] && t.origin == r.engine.options.ID { // the engine is closed, and somebody may wait for a receipt still
		r.sending[t.origin] = true
		go r.send(t.origin)
	}
}

// send tells an origin until there is nothing more to tell.
func (r *reports) send(origin scenecast.NodeID) {
	for {
		r.mu.Lock()
		batch := r.pending[origin]
		delete(r.pending, origin)
		if len(batch) == 0 {
			delete(r.sending, origin)
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		if origin == r.engine.options.ID {
			r.engine.count(origin, batch)
			continue
		}
		for len(batch) > 0 {
			n := min(len(batch), maxReports)
			r.engine.send(origin, messageTally, appendReports(nil, batch[:n]))
			batch = batch[n:]
		}
	}
}

// maxReports bounds a message.
const maxReports = 4096

// appendReports encodes reports: of each the number of the record, the index, the tally and whether it is done.
func appendReports(b []byte, reports []report) []byte {
	for _, t := range reports {
		b = binary.AppendUvarint(b, t.number)
		b = binary.AppendUvarint(b, uint64(t.index))
		b = binary.AppendUvarint(b, t.seq)
		for _, v := range [...]int{t.tally.Matched, t.tally.Queued, t.tally.Dropped, t.tally.Written, t.tally.Acked, t.tally.TimedOut, t.tally.Nodes} {
			b = binary.AppendVarint(b, int64(v))
		}
		done := byte(0)
		if t.done {
			done = 1
		}
		b = append(b, done)
	}
	return b
}

func decodeReports(b []byte) (reports []report, err error) {
	d := decoder{b: b}
	for len(d.b) > 0 {
		t := report{number: d.uvarint(), index: int(d.uvarint() & 0xffff), seq: d.uvarint()}
		for _, v := range [...]*int{&t.tally.Matched, &t.tally.Queued, &t.tally.Dropped, &t.tally.Written, &t.tally.Acked, &t.tally.TimedOut, &t.tally.Nodes} {
			*v = int(d.varint())
		}
		t.done = d.byte() == 1
		if d.failed {
			return nil, errMessage
		}
		reports = append(reports, t)
	}
	return reports, nil
}

func (e *Engine) receiveTally(from scenecast.NodeID, b []byte) error {
	batch, err := decodeReports(b)
	if err != nil {
		return err
	}
	e.count(from, batch)
	return nil
}

// count adds up what a node tells of this node's pushes.
func (e *Engine) count(from scenecast.NodeID, batch []report) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard(from)
	for _, t := range batch {
		o := e.kept[t.number]
		if o != nil && o.traced && t.index == len(o.pushes) {
			continue // an older node tells of the push that carries the traces
		}
		if o == nil || t.index >= len(o.pushes) {
			e.countLate(t)
			e.correct(t)
			continue
		}
		if !o.read { // the other node reads faster than this one
			if o.early == nil {
				o.early = make(map[scenecast.NodeID]bool)
			}
			o.early[from] = true
		} else if _, expected := o.reported[from]; expected {
			o.reported[from] = true
		}
		s := o.pushes[t.index]
		if s.outcome.replayed {
			continue
		}
		if s.ended {
			e.countLate(t)
		}
		s.progress.Add(t.tally, false)
		switch {
		case !t.done:
		case !o.read:
			s.early = append(s.early, from)
		default:
			delete(s.waiting, from)
			e.completeIf(s)
		}
	}
}

// countLate counts a node's answer for which nobody waits any more. A correction of an earlier one is none.
func (e *Engine) countLate(t report) {
	if t.tally.Nodes > 0 {
		e.counts.talliesLate.Add(1)
	}
}

// correct, with mu held, adds what comes in when nobody waits for it any more: an acknowledgement that is late, say.
func (e *Engine) correct(t report) {
	if entry, ok := e.tail.AtSeq(t.seq); ok && !entry.Progress.Partial {
		entry.Progress.Add(t.tally, false)
	}
}

// expect, with mu held, says which nodes a record that was read back waits for: this one, and those that are known and not late.
func (e *Engine) expect(o *ownRecord) {
	if len(o.pushes) == 0 { // nobody has anything to tell of it
		return
	}
	e.markSilent()
	known := e.members.known()
	o.reported = map[scenecast.NodeID]bool{e.options.ID: false}
	for id, m := range e.members.byID {
		if !m.late || o.early[id] {
			o.reported[id] = o.early[id]
		}
	}
	for _, s := range o.pushes {
		s.progress.Known = known
		s.waiting = make(map[scenecast.NodeID]struct{}, len(o.reported))
		for id := range o.reported {
			s.waiting[id] = struct{}{}
		}
		for _, id := range s.early {
			delete(s.waiting, id)
		}
		s.early = nil
	}
	if len(o.reported) > 1 {
		o.answerTimer = time.AfterFunc(e.options.AnswerTimeout, func() { e.answersOverdue(o) })
	}
}

// answersOverdue is told that a record has waited for answers as long as it may. Nodes that have told nothing of it are late. Of the others
// a report may have been lost: pushes without a receipt wait no longer, and those with one as long as that may take.
func (e *Engine) answersOverdue(o *ownRecord) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.moving.gate != nil { // what the nodes tell is not taken just now
		if !e.muted.Load() {
			o.answerTimer = time.AfterFunc(e.options.AnswerTimeout, func() { e.answersOverdue(o) })
		}
		return
	}
	for id, reported := range o.reported {
		if m := e.members.byID[id]; m != nil && !reported {
			e.markLate(id, m)
		}
	}
	var longest time.Duration
	for _, s := range o.pushes {
		longest = max(longest, s.push.Timeout)
		if s.push.Receipt == scenecast.ReceiptQueued {
			e.stopWaiting(s)
		}
	}
	if o.left > 0 {
		o.answerTimer = time.AfterFunc(longest, func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			for _, s := range o.pushes {
				e.stopWaiting(s)
			}
		})
	}
}

// stopWaiting, with mu held, has a push wait for no other node any more.
func (e *Engine) stopWaiting(s *submission) {
	for id := range s.waiting {
		if id != e.options.ID {
			delete(s.waiting, id)
		}
	}
	e.completeIf(s)
}

// markLate, with mu held, has nobody wait for a node until it is heard of again.
func (e *Engine) markLate(id scenecast.NodeID, m *member) {
	if !m.late {
		m.late, m.since = true, e.options.Now()
		e.logger.Warn("engine: a node does not answer; nobody waits for it until it does", "node", m.Name, "id", id)
	}
	e.waitNoMore(id)
}

// markSilent, with mu held, has nobody wait for nodes that beat no more: when a node has died with which the log had its leader, what is
// published next has waited long enough. That this node has beaten itself says that it was not it that stood still.
func (e *Engine) markSilent() {
	now := time.Now()
	if e.moving.gate != nil { // it hears nobody while another process takes its place
		return
	}
	if now.Sub(e.members.beaten) > e.options.BeatEvery+e.options.AnswerTimeout/2 {
		return
	}
	for id, m := range e.members.byID {
		if !m.late && now.Sub(m.heard) > e.options.BeatEvery+e.options.AnswerTimeout {
			e.markLate(id, m)
		}
	}
}

// waitNoMore, with mu held, has no push and no query wait for a node.
func (e *Engine) waitNoMore(id scenecast.NodeID) {
	for _, o := range e.kept {
		if _, waited := o.reported[id]; !waited {
			continue
		}
		for _, s := range o.pushes {
			if _, waits := s.waiting[id]; waits {
				delete(s.waiting, id)
				e.completeIf(s)
			}
		}
	}
	for _, a := range e.asks {
		a.waitNoMore(id)
	}
}

// send sends a message of this node's, and drops it where the backend cannot.
func (e *Engine) send(to scenecast.NodeID, kind byte, body []byte) {
	if e.muted.Load() {
		return
	}
	b := make([]byte, 0, 28+len(body))
	b = append(b, kind)
	b = binary.BigEndian.AppendUint64(b, uint64(e.options.ID))
	b = binary.AppendUvarint(b, e.messages.Add(1))
	b = binary.AppendUvarint(b, uint64(time.Since(e.began)/time.Microsecond))
	b = append(b, body...)
	ctx, cancel := context.WithTimeout(e.ctx, e.options.AnswerTimeout)
	defer cancel()
	if err := e.backend.Send(ctx, to, b); err != nil {
		e.logger.Debug("engine: a message was not sent", "kind", kind, "err", err)
	}
}

// The kinds of messages: their first byte. The sender's NodeID follows, 8 bytes, its count of its messages,
// a varint, and when it sent this one, a varint: microseconds since it began.
const (
	messageTally byte = 1 + iota
	messageBeat
	messageAsk
	messageReply
	messageNode // what the nodes tell each other
)
