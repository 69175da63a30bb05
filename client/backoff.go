package client

import (
	"errors"
	"math/rand/v2"
	"time"

	"scenecast"
)

const (
	firstWithin  = time.Second
	withinAtMost = 30 * time.Second
	spread       = 10 * time.Second // at least, where all pages come back at once
	stayedAfter  = 5 * time.Second  // a page that is closed sooner, again and again, waits longer each time
)

// Backoff is how long a page waits before it comes back, as the page script does: a random time from 0 on ("full jitter"),
// because pages are lost together, within a bound that grows with each failure since a connection has stayed.
func Backoff(failures int, err error) time.Duration {
	within := withinAtMost
	if failures < 5 {
		within = min(within, firstWithin<<failures)
	}
	var e *Error
	if errors.As(err, &e) && (e.Code == scenecast.CloseShuttingDown || e.Code == scenecast.CloseTooMany) {
		within = max(within, spread)
	}
	return rand.N(within)
}
