package cluster

import (
	"slices"
	"time"

	"scenecast"
)

// What this node has read of others and the log then loses, pages have got, or pages of other nodes have. Its origin appends it again. Where
// the origin is dead, or does not come to it, this node does, so that nodes which have not read it know that pages may have it, and nothing is
// lost that any living node has read. All nodes that have read it do so. A record is known by its origin and number, so only the first copy
// happens; and as each appends in the order in which it has read, what happens stays in its origin's order.

// recordName is what a record is known by, wherever in the log it is.
type recordName struct {
	origin scenecast.NodeID
	number uint64
}

// otherRecord is a record of another node's, or of an earlier process of this one's, as long as this node may have to append it again.
type otherRecord struct {
	name  recordName
	bytes []byte
	epoch uint64    // in which it was read first
	place uint64    // its number in the log, as far as that is known to have it; otherwise 0
	read  time.Time // when it was read, or appended again, the last time
	is    otherState
}

// otherState is where an otherRecord is.
type otherState byte

const (
	inLog   otherState = iota // in others.inOrder: the log has it, or will give it back
	isLost                    // in others.lost: it is waited for whether somebody else appends it again
	goesOut                   // in an ownRecord, on its way
)

// others are the records of others.
type others struct {
	byName   map[recordName]*otherRecord
	inOrder  []*otherRecord
	bytes    int // of inOrder
	lost     []*otherRecord
	returned map[scenecast.NodeID]struct{} // origins of which something came again since lost was looked at last
	timer    *time.Timer                   // looks at lost; nil: nothing is
}

const (
	// othersWait is how long a node waits, while nothing of an origin comes again, until it appends that itself. It must be much less than
	// settleFor.
	othersWait = 200 * time.Millisecond
	// maxOthers bounds the bytes of records that may be appended again for others, and so what comes at once when an epoch begins. Most of
	// them are those of the pushes that the tail keeps.
	maxOthers = 32 << 20
)

// noteOther, with mu held, keeps a record that was read for the first time.
func (e *Engine) noteOther(number uint64, r record, b []byte, now time.Time) {
	if len(r.pushes) == 0 || !e.isLive && now.Sub(r.pushes[len(r.pushes)-1].At) > e.options.AppendAgain+keySlack {
		return
	}
	h := &otherRecord{name: recordName{r.origin, r.number}, bytes: b, epoch: e.epochOf(number), place: number}
	e.others.byName[h.name] = h
	e.keepOther(h)
}

// epochOf, with mu held, is the epoch of a record that has just been read.
func (e *Engine) epochOf(number uint64) uint64 {
	if number <= e.moving.before { // it was read by the process before
		return e.moving.epoch
	}
	return e.tail.Newest().Epoch
}

// keepOther, with mu held, keeps a record that the log has.
func (e *Engine) keepOther(h *otherRecord) {
	l := &e.others
	h.is, h.read = inLog, time.Now()
	l.inOrder = append(l.inOrder, h)
	l.bytes += len(h.bytes)
	e.pruneOthers()
}

// pruneOthers, with mu held, lets go of records that are too old to be appended again, or too many.
func (e *Engine) pruneOthers() {
	l := &e.others
	for len(l.inOrder) > 0 {
		oldest := l.inOrder[0]
		if time.Since(oldest.read) < e.options.AppendAgain && l.bytes <= maxOthers {
			return
		}
		l.inOrder[0] = nil
		l.inOrder = l.inOrder[1:]
		l.bytes -= len(oldest.bytes)
		delete(l.byName, oldest.name)
	}
}

// isRepeat, with mu held, notes that a record which this node has read has come once more, and reports whether the log had it still: then all
// that have read it there have it, and the copy says nothing.
func (e *Engine) isRepeat(number uint64, name recordName) bool {
	h := e.others.byName[name] // also of this node's, which an earlier process of it has appended
	if o := e.kept[name.number]; name.origin == e.options.ID && o != nil {
		if len(o.bytes) > 0 && o.place != 0 {
			return true
		}
		o.place = number
		e.noteSafe(o)
		if h == nil {
			return false
		}
	}
	switch {
	case h == nil:
		return false
	case h.place != 0:
		return true
	}
	h.place = number
	e.others.returned[name.origin] = struct{}{}
	if h.is == isLost {
		e.others.lost = slices.DeleteFunc(e.others.lost, func(l *otherRecord) bool { return l == h })
		e.keepOther(h)
	}
	return false
}

// loseOthers, with mu held, notes what the log has lost: the records behind the one with the number previousEnd, up to begin.
func (e *Engine) loseOthers(begin, previousEnd uint64) {
	l := &e.others
	isVoid := func(h *otherRecord) bool { return h.place == 0 || h.place > previousEnd && h.place <= begin }
	l.inOrder = slices.DeleteFunc(l.inOrder, func(h *otherRecord) bool {
		if !isVoid(h) {
			return false
		}
		h.place = 0
		l.bytes -= len(h.bytes)
		if !e.isLive { // no page has got it from this node
			delete(l.byName, h.name)
			return true
		}
		h.is, h.bytes = isLost, again(h.bytes, h.epoch)
		l.lost = append(l.lost, h)
		return true
	})
	for o := range e.inFlight {
		if o.of != nil && isVoid(o.of) {
			o.of.place = 0
		}
	}
	for _, o := range e.queue {
		if o.of != nil && isVoid(o.of) {
			o.of.place = 0
		}
	}
	if len(l.lost) > 0 {
		e.awaitOthers()
	}
}

// awaitOthers, with mu held, has what is lost be looked at later.
func (e *Engine) awaitOthers() {
	if l := &e.others; l.timer == nil {
		clear(l.returned)
		l.timer = time.AfterFunc(othersWait, e.appendOthers)
	}
}

// appendOthers appends again what is lost, of origins of which nothing has come again.
func (e *Engine) appendOthers() {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := &e.others
	l.timer = nil
	if e.closed {
		return
	}
	var out []*ownRecord
	l.lost = slices.DeleteFunc(l.lost, func(h *otherRecord) bool {
		if _, returns := l.returned[h.name.origin]; returns {
			return false
		}
		h.is = goesOut
		out = append(out, &ownRecord{of: h, epoch: h.epoch, bytes: h.bytes, began: h.read})
		return true
	})
	if len(l.lost) > 0 {
		e.awaitOthers()
	}
	if len(out) > 0 {
		e.logger.Warn("engine: the log has lost records of other nodes, which do not append them again; this node does", "records", len(out))
		e.queue = append(out, e.queue...)
		e.appendMore()
	}
}

// isThereAgain reports whether a record of another node, which this one is to append again, is in the log already.
func (o *ownRecord) isThereAgain() bool { return o.of != nil && o.of.place != 0 }
