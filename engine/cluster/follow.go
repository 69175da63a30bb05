package cluster

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"scenecast"
	"scenecast/engine/tail"
)

// events is the engine as its backend sees it.
type events Engine

// Record implements Events.
func (v *events) Record(number uint64, b []byte) {
	(*Engine)(v).take(told{kind: toldRecord, number: number, body: b})
}

// record takes the next record: its pushes get their positions and are handed to the node.
func (e *Engine) record(number uint64, b []byte) {
	r, err := decodeRecord(b, e.texts.parse) // one goroutine reads the log, so nobody else uses the texts
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed && !e.isLive {
		return
	}
	if number <= e.moving.before { // by the process whose place this one takes
		if err == nil {
			e.noteOther(number, r, b, e.options.Now())
		}
		return
	}
	e.readTo = number
	if err != nil {
		e.skipRecord(number, err)
		return
	}
	if r.first != 0 && r.first != e.tail.Newest().Epoch {
		e.noteAgain()
	}
	own := r.origin == e.options.ID
	o := e.kept[r.number]
	if !own {
		o = nil
	}
	if !e.seenOf(r.origin).add(r.number) {
		if !e.isRepeat(number, recordName{r.origin, r.number}) {
			e.stray(number, r) // it has been appended again, and was there already
		}
		return
	}
	now := e.options.Now()
	switch {
	case o != nil:
		o.read, o.place = true, number
		e.noteSafe(o)
		e.expect(o)
	case !own:
		e.noteOther(number, r, b, now)
	}
	epoch := e.tail.Newest().Epoch
	for i, p := range r.pushes {
		p.Position = scenecast.Position{Epoch: epoch, Seq: seqOf(number, i)}
		var s *submission
		if o != nil && i < len(o.pushes) {
			s = o.pushes[i]
		}
		e.publish(r.origin, r.number, i, p, s, now)
	}
	if r.first != 0 && r.first != epoch && len(r.pushes) > 0 { // pages of nodes that read it where it is lost have it
		e.tail.Stray(r.first, seqOf(number, len(r.pushes)-1))
	}
	if o != nil {
		e.completeAll(o)
	}
	e.answerWaiting()
}

// stray, with mu held, notes the pushes of a record that was appended again, where this node had read it in a part of the log that is
// lost: pages that come from other nodes may not have them.
func (e *Engine) stray(number uint64, r record) {
	for i, p := range r.pushes {
		if entry, ok := e.tail.Lookup(tail.Name{App: p.App, ID: p.ID}, time.Time{}); ok && e.tail.IsVoid(entry.Push.Position) {
			e.tail.Stray(entry.Push.Position.Epoch, seqOf(number, i))
		}
	}
}

// skipRecord, with mu held, passes over a record that cannot be read. Its pushes are lost to this node's pages, which are told.
func (e *Engine) skipRecord(number uint64, err error) {
	if errors.Is(err, errNewer) {
		if e.newer {
			return
		}
		e.newer = true
	}
	e.logger.Error("engine: a record of the log cannot be read", "record", number, "err", err)
	e.miss(number)
}

// publish, with mu held, publishes one push of a record on this node, unless its idempotency key is taken.
func (e *Engine) publish(origin scenecast.NodeID, number uint64, index int, p *scenecast.Push, s *submission, now time.Time) {
	key := tail.Name{App: p.App, ID: p.IdempotencyKey}
	if key.ID != "" {
		if s != nil {
			e.forgetKey(s)
		}
		if a := e.keys.Find(key, p.At); a != nil {
			if e.tail.IsVoid(a.Position) { // other nodes may not have read the push that has the key here
				e.tail.Stray(a.Position.Epoch, p.Position.Seq)
			}
			switch {
			case s == nil:
			case a.Fingerprint != s.fingerprint:
				e.fail(s, scenecast.ErrKeyReused)
			default:
				s.waiting = nil
				s.decide(attempted(a))
			}
			return
		}
	}
	progress := new(tail.Progress)
	if s != nil {
		progress = s.progress
	} else {
		progress.Partial = true
	}
	e.tail.Add(p, progress, now)
	if key.ID != "" {
		e.keys.Add(&tail.Attempt{Key: key, At: p.At, Fingerprint: p.Fingerprint(), ID: p.ID, Position: p.Position, Progress: progress})
	}
	if s != nil {
		s.decide(published{id: p.ID, position: p.Position, progress: progress})
	}
	e.deliver(origin, number, index, p, progress)
}

