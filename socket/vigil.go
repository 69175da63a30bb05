package socket

import (
	"math/rand/v2"
	"time"

	"scenecast"
)

// instant is a time of a loop: milliseconds since it began, modulo 2^32, which are 49 days. Only differences have a
// meaning, of less than half of that.
type instant uint32

// farthest is how far instants look ahead: what is set to take longer takes this long.
const farthest = 20 * 24 * time.Hour

func (t instant) add(d time.Duration) instant { return t + instant(min(d, farthest)/time.Millisecond) }
func (t instant) since(other instant) time.Duration {
	return time.Duration(int32(t-other)) * time.Millisecond
}
func (t instant) before(other instant) bool { return int32(t-other) < 0 }

// rhythm is how long pages may be silent.
type rhythm struct {
	pingEvery time.Duration // negative: never
	pongWait  time.Duration
	silence   scenecast.IdlePolicy

	listensOnly bool // pages that only listen answer no ping; that the kernel takes it must do
}

// vigil decides when a silent page is pinged and when it is given up. It has no clock and no timer of its own, and is small:
// every page has one.
type vigil struct {
	heard    instant // the last sign of life
	pinged   instant // while a pong is awaited
	check    instant // when to look for silence, where not any is allowed
	early    uint8   // how much sooner than others it is pinged: so many 255ths of a fifth
	awaiting bool    // a pong
}

// verdict is what a look finds to be done.
type verdict int

const (
	nothing verdict = iota
	ping
	giveUpNoPong
	giveUpIdle
)

func newVigil(r *rhythm, now instant) vigil {
	// Up to a fifth early, so that pages which came back together are not pinged together for ever.
	return vigil{heard: now, check: now.add(r.silence.CheckEvery), early: uint8(rand.Uint32())}
}

// listen notes that bytes have come: any of them is a sign of life.
func (v *vigil) listen(now instant) { v.heard, v.awaiting = now, false }

// pingAt is when a page that stays silent is pinged.
func (v *vigil) pingAt(r *rhythm) instant {
	return v.heard.add(r.pingEvery - r.pingEvery/5*time.Duration(v.early)/255)
}

// next is when to look; false is never.
func (v *vigil) next(r *rhythm) (at instant, ok bool) {
	switch {
	case v.awaiting:
		at, ok = v.pinged.add(r.pongWait), true
	case r.pingEvery > 0:
		at, ok = v.pingAt(r), true
	}
	if r.silence.Allowed > 0 && (!ok || v.check.before(at)) {
		at, ok = v.check, true
	}
	return at, ok
}

// look says what is to be done now.
func (v *vigil) look(r *rhythm, now instant) verdict {
	if v.awaiting && !now.before(v.pinged.add(r.pongWait)) {
		return giveUpNoPong
	}
	if r.silence.Allowed > 0 && !now.before(v.check) {
		if now.since(v.heard) >= r.silence.Allowed {
			return giveUpIdle
		}
		v.check = now.add(r.silence.CheckEvery)
	}
	if !v.awaiting && r.pingEvery > 0 && !now.before(v.pingAt(r)) {
		if r.listensOnly {
			v.heard = now
		} else {
			v.pinged, v.awaiting = now, true
		}
		return ping
	}
	return nothing
}
