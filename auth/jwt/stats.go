package jwt

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/auth"
	"scenecast/histogram"
)

// timeBounds are those of the histogram of verifications.
var timeBounds = []time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond,
	10 * time.Millisecond, 100 * time.Millisecond, time.Second, 5 * time.Second,
}

// outcome is what has become of a token that was shown.
type outcome int

const (
	valid       outcome = iota
	known               // it is valid, and was verified before
	malformed           // it is no token, or too long, or its claims cannot be used
	expired             // or not valid yet
	unsigned            // no key that it may be signed by has signed it
	notMeant            // it is for another issuer or audience
	tooLong             // it has no end, or ends too late
	unavailable         // too many wait, or there are no keys yet, or its page has left
	outcomes
)

// outcomeNames are the outcomes in metrics.
var outcomeNames = [outcomes]string{"valid", "known", "malformed", "expired", "signature", "issuer_or_audience", "lifetime", "unavailable"}

// outcomeOf is that of a verification.
func outcomeOf(err error) outcome {
	is := func(any ...error) bool {
		return slices.ContainsFunc(any, func(e error) bool { return errors.Is(err, e) })
	}
	switch {
	case err == nil:
		return valid
	case is(errExpired, errEarly):
		return expired
	case is(errSignature):
		return unsigned
	case is(errIssuer, errAudience):
		return notMeant
	case is(errEndless, errLifetime):
		return tooLong
	case is(auth.ErrInvalidToken):
		return malformed
	}
	return unavailable
}

// counts are figures of verifiers and key sets.
type counts struct {
	verified      [outcomes]atomic.Int64
	took          *histogram.Histogram // of those that were not known
	read, notRead atomic.Int64         // key sets
}

func newCounts() *counts { return &counts{took: histogram.New(timeBounds)} }

// note counts a verification that began then. One that is deferred is counted when it comes again.
func (c *counts) note(began time.Time, isKnown bool, err error) {
	switch {
	case errors.Is(err, scenecast.ErrDeferred):
		return
	case isKnown && err == nil:
		c.verified[known].Add(1)
		return
	case !isKnown:
		c.took.Observe(time.Since(began))
	}
	c.verified[outcomeOf(err)].Add(1)
}

// Stats are figures since the start.
type Stats struct {
	Verifications map[string]int64   // by outcome
	Times         histogram.Snapshot // of verifications of tokens that were not known, the wait for their turn and their key included
	Refreshes     map[string]int64   // attempts to read a key set: read, failed
	Age           time.Duration      // how long ago the key set was read, or had its first attempt, for which that is longest; 0: there is none
}

// Stats are the figures of all verifiers of these key sets.
func (s *KeySets) Stats() Stats {
	c := s.countsOf()
	stats := Stats{
		Verifications: make(map[string]int64),
		Times:         c.took.Snapshot(),
		Refreshes:     map[string]int64{"read": c.read.Load(), "failed": c.notRead.Load()},
	}
	for i, name := range outcomeNames {
		stats.Verifications[name] = c.verified[i].Load()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, set := range s.sets {
		stats.Age = max(stats.Age, time.Since(time.Unix(0, set.readAt.Load())))
	}
	return stats
}

// countsOf are the counts of these key sets.
func (s *KeySets) countsOf() *counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = newCounts()
	}
	return s.counts
}