// deliver, with mu held, hands a push to the node. What was in the log at the start is for pages that come later, so nobody waits for
// its receipts.
func (e *Engine) deliver(origin scenecast.NodeID, number uint64, index int, p *scenecast.Push, progress *tail.Progress) {
	if p.App == scenecast.TracesApp { // it only has its place in the log
		e.node.Deliver(p, func(scenecast.Tally, bool) {})
		progress.Add(scenecast.Tally{}, true)
		return
	}
	if !e.isLive {
		if p.Receipt != scenecast.ReceiptQueued || p.Trace != nil {
			restored := *p
			restored.Receipt, restored.Trace = scenecast.ReceiptQueued, nil
			p = &restored
		}
		e.node.Deliver(p, func(scenecast.Tally, bool) {})
		progress.Add(scenecast.Tally{}, true)
		return
	}
	if p.Receipt != scenecast.ReceiptQueued {
		e.routes.add(p.Position.Seq, recordName{origin, number})
	}
	e.node.Deliver(p, e.reporter(origin, number, index, p.Position.Seq, progress))
}

// reporter is where the node reports what becomes of a push.
func (e *Engine) reporter(origin scenecast.NodeID, number uint64, index int, seq uint64, progress *tail.Progress) func(t scenecast.Tally, done bool) {
	return func(t scenecast.Tally, done bool) {
		if progress.Partial { // otherwise it is counted with those of the other nodes
			progress.Add(t, done)
		}
		e.reports.add(report{origin: origin, number: number, index: index, seq: seq, tally: t, done: done})
	}
}

// seenOf, with mu held, is the set of an origin's records that were read.
func (e *Engine) seenOf(origin scenecast.NodeID) *seen {
	s := e.seen[origin]
	if s == nil {
		s = new(seen)
		e.seen[origin] = s
		e.origins = append(e.origins, origin)
		if len(e.origins) > maxOrigins {
			e.forgetOrigin()
		}
	}
	return s
}

// maxOrigins bounds how many origins are remembered, 8 KiB each. Every start of a node is one more.
const maxOrigins = 512

// forgetOrigin, with mu held, forgets the oldest origin that is no member any more: nobody appends anything of it again.
func (e *Engine) forgetOrigin() {
	for i, origin := range e.origins {
		if _, here := e.members.byID[origin]; !here && origin != e.options.ID {
			delete(e.seen, origin)
			e.origins = append(e.origins[:i], e.origins[i+1:]...)
			return
		}
	}
}

// Epoch implements Events. What this node had appended and the log has lost, it appends again, and later what it had read of others, unless
// somebody else does.
func (v *events) Epoch(id, begin, previousEnd uint64) {
	(*Engine)(v).meetEpoch(id)
	(*Engine)(v).take(told{kind: toldEpoch, number: begin, epoch: id, previousEnd: previousEnd})
}

func (e *Engine) epoch(id, begin, previousEnd uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.moving.isMoved && (begin <= e.moving.before || e.tail.HasEpoch(id)) { // it was read by the process whose place this one takes
		e.moving.epoch = id
		e.loseOthers(begin, previousEnd)
		return
	}
	e.readTo = max(e.readTo, begin)
	e.tail.Begin(id, endOf(begin), endOf(previousEnd))
	if e.settlesFor() <= 0 {
		e.unsettled = e.unsettled[:0]
	}
	e.unsettled = append(e.unsettled, id)
	e.loseOthers(begin, previousEnd)
	if !e.isLive {
		return
	}
	e.epochRead = time.Now()
	var lost []*ownRecord
	e.inOrder = slices.DeleteFunc(e.inOrder, func(o *ownRecord) bool {
		if o.place != 0 && (o.place <= previousEnd || o.place > begin) {
			return false
		}
		o.place = 0
		e.keptBytes -= len(o.bytes)
		o.markAgain()
		lost = append(lost, o)
		return true
	})
	for o := range e.inFlight { // the backend may say that it is there, and mean the part of the log that was lost
		o.again = true
		o.markAgain()
		if o.place > previousEnd && o.place <= begin {
			o.place = 0
		}
	}
	for _, o := range e.queue {
		o.markAgain()
		if o.place > previousEnd && o.place <= begin {
			o.place = 0
		}
	}
	e.epochBegin = begin
	if len(lost) > 0 {
		e.queue = append(lost, e.queue...)
		e.appendMore()
	}
	e.logger.Warn("engine: the log has begun anew", "epoch", scenecast.Position{Epoch: id, Seq: endOf(begin)}, "ended", previousEnd, "appended_again", len(lost), "lost_of_others", len(e.others.lost))
}

