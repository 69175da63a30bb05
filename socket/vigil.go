package socket

import (
	"math/rand/v2"
	"time"

	"scenecast"
)

// vigil decides when a silent page is pinged and when it is given up. It has no clock and no timer of its own.
type vigil struct {
	pingEvery time.Duration // negative: never
	pongWait  time.Duration
	silence   scenecast.Silence

	lastHeard time.Time
	pinged    time.Time // zero when no pong is awaited
	nextCheck time.Time // of silence; zero when any silence is allowed
}

// verdict is what a look finds to be done.
type verdict int

const (
	nothing verdict = iota
	ping
	giveUpNoPong
	giveUpIdle
)

func newVigil(o Options, silence scenecast.Silence, now time.Time) vigil {
	v := vigil{pingEvery: o.PingEvery, pongWait: o.PongWait, silence: silence, lastHeard: now}
	if v.pingEvery > 0 {
		// Up to a fifth early, so that pages which came back together are not pinged together for ever.
		v.pingEvery -= rand.N(v.pingEvery/5 + 1)
	}
	if silence.Allowed > 0 {
		v.nextCheck = now.Add(silence.CheckEvery)
	}
	return v
}

// heard notes that bytes have come: any of them is a sign of life.
func (v *vigil) heard(now time.Time) {
	v.lastHeard = now
	v.pinged = time.Time{}
}

// next is when to look; the zero time is never.
func (v *vigil) next() time.Time {
	next := v.nextCheck
	var beat time.Time
	switch {
	case !v.pinged.IsZero():
		beat = v.pinged.Add(v.pongWait)
	case v.pingEvery > 0:
		beat = v.lastHeard.Add(v.pingEvery)
	}
	if next.IsZero() || !beat.IsZero() && beat.Before(next) {
		next = beat
	}
	return next
}

// look says what is to be done now.
func (v *vigil) look(now time.Time) verdict {
	if !v.pinged.IsZero() && !now.Before(v.pinged.Add(v.pongWait)) {
		return giveUpNoPong
	}
	if !v.nextCheck.IsZero() && !now.Before(v.nextCheck) {
		if now.Sub(v.lastHeard) >= v.silence.Allowed {
			return giveUpIdle
		}
		v.nextCheck = now.Add(v.silence.CheckEvery)
	}
	if v.pinged.IsZero() && v.pingEvery > 0 && !now.Before(v.lastHeard.Add(v.pingEvery)) {
		v.pinged = now
		return ping
	}
	return nothing
}
