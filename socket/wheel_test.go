package socket

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// naiveWheel is what a wheel is to do, in milliseconds that never come round.
type naiveWheel struct {
	wheel  wheel
	zero   uint32 // the instant at which now is 0: late ones come round soon
	now    int64
	step   int64            // gone through
	alarms map[uint32]int64 // the step by which each has gone off
	times  map[uint32]int64 // its time, from which on it may: one that goes all round passes it in the middle of a step
}

func (n *naiveWheel) instant(at int64) instant { return instant(n.zero + uint32(at)) }

// steps count from the wheel's own zero.
func (n *naiveWheel) stepAt(at int64) int64 { return (int64(n.zero) + at) >> stepBits }

func (n *naiveWheel) set(member uint32, at int64) {
	step := n.stepAt(at + stepMillis - 1)
	n.alarms[member], n.times[member] = max(step, n.step+1), at
	n.wheel.set(member, n.instant(at))
}

const stepMillis = 1 << stepBits

func (n *naiveWheel) clear(member uint32) {
	delete(n.alarms, member)
	n.wheel.clear(member)
}

// advance goes on, and inside of alarms that go off does as the random numbers say.
func (n *naiveWheel) advance(t *testing.T, by int64, r *rand.Rand) {
	n.now += by
	n.step = n.stepAt(n.now)
	n.wheel.rest(n.instant(n.now))
	due := make(map[uint32]bool)
	for member, step := range n.alarms {
		if step <= n.step {
			due[member] = true
		}
	}
	n.wheel.advance(n.instant(n.now), math.MaxInt, func(member uint32) {
		if _, set := n.alarms[member]; !set || n.times[member] > n.now {
			t.Fatalf("at %d the alarm of %d went off; due are %v", n.now, member, due)
		}
		delete(due, member)
		delete(n.alarms, member)
		for range r.IntN(3) {
			other := r.Uint32N(members)
			delete(due, other)
			if r.IntN(3) == 0 {
				n.clear(other)
			} else {
				n.set(other, n.now+randomDelay(r))
			}
		}
	})
	if len(due) > 0 {
		t.Fatalf("at %d these did not go off: %v", n.now, slices.Sorted(maps.Keys(due)))
	}
}

// check looks at when the wheel wants to be looked at.
func (n *naiveWheel) check(t *testing.T) {
	at, ok := n.wheel.next()
	if ok != (len(n.alarms) > 0) || n.wheel.count != len(n.alarms) {
		t.Fatalf("next: %v, with %d alarms, of which it counts %d", ok, len(n.alarms), n.wheel.count)
	}
	if !ok {
		return
	}
	first := slices.Min(slices.Collect(maps.Values(n.alarms)))
	if next := n.now + int64(at.since(n.instant(n.now))/time.Millisecond); n.stepAt(next) > first || n.stepAt(next) <= n.step {
		t.Fatalf("at %d, step %d, it wants to be looked at at %d, step %d; the first alarm is at step %d", n.now, n.step, next, n.stepAt(next), first)
	}
}

const members = 50

// randomDelay is short, or long, or over already.
func randomDelay(r *rand.Rand) int64 {
	return []int64{-r.Int64N(1000), r.Int64N(100), r.Int64N(60_000), r.Int64N(int64(farthest / time.Millisecond))}[r.IntN(4)]
}

// FuzzWheel compares a wheel with a map of alarms. Instants come round, and weeks without an alarm go by.
func FuzzWheel(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		n := &naiveWheel{zero: -r.Uint32N(300_000), alarms: make(map[uint32]int64), times: make(map[uint32]int64)}
		n.advance(t, 0, r)
		for range 1000 {
			switch r.IntN(4) {
			case 0, 1:
				n.set(r.Uint32N(members), n.now+randomDelay(r))
			case 2:
				n.clear(r.Uint32N(members))
			case 3:
				n.advance(t, []int64{0, r.Int64N(100), r.Int64N(100_000)}[r.IntN(3)], r)
			}
			n.check(t)
			if r.IntN(100) == 0 {
				for member := range uint32(members) {
					n.clear(member)
				}
				n.advance(t, r.Int64N(100*24*3600*1000), r)
			}
		}
	})
}

// TestAlarmsAreToldInPortions, each once, also those that are set again meanwhile.
func TestAlarmsAreToldInPortions(t *testing.T) {
	var w wheel
	w.rest(0)
	for member := range uint32(1000) {
		w.set(member, 100)
	}
	told := make(map[uint32]int)
	for round := 1; round <= 10; round++ {
		if round > 1 && !w.isDue() {
			t.Fatalf("in round %d no alarm is due, and %d were told", round, len(told))
		}
		w.advance(instant(200+round), 100, func(member uint32) {
			told[member]++
			w.set(member, 10_000)
		})
		if len(told) != 100*round {
			t.Fatalf("%d alarms were told in %d rounds", len(told), round)
		}
	}
	if w.isDue() || w.count != 1000 {
		t.Errorf("alarms are due: %v; set: %d", w.isDue(), w.count)
	}
}
