package socket

import (
	"math/bits"
)

// wheel keeps one alarm for each of many members, which are small numbers: to set or clear one is a few memory accesses, and
// nothing is allocated per alarm. An alarm goes off at its time or up to one step later. One that is further away than the
// wheel is round is passed over until its round has come.
type wheel struct {
	alarms  []alarm              // by member
	buckets [wheelBuckets]uint32 // by step: 1 + the first member whose alarm is in it
	busy    [wheelBuckets / 64]uint64
	count   int      // alarms that are set
	step    uint32   // the steps up to this one have been gone through
	due     []uint32 // members whose alarms go off, unless they are set or cleared before …
	passed  int      // … and how many of them were passed
}

// alarm is a member's; next and prev are 1 + its neighbours in the bucket, 0 for none.
type alarm struct {
	at         instant
	next, prev uint32
	place      uint32 // 1 + the bucket; 0: not set; goingOff: in none any more
}

// A step is 64 ms, a power of two, so that steps go round as instants do.
const (
	stepBits     = 6
	stepMask     = 1<<(32-stepBits) - 1
	wheelBuckets = 512
	goingOff     = wheelBuckets + 1
)

// stepOf is the first step at which the time has come.
func stepOf(at instant) uint32 { return uint32(at+1<<stepBits-1) >> stepBits }

// ahead reports whether a step is later than another.
func ahead(step, of uint32) bool { return int32((step-of)<<stepBits) > 0 }

// set sets a member's alarm, in place of any that it has.
func (w *wheel) set(member uint32, at instant) {
	if n := int(member) + 1 - len(w.alarms); n > 0 {
		w.alarms = append(w.alarms, make([]alarm, n)...)
	}
	a := &w.alarms[member]
	if a.at == at && a.place != 0 && a.place != goingOff {
		return
	}
	w.clear(member)
	step := stepOf(at)
	if !ahead(step, w.step) {
		step = w.step + 1 // it is late already
	}
	bucket := step % wheelBuckets
	*a = alarm{at: at, next: w.buckets[bucket], place: bucket + 1}
	if a.next != 0 {
		w.alarms[a.next-1].prev = member + 1
	}
	w.buckets[bucket] = member + 1
	w.busy[bucket/64] |= 1 << (bucket % 64)
	w.count++
}

// clear takes a member's alarm away, if it has one.
func (w *wheel) clear(member uint32) {
	if int(member) >= len(w.alarms) || w.alarms[member].place == 0 {
		return
	}
	a := &w.alarms[member]
	w.count--
	if a.place != goingOff {
		w.unlink(a)
	}
	*a = alarm{}
}

// unlink takes an alarm out of its bucket.
func (w *wheel) unlink(a *alarm) {
	bucket := a.place - 1
	if a.prev != 0 {
		w.alarms[a.prev-1].next = a.next
	} else {
		w.buckets[bucket] = a.next
	}
	if a.next != 0 {
		w.alarms[a.next-1].prev = a.prev
	}
	if w.buckets[bucket] == 0 {
		w.busy[bucket/64] &^= 1 << (bucket % 64)
	}
}

// next is when there is something to look at, which may be an alarm of a later round; false where there is no alarm.
func (w *wheel) next() (at instant, ok bool) {
	from := (w.step + 1) % wheelBuckets
	for i := range uint32(len(w.busy) + 1) {
		word := (from/64 + i) % uint32(len(w.busy))
		busy := w.busy[word]
		if i == 0 {
			busy &= ^uint64(0) << (from % 64)
		}
		if busy != 0 {
			bucket := word*64 + uint32(bits.TrailingZeros64(busy))
			return instant((w.step + 1 + (bucket-from)%wheelBuckets) << stepBits), true
		}
	}
	return 0, false
}

// rest goes on to this time at once if no alarm is set. To be called before one is set: after weeks without an alarm there
// would be many steps to go through, or the time would seem to lie behind.
func (w *wheel) rest(now instant) {
	if w.count == 0 {
		w.step = uint32(now) >> stepBits
	}
}

// isDue reports whether alarms have gone off and were not acted on.
func (w *wheel) isDue() bool { return w.passed < len(w.due) }

// advance goes on to this time and calls goesOff for alarms that are due, for this many at most: the others are due in the next call.
// An alarm may be set again, and others set or cleared, meanwhile.
func (w *wheel) advance(now instant, most int, goesOff func(member uint32)) {
	w.rest(now)
	last := uint32(now) >> stepBits
	for ahead(last, w.step) {
		w.step = (w.step + 1) & stepMask
		bucket := w.step % wheelBuckets
		for next := w.buckets[bucket]; next != 0; {
			a := &w.alarms[next-1]
			member := next - 1
			next = a.next
			if !now.before(a.at) {
				w.unlink(a)
				a.next, a.prev, a.place = 0, 0, goingOff
				w.due = append(w.due, member)
			}
		}
	}
	for n := 0; n < most && w.isDue(); {
		member := w.due[w.passed]
		w.passed++
		if w.alarms[member].place == goingOff { // it was not cleared or set anew
			w.clear(member)
			goesOff(member)
			n++
		}
	}
	if !w.isDue() {
		w.due, w.passed = w.due[:0], 0
	}
}
