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

// keepalivePolicy is how long pages may be silent.
type keepalivePolicy struct {
	pingEvery time.Duration // negative: never
	pongWait  time.Duration
	idle      scenecast.IdlePolicy

	listenOnly bool // such pages answer no ping; that the kernel takes it must do
}

// keepalive decides when a silent page is pinged and when it is closed. It has no clock and no timer of its own, and is
// small: every page has one.
type keepalive struct {
	heard     instant // when bytes came last
	pinged    instant // while a pong is to come
	idleCheck instant // when to look whether the page is idle, where its protocol bounds that
	early     uint8   // how much sooner than others it is pinged: so many 255ths of a fifth
	needsPong bool    // it was pinged, and has sent nothing since
}

// keepaliveAction is what is due for a page.
type keepaliveAction int

const (
	nothingDue keepaliveAction = iota
	sendPing
	closeNoPong
	closeIdle
)

func newKeepalive(p *keepalivePolicy, now instant) keepalive {
	// Up to a fifth early, so that pages which came back together are not pinged together for ever.
	return keepalive{heard: now, idleCheck: now.add(p.idle.CheckEvery), early: uint8(rand.Uint32())}
}

// received notes that bytes have come: any of them is a sign of life.
func (k *keepalive) received(now instant) { k.heard, k.needsPong = now, false }

// pingAt is when a page that stays silent is pinged.
func (k *keepalive) pingAt(p *keepalivePolicy) instant {
	return k.heard.add(p.pingEvery - p.pingEvery/5*time.Duration(k.early)/255)
}

// next is when to check; false is never.
func (k *keepalive) next(p *keepalivePolicy) (at instant, ok bool) {
	switch {
	case k.needsPong:
		at, ok = k.pinged.add(p.pongWait), true
	case p.pingEvery > 0:
		at, ok = k.pingAt(p), true
	}
	if p.idle.Allowed > 0 && (!ok || k.idleCheck.before(at)) {
		at, ok = k.idleCheck, true
	}
	return at, ok
}

// extendPong gives a page that was pinged the time for its pong once more.
func (k *keepalive) extendPong(now instant) { k.pinged = now }

// check says what is due now. A ping that is due counts as sent.
func (k *keepalive) check(p *keepalivePolicy, now instant) keepaliveAction {
	if k.needsPong && !now.before(k.pinged.add(p.pongWait)) {
		return closeNoPong
	}
	if p.idle.Allowed > 0 && !now.before(k.idleCheck) {
		if now.since(k.heard) >= p.idle.Allowed {
			return closeIdle
		}
		k.idleCheck = now.add(p.idle.CheckEvery)
	}
	if !k.needsPong && p.pingEvery > 0 && !now.before(k.pingAt(p)) {
		if p.listenOnly {
			k.heard = now
		} else {
			k.pinged, k.needsPong = now, true
		}
		return sendPing
	}
	return nothingDue
}