// Missed implements Events.
func (v *events) Missed(upTo uint64) {
	(*Engine)(v).take(told{kind: toldMissed, number: upTo})
}

func (e *Engine) missed(upTo uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if upTo <= e.moving.before {
		return
	}
	e.readTo = max(e.readTo, upTo)
	if e.isLive {
		e.logger.Error("engine: this node was away longer than the log keeps pushes; its pages are told of the gap", "up_to", upTo)
	}
	e.miss(upTo)
}

// miss, with mu held, notes that pushes up to the end of a record are lost to this node.
func (e *Engine) miss(upTo uint64) {
	e.tail.Miss(endOf(upTo))
	e.node.Skip(scenecast.GapNotice{Reason: scenecast.GapRetention, Newest: e.tail.Newest()})
}

// Live implements Events.
func (v *events) Live() {
	e := (*Engine)(v)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.moving.isMoved { // the node has begun in another process
		close(e.moving.ready)
		return
	}
	if !e.isLive {
		e.isLive = true
		// The node begins at the end of the log; it has no pages yet that could miss anything.
		e.node.Skip(scenecast.GapNotice{Reason: scenecast.GapEpoch, Newest: e.tail.Newest()})
		close(e.live)
	}
}

// State implements Events.
func (v *events) State(err error) {
	e := (*Engine)(v)
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case !e.isLive: // the backend itself says what it waits for
	case err != nil && e.state == nil:
		e.logger.Error("engine: the backend is out of order", "err", err)
	case err == nil && e.state != nil:
		e.logger.Info("engine: the backend works again")
		clear(e.unread) // what pages come from that have waited may be read now
	}
	e.state = err
}

// Message implements Events.
func (v *events) Message(b []byte) {
	(*Engine)(v).take(told{kind: toldMessage, body: b})
}

// errMessage is returned for a message that is not one.
var errMessage = errors.New("a message that is cut off, or of no known form")

func (e *Engine) receive(b []byte) error {
	d := decoder{b: b}
	kind, from, number, sent := d.byte(), scenecast.NodeID(d.uint64()), d.uvarint(), time.Duration(d.uvarint())*time.Microsecond
	if d.failed {
		return errMessage
	}
	if from == e.options.ID {
		return nil
	}
	isNew, delay := e.arrive(from, number, sent)
	if !isNew {
		return nil
	}
	switch kind {
	case messageTally:
		return e.receiveTally(from, d.b)
	case messageBeat:
		return e.receiveBeat(from, d.b)
	case messageAsk:
		return e.receiveAsk(from, d.b, delay)
	case messageReply:
		return e.receiveReply(from, d.b)
	case messageNode:
		e.node.Received(d.b)
		return nil
	default:
		e.logger.Debug("engine: a message of an unknown kind", "kind", kind, "from", fmt.Sprint(from))
		return nil // a newer version's
	}
}

// arrive notes a message, which was sent at this time of the sender's clock. It tells whether it is new, as what is added up must
// come once, and how much longer it has taken than messages of this sender take.
func (e *Engine) arrive(from scenecast.NodeID, number uint64, sent time.Duration) (isNew bool, delay time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.members.senders[from]
	if s == nil {
		s = new(sender)
		e.members.senders[from] = s
	}
	return s.seen.add(number), s.delay(time.Since(e.began), sent)
}
